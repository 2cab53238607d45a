"""The page of an attempt that was refused before it was a call; its first line is the answer to "why?"."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding

from voipbin_sip.terminal.page import Ladder, in_full, said
from voipbin_sip.terminal.refused import RefusedAttempt, RefusedStory


def verdict(story: RefusedStory) -> str:
    """Return in one line what became of it, and why."""
    what = "Registration refused" if story.attempt.method == "REGISTER" else "Refused"
    return f"{what} with {story.attempt.status}: {story.why}"


def refused_page(story: RefusedStory, *, before: str = "", show_sip: bool = False) -> RenderableType:
    """Return the page: the answer, who and where from, the call before it, what to do, the SIP messages."""
    attempt = story.attempt
    by = f" ({attempt.user_agent})" if attempt.user_agent else ""
    what = f"{attempt.who} registers for" if attempt.method == "REGISTER" else f"{attempt.who} →"
    parts: list[RenderableType] = [
        said(verdict(story), style="bold red"),
        said(f"{what} {attempt.callee or 'an address that cannot be read'}"),
        said(f"{_when(attempt)}, from {attempt.source} by {attempt.transport}{by}"),
        said(f"no call: refused attempt {attempt.id}, SIP Call-ID {attempt.sip_call_id}", style="dim"),
    ]
    if before:
        parts.append(said(f"the last call before it: {before}", style="dim"))
    if story.advice:
        lines = Group(*(said(line) for line in story.advice))
        parts += [said("\nWhat to do", style="bold"), Padding(lines, (0, 0, 0, 2), expand=False)]
    parts += [said("\nSIP", style="bold"), Padding(_sip(story), (0, 0, 0, 2), expand=False)]
    if show_sip and story.messages:
        full = in_full(story.messages, story.messages[0].at)
        parts += [said("\nSIP messages", style="bold"), Padding(full, (0, 0, 0, 2), expand=False)]
    return Group(*parts)


def _when(attempt: RefusedAttempt) -> str:
    at = f"{attempt.at.astimezone():%Y-%m-%d %H:%M:%S %z}"
    if attempt.count == 1:
        return at
    return f"{at}, {attempt.count} times since {attempt.began.astimezone():%H:%M:%S}"


def _sip(story: RefusedStory) -> RenderableType:
    if story.messages:
        return Ladder(story.messages[0].at, [*story.messages])
    return said(
        "Its SIP messages are not kept any more (trace.sip_mb and trace.sip_hours in voipbin.yaml).",
        style="dim",
    )
