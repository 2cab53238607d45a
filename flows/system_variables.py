"""The names below `voipbin.` that the system sets, so that a misspelt one can be pointed out, and what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _names(prefix: str, words: str) -> set[str]:
    return {f"voipbin.{prefix}.{word}" for word in words.split()}


def _address(prefix: str, who: str) -> dict[str, str]:
    return {
        f"{prefix}.target": f"{who}: number, extension or address",
        f"{prefix}.target_name": f"{who}: display name",
        f"{prefix}.type": f"{who}: kind of address (`tel`, `extension`, `sip` …)",
        f"{prefix}.name": f"{who}: name of the address, for people",
        f"{prefix}.detail": f"{who}: note on the address",
    }


_ADDRESS = "name detail target target_name type"

SET_HERE: Final[Mapping[str, str]] = {
    "voipbin.call.id": "The call; in runs on a call",
    "voipbin.call.direction": "`incoming` or `outgoing`",
    "voipbin.call.master_call_id": "Of a call that another one has made: the other one",
    "voipbin.call.digits": "What the caller typed last, for `digits_receive` or during a prompt before it",
    **_address("voipbin.call.source", "Who calls"),
    **_address("voipbin.call.destination", "What was dialled"),
    "voipbin.connect.result": "How the last `connect` went: `answered`, `busy`, `noanswer`, `refused` …",
    "voipbin.connect.reason": "Why, in words or as SIP status: `486 Busy Here`",
    "voipbin.connect.call_id": "The call that answered the last `connect`, else the one whose end it tells",
    "voipbin.webhook.status": "HTTP status of the answer to the last `webhook_send` with `sync`; 0: none came",
    "voipbin.webhook.body": "Text of that answer",
    "voipbin.recording.id": "The last recording, from `recording_start` on",
    "voipbin.recording.reference_type": "What it is of: `call` or `conference`",
    "voipbin.recording.reference_id": "The call or conference that it is of",
    "voipbin.recording.format": "`wav`, `ogg` or `mp3`",
    "voipbin.recording.recording_name": "Its name: kind, id and time of the beginning",
    "voipbin.recording.filenames": "Its file",
    "voipbin.recording.duration": "Its length in seconds, once it has ended",
    "voipbin.recording.spoken": "Seconds of it that are not silence, once it has ended",
    "voipbin.recording.end_reason": "Why it ended: `stopped`, `duration`, `silence`, `key`, `hangup` …",
    "voipbin.activeflow.id": "This run",
    "voipbin.activeflow.flow_id": "Its flow",
    "voipbin.activeflow.reference_type": "What it is about: `call`, `api`, `recording`; empty: nothing",
    "voipbin.activeflow.reference_id": "Which call or recording that is",
    "voipbin.activeflow.reference_activeflow_id": "The run that caused this one, or that it follows",
    "voipbin.activeflow.complete_count": "How many runs came before it by `on_complete_flow_id`",
    "voipbin.flow.reference_data": "What the run is about as JSON, as it is when it is read",
}
"""What each variable that this server sets is, and since when."""

NOT_SET_HERE: Final = frozenset(
    _names("queue", "id name detail")
    | _names("queuecall", "id timeout_wait timeout_service")
    | _names("transcribe", "id language direction")
    | _names("conversation", "id owner_id")
    | _names("conversation.self", _ADDRESS)
    | _names("conversation.peer", _ADDRESS)
    | _names("conversation_message", "id text direction")
    | _names("aicall", "id ai_id ai_engine_model confbridge_id stt_language pipecatcall_id")
    | _names("ai_summary", "id reference_type reference_id language content")
    | {f"voipbin.tts.{engine}.voice_id" for engine in ("elevenlabs", "gcp", "aws")}
)
"""What VoIPBIN sets besides: its flows may name these, which are empty here."""

SYSTEM_VARIABLES: Final = frozenset(SET_HERE) | NOT_SET_HERE
