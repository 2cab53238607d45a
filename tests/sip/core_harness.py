"""A core in virtual time, and a peer that writes and reads SIP as plain text, independent of the server's parser."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Event, Hop, Incoming, Limits, Send
from voipbin_sip.sip.sdp import SessionDescription, parse_sdp

E = TypeVar("E")

SERVER = ("198.51.100.1", 5060)
PHONE = ("203.0.113.7", 5060)

OFFER = (
    "v=0\r\no=- 10 1 IN IP4 203.0.113.7\r\ns=-\r\nc=IN IP4 203.0.113.7\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
ANSWER = "v=0\r\no=- 20 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0\r\n"


def description(text: str = ANSWER) -> SessionDescription:
    return parse_sdp(text.encode())


@dataclass(frozen=True)
class Text:
    """A message as read from the wire."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str
    at: float
    hop: Hop

    @classmethod
    def read(cls, data: bytes, at: float, hop: Hop) -> Text:
        head, _, body = data.decode("utf-8", "surrogateescape").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        pairs = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
        assert int(dict(pairs)["Content-Length"]) == len(body.encode("utf-8", "surrogateescape"))
        return cls(start, pairs, body, at, hop)

    @property
    def status(self) -> int:
        """Return the status, 0 for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/") else 0

    @property
    def method(self) -> str:
        """Return the method: of a request, or of the request that a response answers."""
        return self["CSeq"].split(" ")[1]

    @property
    def uri(self) -> str:
        return self.start.split(" ")[1]

    @property
    def to_tag(self) -> str:
        return self["To"].partition(";tag=")[2]

    def __getitem__(self, name: str) -> str:
        return dict(self.headers)[name]

    def __contains__(self, name: str) -> bool:
        return name in dict(self.headers)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


class Net:
    """The core, a clock that only tests move, and all that has left the core."""

    def __init__(
        self,
        limits: Limits | None = None,
        advertise: Callable[[Hop], tuple[str, int]] | None = None,
        asks: frozenset[str] = frozenset(),
    ) -> None:
        numbers = itertools.count(1)
        self.now = 1000.0
        new_token = lambda: f"k{next(numbers):x}"  # noqa: E731
        if advertise is None:
            self.core = SipCore(new_token=new_token, limits=limits, asks=asks)
        else:
            self.core = SipCore(new_token=new_token, limits=limits, advertise=advertise)
        self.events: list[Event] = []
        self.sent: list[Text] = []
        self.on_send: Callable[[Text], None] | None = None

    def give(self, text: str | bytes, hop: Hop) -> None:
        """Let the core receive a message now."""
        self.core.receive(
            self.now, text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text, hop
        )
        self.collect()

    def collect(self) -> None:
        for output in self.core.take():
            if isinstance(output, Send):
                text = Text.read(output.data, self.now, output.hop)
                self.sent.append(text)
                if self.on_send is not None:
                    self.on_send(text)
            else:
                self.events.append(output)

    def run(self, seconds: float) -> None:
        """Let time pass; the core ticks exactly at its deadlines."""
        self.collect()
        end = self.now + seconds
        while (deadline := self.core.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.core.tick(self.now)
            self.collect()
        self.now = end

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of a kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def one(self, kind: type[E]) -> E:
        """Return the only event of a kind."""
        found = self.of(kind)
        assert len(found) == 1, self.events
        return found[0]

    def responses(self, method: str, since: float = 0.0) -> list[int]:
        """Return the statuses sent for requests of a method."""
        return [
            text.status for text in self.sent if text.status and text.method == method and text.at >= since
        ]

    def requests(self, method: str) -> list[Text]:
        """Return the requests of a method that the core has sent, retransmissions included."""
        return [text for text in self.sent if not text.status and text.method == method]

    @property
    def last(self) -> Text:
        return self.sent[-1]

    @property
    def empty(self) -> bool:
        """Whether the core has forgotten everything."""
        return not any(self.core.sizes.values()) and self.core.deadline() is None


@dataclass
class Phone:
    """A peer that calls. It sends what a test tells it to, and keeps the numbers that a dialog needs."""

    net: Net
    address: tuple[str, int] = PHONE
    transport: str = "UDP"
    connection: int = 0
    name: str = "alice"
    contact: str = ""
    routes: tuple[str, ...] = ()  # Record-Route lines of the requests
    call_id: str = "call-1@203.0.113.7"
    from_tag: str = "from1"
    to_tag: str = ""
    cseq: int = 0
    invite_branch: str = ""
    invite_text: str = ""
    branches: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        self.contact = self.contact or f"<sip:{self.name}@{self.address[0]}:{self.address[1]}>"

    @property
    def hop(self) -> Hop:
        return Hop(self.transport, SERVER, self.address, self.connection)

    def text(
        self,
        method: str,
        *,
        cseq: int | None = None,
        branch: str | None = None,
        body: str = "",
        content_type: str = "application/sdp",
        extra: str = "",
        uri: str = "sip:100@198.51.100.1",
        to_tag: str | None = None,
        contact: str | None = None,
        via: str | None = None,
    ) -> str:
        """Write a request. A new CSeq number and branch unless given."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        if branch is None:
            self.branches += 1
            branch = f"z9hG4bK-{self.name}-{self.branches}"
        to_tag = self.to_tag if to_tag is None else to_tag
        host, port = self.address
        via = via or f"SIP/2.0/{self.transport} {host}:{port};rport;branch={branch}"
        lines = [f"{method} {uri} SIP/2.0", f"Via: {via}"]
        lines += [f"Record-Route: {route}" for route in self.routes]
        lines += [
            "Max-Forwards: 70",
            f"From: <sip:{self.name}@example.com>;tag={self.from_tag}",
            "To: <sip:100@example.com>" + (f";tag={to_tag}" if to_tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
        ]
        contact = self.contact if contact is None else contact
        if contact and method in ("INVITE", "UPDATE"):
            lines.append(f"Contact: {contact}")
        if body:
            lines.append(f"Content-Type: {content_type}")
        return "\r\n".join(lines) + f"\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}"

    def send(self, method: str, **options: str | int) -> Text:
        """Send a request and return the last thing that the core sent after it."""
        self.give(self.text(method, **options))  # type: ignore[arg-type]
        return self.net.last

    def give(self, text: str) -> None:
        self.net.give(text, self.hop)

    def invite(self, body: str = OFFER, **options: str | int) -> str:
        """Send the INVITE that opens the call; return its leg."""
        self.branches += 1
        self.invite_branch = f"z9hG4bK-{self.name}-{self.branches}"
        self.invite_text = self.text("INVITE", branch=self.invite_branch, body=body, **options)  # type: ignore[arg-type]
        self.give(self.invite_text)
        return self.net.of(Incoming)[-1].leg

    def ack(self, body: str = "", cseq: int | None = None) -> None:
        """Acknowledge the last 2xx: a branch of its own."""
        self.give(self.text("ACK", cseq=self.cseq if cseq is None else cseq, body=body))

    def ack_failure(self) -> None:
        """Acknowledge a failure of the first INVITE: in its transaction."""
        self.give(self.text("ACK", cseq=self.cseq, branch=self.invite_branch, to_tag=self.net.last.to_tag))

    def cancel(self, extra: str = "", branch: str | None = None) -> None:
        text = self.text(
            "CANCEL", cseq=self.cseq, branch=branch or self.invite_branch, to_tag="", extra=extra
        )
        self.give(text)

    def establish(self, body: str = OFFER, ack_body: str = "") -> str:
        """Make a call, have it answered, acknowledge it; return its leg."""
        leg = self.invite(body)
        self.net.core.answer(self.net.now, leg, description())
        self.net.collect()
        self.to_tag = self.net.last.to_tag
        self.ack(ack_body)
        return leg

    def reply(self, request: Text, status: int, *, body: str = "", extra: str = "", tag: str = "") -> None:
        """Answer a request of the core; `tag` goes into its To."""
        lines = [f"SIP/2.0 {status} Whatever"]
        lines += [f"Via: {via}" for via in request.all("Via")]
        lines += [f"{name}: {request[name]}" for name in ("From", "To", "Call-ID", "CSeq")]
        if tag and not request.to_tag:
            lines[-3] += f";tag={tag}"
        if body:
            lines.append("Content-Type: application/sdp")
        self.give("\r\n".join(lines) + f"\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}")

    def called(self, *, tag: str = "b1", sdp: str | None = ANSWER, **options: Any) -> str:
        """Let the core call us, and be ready to act within that call; return its leg. Nothing is answered yet."""
        net = self.net
        options.setdefault("hop", self.hop)
        options.setdefault("uri", "sip:bob@203.0.113.7")
        options.setdefault("from_", "<sip:100@example.com>")
        options["sdp"] = None if sdp is None else description(sdp)
        leg = net.core.invite(net.now, **options)
        net.collect()
        invite = net.requests("INVITE")[-1]
        self.call_id, self.from_tag = invite["Call-ID"], tag
        self.to_tag = invite["From"].partition(";tag=")[2]
        return leg

    def picks_up(self, body: str = OFFER, *, tag: str = "", extra: str = "", **options: Any) -> str:
        """Let the core call us, and answer; return the leg."""
        leg = self.called(**options)
        extra = extra or f"Contact: {self.contact}\r\n"
        self.reply(self.net.requests("INVITE")[-1], 200, body=body, tag=tag or self.from_tag, extra=extra)
        return leg

    def moved(self, address: tuple[str, int], connection: int = 0) -> Phone:
        """Return the same phone seen from another address."""
        return replace(self, address=address, connection=connection)
