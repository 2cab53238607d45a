"""A phone that registers: writes REGISTERs, answers challenges, and the registrar that it talks to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from voipbin_sip.guard import DigestGuard
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.registrar.registrar import Answer, Registrar, Terms
from voipbin_sip.sip.digest import answer_challenges
from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.message import Request, parse_message

SERVER = ("192.0.2.1", 5060)
NOW = 1_800_000_000.0
PASSWORDS = {"1000": "secret", "1001": "other"}


def hop(host: str = "198.51.100.7", port: int = 5060, transport: str = "UDP", connection: int = 0) -> Hop:
    return Hop(transport, SERVER, (host, port), connection)


DESK = hop()


class Office:
    """A registrar, its locations and a wall clock."""

    def __init__(
        self,
        *,
        secret: bytes = b"k" * 32,
        password: Callable[[str], str | None] = PASSWORDS.get,
        **terms: int,
    ) -> None:
        self.now = NOW
        self.judged: list[tuple[str, bool]] = []
        self.barred: set[str] = set()
        self.locations = Locations()
        self.registrar = Registrar(
            domain="voipbin.test",
            password=password,
            guard=DigestGuard(
                "voipbin.test",
                secret,
                watch=lambda source, good: self.judged.append((source, good)),
                barred=self.barred.__contains__,
            ),
            locations=self.locations,
            terms=Terms(**terms),
        )

    def uris(self, extension: str = "1000") -> list[str]:
        return [contact.uri for contact in self.locations.contacts(extension)]


class Phone:
    """One user agent of an extension."""

    def __init__(
        self,
        office: Office,
        extension: str = "1000",
        *,
        password: str = "secret",
        username: str = "",
        call_id: str = "reg-1",
        hop: Hop = DESK,
        rport: bool = True,
    ) -> None:
        self.office = office
        self.extension = extension
        self.password = password
        self.username = username or extension
        self.call_id = call_id
        self.cseq = 0
        self.hop = hop
        self.rport = rport

    def ask(
        self,
        *contacts: str,
        headers: Iterable[str] = (),
        uri: str = "sip:voipbin.test",
        to: str = "",
        credentials: str = "",
        cseq: int | None = None,
    ) -> Answer:
        """Send one REGISTER."""
        self.cseq = self.cseq + 1 if cseq is None else cseq
        lines = [
            f"REGISTER {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.hop.transport} 10.0.0.9;branch=z9hG4bK{self.cseq}" + ";rport" * self.rport,
            "Max-Forwards: 70",
            f"From: <sip:{self.extension}@voipbin.test>;tag=1",
            f"To: <{to or f'sip:{self.extension}@voipbin.test'}>",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} REGISTER",
            *(f"Contact: {contact}" for contact in contacts),
            *headers,
            *([f"Authorization: {credentials}"] if credentials else []),
            "Content-Length: 0",
        ]
        request = parse_message("\r\n".join([*lines, "", ""]).encode())
        assert isinstance(request, Request)
        return self.office.registrar.answer(request, self.hop, self.office.now)

    def register(
        self,
        *contacts: str,
        headers: Iterable[str] = (),
        uri: str = "sip:voipbin.test",
        to: str = "",
        cseq: int | None = None,
        algorithm: str = "SHA-256",
    ) -> Answer:
        """Send a REGISTER, answer the challenge, and return the answer to that."""
        headers = tuple(headers)
        first = self.ask(*contacts, headers=headers, uri=uri, to=to)
        assert first.status == 401, first
        return self.ask(
            *contacts,
            headers=headers,
            uri=uri,
            to=to,
            credentials=self.credentials(first, algorithm),
            cseq=cseq,
        )

    def credentials(self, challenge: Answer, algorithm: str = "SHA-256") -> str:
        values = [
            value
            for name, value in challenge.headers
            if name == "WWW-Authenticate" and f"algorithm={algorithm}" in value
        ]
        assert values, challenge
        found = answer_challenges(
            values,
            username=self.username,
            password=self.password,
            method="REGISTER",
            uri="sip:voipbin.test",
            cnonce="c",
        )
        assert found is not None
        return found


def values(answer: Answer, name: str) -> list[str]:
    return [value for key, value in answer.headers if key == name]
