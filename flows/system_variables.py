"""The names below `voipbin.` that the system sets, so that a misspelt one can be pointed out."""

from __future__ import annotations

from typing import Final


def _names(prefix: str, words: str) -> set[str]:
    return {f"voipbin.{prefix}.{word}" for word in words.split()}


_ADDRESS = "name detail target target_name type"

SYSTEM_VARIABLES: Final = frozenset(
    {"voipbin.flow.reference_data"}
    | _names(
        "activeflow",
        "id reference_type reference_id reference_activeflow_id flow_id complete_count",
    )
    | _names("call", "id direction master_call_id digits")
    | _names("call.source", _ADDRESS)
    | _names("call.destination", _ADDRESS)
    | _names("connect", "result reason call_id")
    | _names("webhook", "status body")
    | _names("queue", "id name detail")
    | _names("queuecall", "id timeout_wait timeout_service")
    | _names("recording", "id reference_type reference_id format recording_name filenames")
    | _names("recording", "duration spoken end_reason")
    | _names("transcribe", "id language direction")
    | _names("conversation", "id owner_id")
    | _names("conversation.self", _ADDRESS)
    | _names("conversation.peer", _ADDRESS)
    | _names("conversation_message", "id text direction")
    | _names("aicall", "id ai_id ai_engine_model confbridge_id stt_language pipecatcall_id")
    | _names("ai_summary", "id reference_type reference_id language content")
    | {f"voipbin.tts.{engine}.voice_id" for engine in ("elevenlabs", "gcp", "aws")}
)
