"""`voipbin-sip call ID`: what became of one call, or of one that was refused before it was any, and why."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from voipbin_sip.cli.own_server import NoServerError, own_server
from voipbin_sip.printable import clean
from voipbin_sip.terminal.advice import advice
from voipbin_sip.terminal.fetch import Api, ApiFault
from voipbin_sip.terminal.finding import Found, NoSuchCall, SeveralCalls, fetch_story, find_call
from voipbin_sip.terminal.page import MASK, page, without_digits
from voipbin_sip.terminal.reading import moment, party
from voipbin_sip.terminal.refused import RefusedStory, fetch_refused
from voipbin_sip.terminal.refused_page import refused_page
from voipbin_sip.terminal.refused_page import verdict as refused_verdict
from voipbin_sip.terminal.story import CallStory
from voipbin_sip.terminal.words import troubles, verdict

PIPE_WIDTH = 120  # columns where the output is no terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How the call is to be shown."""

    form: Literal["text", "json"] = "text"
    sip: bool = False
    digits: bool = False
    pcap: Path | None = None


def reach(config: Path, api: str, accesskey: str) -> Api:
    """Return a client of the server that runs with a configuration, or of one elsewhere. Raises NoServerError."""
    if not api:
        running = own_server(config)
        return Api(running.api, running.token, own=True)
    if not accesskey:
        raise NoServerError("give an access key with --accesskey, or in the environment as VOIPBIN_ACCESSKEY")
    if not api.startswith(("http://", "https://")):
        raise NoServerError(f"--api {api!r} is no URL: write https://phones.example.com:8080")
    if not (accesskey.isascii() and accesskey.isprintable()):
        raise NoServerError("the access key has characters that none has; copy it again, in one line")
    return Api(api, accesskey)


def show_call(config: Path, name: str, wishes: Wishes, *, api: str = "", accesskey: str = "") -> int:
    """Print a call; returns the exit status."""
    try:
        server = reach(config, api, accesskey)
        found, story, capture = asyncio.run(_fetch(server, name, wishes.pcap is not None))
    except NoServerError as error:
        return _fail(f"{error}; a server elsewhere is reached by --api URL" if not api else str(error))
    except ApiFault as fault:
        start = f"; is it running? Start it: voipbin-sip serve --config {config}"
        where = "; is the address right, is http.listen there open to this machine, and no firewall between?"
        return _fail(f"{fault}{'' if fault.status else where if api else start}")
    except NoSuchCall as error:
        return _fail(str(error))
    except SeveralCalls as error:
        print("several calls fit, name one of them:", file=sys.stderr)
        for line in _listed(error.calls):
            print(clean(line))
        return 1
    if wishes.pcap is not None and not _written(wishes.pcap, capture):
        return 1
    _print(found, story, wishes)
    return 0


def _print(found: Found, story: CallStory | RefusedStory, wishes: Wishes) -> None:
    if wishes.form == "json":
        told = as_json(story, wishes) if isinstance(story, CallStory) else refused_as_json(story, wishes)
        print(json.dumps(told, indent=2))
    else:
        if isinstance(story, CallStory):
            content = page(story, show_sip=wishes.sip, show_digits=wishes.digits)
        else:
            content = refused_page(story, before=found.before, show_sip=wishes.sip)
        if sys.stdout.isatty():
            Console(highlight=False).print(content)
            return
        console = Console(width=PIPE_WIDTH, highlight=False, color_system=None)
        with console.capture() as capture:
            console.print(content)
        print("\n".join(line.rstrip() for line in capture.get().splitlines()))


async def _fetch(api: Api, name: str, capture: bool) -> tuple[Found, CallStory | RefusedStory, bytes]:
    """Return what a name means, the story of it, and its capture if that is wanted."""
    async with api:
        found = await find_call(api, name)
        story = await (fetch_refused if found.refused else fetch_story)(api, found.id)
        return found, story, await _capture(api, found) if capture else b""


async def _capture(api: Api, found: Found) -> bytes:
    try:
        return await api.load(f"/timelines/{'refused' if found.refused else 'calls'}/{found.id}/pcap")
    except ApiFault as fault:
        if fault.status == 404:
            words = "there is nothing to capture: the SIP messages of this call are not kept any more"
            raise ApiFault(words, fault.status) from fault
        raise


def _written(path: Path, content: bytes) -> bool:
    try:
        path.write_bytes(content)
    except OSError as error:
        _fail(f"cannot write {path}: {error.strerror}")
        return False
    print(f"wrote {path}", file=sys.stderr)
    return True


def as_json(story: CallStory, wishes: Wishes) -> Mapping[str, Any]:
    """Return the story for programs: its fields, times in RFC 3339, with the verdict and the troubles in words."""
    told = {
        "verdict": verdict(story),
        "troubles": [*troubles(story)],
        "advice": [*advice(story)],
        **asdict(story),
    }
    for digit in told["digits"]:
        digit["digit"] = digit["digit"] if wishes.digits else MASK
    for leg in (told["call"], *told["legs"]):
        for message in leg["messages"]:
            message["text"] = message["text"] if wishes.digits else without_digits(message["text"])
        if not wishes.sip:
            del leg["messages"]
    return _as_told(told)


def refused_as_json(story: RefusedStory, wishes: Wishes) -> Mapping[str, Any]:
    """Return the story of a refused attempt for programs."""
    told = {"verdict": refused_verdict(story), **asdict(story)}
    if not wishes.sip:
        del told["messages"]
    return _as_told(told)


def _as_told(told: Mapping[str, Any]) -> Mapping[str, Any]:
    plain: Mapping[str, Any] = json.loads(json.dumps(told, default=_plain))
    return plain


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not for JSON")


def _listed(calls: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{call['id']}  {moment(call['tm_create']).astimezone():%Y-%m-%d %H:%M:%S}  "
        f"{party(call['source'])} → {party(call['destination'])}  {call['end_reason'] or call['status']}"
        for call in calls
    ]


def _fail(message: str) -> int:
    print(f"voipbin-sip: {message}", file=sys.stderr)
    return 1
