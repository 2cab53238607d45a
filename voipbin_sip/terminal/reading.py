"""Reads the API's answers about a call into a story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from voipbin_sip.terminal.story import CallStory, Digit, Leg, Message, Recording, Sound, SoundPoint, Step


def read_story(
    told: Mapping[str, Any], quality: Mapping[str, Mapping[str, Any]], sip: Mapping[str, Mapping[str, Any]]
) -> CallStory:
    """Return the story that the API's answers tell.

    Args:
        told: of `/timelines/calls/{id}/story`.
        quality: of `/timelines/calls/{id}/quality`, by call; may lack some.
        sip: of `/timelines/calls/{id}/sip-analysis`, by call; may lack some.
    """

    live = {str(row["id"]): row for row in told["live"]}

    def leg(call: Mapping[str, Any], relation: str) -> Leg:
        id_ = str(call["id"])
        return _leg(call, relation, live.get(id_, {}), quality.get(id_, {}), sip.get(id_, {}))

    return CallStory(
        call=leg(told["call"], ""),
        flow=str(told["flow"]),
        legs=[leg(other["call"], str(other["relation"])) for other in told["legs"]],
        steps=[_step(step) for step in told["steps"]],
        steps_left_out=int(told["steps_left_out"]),
        digits=[Digit(moment(digit["timestamp"]), str(digit["digit"])) for digit in told["digits"]],
        recordings=[_recording(recording) for recording in told["recordings"]],
        notes=[str(words) for words in told.get("notes", ())],
    )


def moment(text: str) -> datetime:
    """Return the time that the API's text (RFC 3339) says."""
    return datetime.fromisoformat(text)


def party(address: Mapping[str, str]) -> str:
    """Return who an address is, for people: "Front desk (1000)", "+15550100", "sip:bob@example.com"."""
    target = address.get("target", "")
    if address.get("type") == "sip" and target and not target.startswith(("sip:", "sips:")):
        target = f"sip:{target}"
    name = address.get("target_name") or address.get("name") or ""
    if not target:
        return name or "unknown"
    return f"{name} ({target})" if name and name != target else target


def read_sound(quality: Mapping[str, Any] | None) -> Sound | None:
    """Return a quality of the API; None where there was no sound."""
    if not quality:
        return None
    return Sound(
        heard=quality.get("heard") or 0,
        heard_lost=quality.get("heard_lost"),
        heard_jitter=quality.get("heard_jitter"),
        heard_mos=quality.get("heard_mos"),
        sent=quality.get("sent") or 0,
        sent_lost=quality.get("sent_lost"),
        sent_jitter=quality.get("sent_jitter"),
        sent_mos=quality.get("sent_mos"),
        round_trip=quality.get("round_trip"),
        late=quality.get("late") or 0,
        foreign=quality.get("foreign") or 0,
    )


def _leg(
    call: Mapping[str, Any],
    relation: str,
    live: Mapping[str, Any],
    quality: Mapping[str, Any],
    sip: Mapping[str, Any],
) -> Leg:
    return Leg(
        id=str(call["id"]),
        relation=relation,
        direction=str(call["direction"]),
        status=str(call["status"]),
        source=party(call["source"]),
        destination=party(call["destination"]),
        began=moment(call["tm_create"]),
        rang=_maybe(call["tm_ringing"]),
        answered=_maybe(call["tm_progressing"]),
        ended=_maybe(call["tm_hangup"]),
        hangup_by=str(call["hangup_by"]),
        end_reason=str(call["end_reason"]),
        sip_status=int(call["sip_status"]),
        codec=str(live.get("codec") or call["quality"].get("codec", "")),
        sound=read_sound(live.get("quality") or call["quality"]),
        points=_points(quality.get("points", ())),
        step_seconds=float(quality.get("step_seconds", 5.0)),
        messages=read_messages(sip.get("sip_messages", ())),
        known=bool(sip.get("known", True)),
        step=f"{live['at']} {live['type']} {live['step']}".strip() if live.get("type") else "",
    )


def _points(told: Sequence[Mapping[str, Any]]) -> Sequence[SoundPoint]:
    found = [(float(point["seconds"]), read_sound(point)) for point in told]
    return [SoundPoint(seconds, sound) for seconds, sound in found if sound is not None]


def read_messages(told: Sequence[Mapping[str, Any]]) -> Sequence[Message]:
    """Return the messages of a `sip-analysis`, those that were sent before marked."""
    seen: set[tuple[str, str, str]] = set()
    found = []
    for one in told:
        source = endpoint(one["src_ip"], one["src_port"])
        destination = endpoint(one["dst_ip"], one["dst_port"])
        key = (source, destination, str(one["raw"]))
        found.append(
            Message(moment(one["timestamp"]), bool(one["incoming"]), source, destination, key[2], key in seen)
        )
        seen.add(key)
    return found


def endpoint(host: str, port: int) -> str:
    """Return an address with its port, as URIs write it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _step(told: Mapping[str, Any]) -> Step:
    return Step(
        flow=str(told["flow"]),
        name=str(told["step"]),
        type=str(told["type"]),
        at=str(told["at"]),
        began=moment(told["tm_execute"]),
        seconds=float(told["seconds"]),
        outcome=str(told["outcome"]),
        detail=str(told["detail"]),
        values=dict(told.get("values", {})),
    )


def _recording(told: Mapping[str, Any]) -> Recording:
    return Recording(
        id=str(told["id"]),
        status=str(told["status"]),
        seconds=float(told["duration"]),
        end_reason=str(told["end_reason"]),
        files=[str(name) for name in told["filenames"]],
        lost=float(told["lost"]),
    )


def _maybe(text: str | None) -> datetime | None:
    return moment(text) if text else None
