"""A SIP peer made by hand, message by message: for the races and faults that no phone shows when asked to.

It answers nothing and repeats nothing unless the test says so, which makes a test read like a ladder diagram.
`Peer` is the socket, `Talk` its side of one dialog; several talks with one INVITE are the branches of a fork.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from tests.phones import ports
from tests.phones.account import DOMAIN

EOL = "\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the server's."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str
    at: float  # monotonic s
    transport: str
    answer: Callable[[str], None]  # sends text back to where it came from

    @property
    def name(self) -> str:
        """The method of a request, status and method of a response: "BYE", "200 INVITE"."""
        method = self["CSeq"].split()[1]
        return f"{self.start.split()[1]} {method}" if self.start.startswith("SIP/") else method

    @property
    def number(self) -> int:
        """The CSeq number."""
        return int(self["CSeq"].split()[0])

    @property
    def uri(self) -> str:
        """The Request-URI."""
        return self.start.split()[1]

    @property
    def version(self) -> int:
        """The version of the session description."""
        match = re.search(r"^o=\S+ \S+ (\d+) ", self.body, re.MULTILINE)
        assert match, self.body
        return int(match[1])

    def __getitem__(self, name: str) -> str:
        return self.all(name)[0]

    def all(self, name: str) -> list[str]:
        """Return the values of all lines of a header, in order."""
        return [value for header, value in self.headers if header.lower() == name.lower()]

    def streams(self) -> list[str]:
        """Return the m= lines."""
        return re.findall(r"^m=(.*?)\r?$", self.body, re.MULTILINE)


def sdp(
    port: int = 40000, *lines: str, formats: str = "0 101", version: int = 1, address: str = "127.0.0.1"
) -> str:
    """Return an offer or answer with one stream; `lines` are attributes, or whole further streams."""
    more = lines or ("a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=sendrecv")
    head = f"v=0\r\no=peer 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
    return head + f"m=audio {port} RTP/AVP {formats}\r\n" + "".join(f"{line}\r\n" for line in more)


@dataclass(repr=False)
class Talk:
    """One side of one dialog, or of what may become one."""

    peer: Peer
    call_id: str
    local: str  # From of our requests, tag included
    remote: str  # To of our requests, tag included once it is known
    target: str  # Request-URI of our requests
    cseq: int = 0
    extra: tuple[str, ...] = ()  # header lines of every message
    max_forwards: int = 70

    def request(
        self,
        method: str,
        *lines: str,
        body: str = "",
        cseq: int | None = None,
        branch: str = "",
        source: str = "",
    ) -> str:
        """Send a request, with the next CSeq number unless one is given; returns its text."""
        if cseq is None:
            cseq = self.cseq = self.cseq + 1
        via = source or self.peer.address
        content = "Content-Type: application/sdp\r\n" if body and method != "INFO" else ""
        text = (
            f"{method} {self.target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {via};branch=z9hG4bK{branch or self.peer.unique()};rport\r\n"
            f"Max-Forwards: {self.max_forwards}\r\n"
            f"From: {self.local}\r\nTo: {self.remote}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\n{self.peer.contact_line}"
            f"{''.join(f'{line}{EOL}' for line in (*self.extra, *lines))}"
            f"{content}Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )
        self.peer.send(text)
        return text

    def reply(self, request: Message, status: str, *lines: str, body: str = "") -> str:
        """Answer a request of the server with our tag; returns the text, to be sent again perhaps."""
        kept = [
            f"{name}: {self.local if name == 'To' else value}\r\n"
            for name, value in request.headers
            if name in ("Via", "From", "To", "Call-ID", "CSeq")
        ]
        content = "Content-Type: application/sdp\r\n" if body else ""
        text = (
            f"SIP/2.0 {status}\r\n{''.join(kept)}"
            f"{'' if any(line.startswith('Contact:') for line in lines) else self.peer.contact_line}"
            f"{''.join(f'{line}{EOL}' for line in (*self.extra, *lines))}"
            f"{content}Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )
        request.answer(text)
        return text

    def learn(self, response: Message) -> None:
        """Take the server's tag and Contact from a response."""
        self.remote = response["To"]
        contact = re.search(r"<(.*?)>", response["Contact"])
        assert contact, response
        self.target = contact[1]

    async def invite(self, body: str, *lines: str) -> Message:
        """Send an INVITE and acknowledge its 200, which is returned."""
        self.request("INVITE", *lines, body=body)
        answered = await self.peer.next("200 INVITE", number=self.cseq)
        self.learn(answered)
        self.ack(answered)
        return answered

    def ack(self, response: Message, body: str = "") -> None:
        """Acknowledge a 2xx."""
        self.request("ACK", body=body, cseq=response.number)

    async def bye(self) -> None:
        """Hang up."""
        self.request("BYE")
        await self.peer.next("200 BYE", number=self.cseq)

    async def hung_up(self, seconds: float = 3.0) -> Message:
        """Wait until the server hangs up; answers and returns its BYE."""
        request = await self.peer.next("BYE", seconds)
        self.reply(request, "200 OK")
        return request


@dataclass(eq=False, repr=False)
class Peer(asyncio.DatagramProtocol):
    """One UDP socket, and a TCP listener with the same number; made by `peer`."""

    server: tuple[str, int]
    port: int
    host: str = "127.0.0.1"
    seen: list[Message] = field(default_factory=list)  # all that came, in order
    contact: str = ""  # of all our messages; by default the socket's own
    told: Callable[[Message], None] | None = None  # of each message, as it comes
    _taken: set[int] = field(default_factory=set)  # positions in `seen`
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _names: Iterable[int] = field(default_factory=lambda: itertools.count(1))
    _transport: asyncio.DatagramTransport | None = None

    @property
    def address(self) -> str:
        """HOST:PORT of ours."""
        return f"{self.host}:{self.port}"

    @property
    def contact_line(self) -> str:
        if self.contact == "*":
            return "Contact: *\r\n"
        return f"Contact: <{self.contact or f'sip:peer@{self.address}'}>\r\n"

    def unique(self) -> str:
        """Return a word that this machine has not seen: for branches, tags and Call-IDs."""
        return f"p{self.port}x{next(iter(self._names))}x{time.monotonic_ns() & 0xFFFFFF:x}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # the loop's own class is no subclass

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        self._take(data, "UDP", self.send)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the messages of one TCP connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"^Content-Length: (\d+)", head, re.MULTILINE)
                body = await reader.readexactly(int(length[1])) if length else b""
                self._take(head + body, "TCP", lambda text: writer.write(text.encode()))
        except asyncio.IncompleteReadError:
            writer.close()

    def _take(self, data: bytes, transport: str, answer: Callable[[str], None]) -> None:
        if not data.strip():
            return  # a keep-alive
        head, _, body = data.decode().partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
        message = Message(start, headers, body, time.monotonic(), transport, answer)
        self.seen.append(message)
        self._news.set()
        if self.told is not None:
            self.told(message)

    def send(self, text: str) -> None:
        """Send one datagram."""
        assert self._transport is not None
        self._transport.sendto(text.encode(), self.server)

    async def next(self, name: str, seconds: float = 3.0, *, number: int | None = None) -> Message:
        """Return the first message of a name that was not returned before, with a CSeq number if one is given."""
        return await self._first(
            lambda message: message.name == name and number in (None, message.number), name, seconds
        )

    async def final(self, talk: Talk, method: str = "") -> Message:
        """Return the final response to the last request of a talk, or to that of a method under the same number."""
        return await self._first(
            lambda message: (
                (message["Call-ID"], message.number) == (talk.call_id, talk.cseq)
                and re.match(rf"[2-6]\d\d {method}", message.name) is not None
            ),
            "final response",
            3.0,
        )

    async def _first(self, fits: Callable[[Message], bool], what: str, seconds: float) -> Message:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self._news.clear()
                    for position, message in enumerate(self.seen):
                        if position not in self._taken and fits(message):
                            self._taken.add(position)
                            return message
                    await self._news.wait()
        except TimeoutError:
            story = "\n".join(f"{message.at:.2f} {message.name}" for message in self.seen)
            raise AssertionError(f"no {what} within {seconds} s, but:\n{story}") from None

    async def nothing(self, name: str, seconds: float) -> None:
        """Wait, and fail if a message of that name comes that was not returned before."""
        await asyncio.sleep(seconds)
        left = [m for n, m in enumerate(self.seen) if m.name == name and n not in self._taken]
        assert not left, left

    def times(self, name: str) -> list[float]:
        """Return when messages of a name came."""
        return [message.at for message in self.seen if message.name == name]

    def calling(self, number: str, *, uri: str = "") -> Talk:
        """Return our side of a call to a number."""
        target = uri or f"sip:{number}@{self.server[0]}:{self.server[1]}"
        local = f"<sip:peer@{DOMAIN}>;tag={self.unique()}"
        return Talk(self, self.unique(), local, f"<{target}>", target)

    def called(self, invite: Message, tag: str = "") -> Talk:
        """Return our side of a call that the server makes; one for each tag."""
        contact = re.search(r"<(.*?)>", invite["Contact"])
        assert contact, invite
        local = f"{invite['To']};tag={tag or self.unique()}"
        return Talk(self, invite["Call-ID"], local, invite["From"], contact[1])

    async def register(self, user: str, password: str, contact: str = "") -> None:
        """Register as an extension, with a Contact of our own or another one."""
        usual, self.contact = self.contact, contact or self.contact
        uri = f"sip:{DOMAIN}"
        talk = Talk(self, self.unique(), f"<sip:{user}@{DOMAIN}>;tag={self.unique()}", "", uri)
        talk.remote = f"<sip:{user}@{DOMAIN}>"
        talk.request("REGISTER", "Expires: 300")
        challenge = (await self.next("401 REGISTER"))["WWW-Authenticate"]
        talk.request(
            "REGISTER", "Expires: 300", f"Authorization: {credentials(challenge, user, password, uri)}"
        )
        await self.next("200 REGISTER", number=2)
        self.contact = usual


def credentials(challenge: str, user: str, password: str, uri: str, method: str = "REGISTER") -> str:
    """Answer a digest challenge (RFC 7616) with whatever algorithm it names, qop=auth."""
    named = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
    algorithm = named.get("algorithm", "MD5")
    made = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def digest(text: str) -> str:
        return made(text.encode()).hexdigest()

    first, second = digest(f"{user}:{named['realm']}:{password}"), digest(f"{method}:{uri}")
    response = digest(f"{first}:{named['nonce']}:00000001:c0ffee:auth:{second}")
    return (
        f'Digest username="{user}", realm="{named["realm"]}", nonce="{named["nonce"]}", uri="{uri}", '
        f'response="{response}", algorithm={algorithm}, qop=auth, nc=00000001, cnonce="c0ffee"'
    )


@asynccontextmanager
async def peer(
    server: str, *, tcp: bool = False, at: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Peer]:
    """Open a peer of the server at HOST:PORT, with the address `at` and perhaps a port that was chosen before.

    `tcp` lets it listen there too.
    """
    host, _, number = server.rpartition(":")
    port = port or ports.free()
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(
        lambda: Peer((host, int(number)), port, at), local_addr=(at, port)
    )
    listener = await asyncio.start_server(made.connected, at, port) if tcp else None
    try:
        yield made
    finally:
        transport.close()
        if listener is not None:
            listener.close()
