"""Random directories and calls: what is told is what the server's parts do with the same INVITE."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from flows import Flow, FlowSet, load_flow_text
from tests.fakes.dns import FakeDns
from voipbin_sip.calls.admission import Admission
from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.outgoing import Target
from voipbin_sip.calls.verdict import Admitted, Turned
from voipbin_sip.config import Config
from voipbin_sip.directory import Directory, DirectoryFile, Secrets
from voipbin_sip.explain.explaining import explain
from voipbin_sip.explain.explanation import Explanation
from voipbin_sip.explain.places import FilePlaces, SettingPlaces
from voipbin_sip.explain.question import Question, read_question
from voipbin_sip.explain.supposing import invite
from voipbin_sip.explain.view import View
from voipbin_sip.guard import DigestGuard
from voipbin_sip.registrar.contact import Contact
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.sip.digest import answer_challenges
from voipbin_sip.sip.events import Hop, Incoming
from voipbin_sip.toll.allowed import Allowed
from voipbin_sip.toll.guard import TollGuard
from voipbin_sip.toll.refused import Refused
from voipbin_sip.toll.terms import Terms
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.limits import Standing
from voipbin_sip.transport.resolver import Resolver

NUMBERS = ("+493012345678", "+493012345600", "+4989555000", "100", "200", "1000", "+15550100")
NAMES = ("1000", "1001", "desk")
SOURCES = ("", "", "", "192.0.2.5", "192.0.2.77", "198.51.100.3", "203.0.113.9")
NETWORKS = ("192.0.2.0/24", "192.0.2.64/26", "198.51.100.3", "203.0.113.0/28")
DIALLED = (
    *NUMBERS,
    *NAMES,
    "03012345678",
    "004989555000",
    "49 30 123456-00",
    *("+494098765432",) * 5,
    "0049 40 98765432",
    "+33123456789",
    "+499001234567",
    "110",
    "999",
    "conference:room",
    "room@conference.voipbin.test",
    "extension:1001",
    "tel:+494098765432",
    "sip:bob@sip.partner.example",
    "sip:+494098765432@sip.partner.example",
    "bob@sip.other.example",
    "sip%3Abob%40sip.partner.example",
    "sip:100@192.0.2.1",
    "200@office.trunk.voipbin.test",
    "+494098765432@plant.trunk.voipbin.test",
    "1001@none.trunk.voipbin.test",
)
CALLERS = (
    "",
    "anonymous",
    "1000",
    "1000",
    "1000",
    "1001",
    "1009",
    "+493012345678",
    "+4915112345678",
    "ann@other.example",
)


def some(chance: random.Random, items: tuple[str, ...]) -> list[str]:
    return sorted(chance.sample(items, chance.randint(0, len(items))))


def directory(chance: random.Random) -> Directory:
    providers = [
        {
            "id": name,
            "hostname": f"{name}.example.com:5070",
            "transport": chance.choice(("udp", "tcp")),
            "tech_prefix": chance.choice(("", "77#")),
            "codecs": chance.choice(("", "PCMA", "PCMU,G722")),
            "allowed_ips": some(chance, NETWORKS[2:]),
            "rewrite_in": chance.choice(([], [{"prefix": "0", "by": "+49"}])),
            "rewrite_out": chance.choice(([], [{"prefix": "+", "by": "00"}])),
            "caller_id": chance.choice(({}, {"asserted": "always"}, {"number": "+4930999999"})),
        }
        for name in ("one", "two", "three")
    ]
    trunks = [
        {"domain_name": "office", "auth_types": ["basic", "ip"], "username": "pbx", "password": "hammer"},
        {"domain_name": "plant", "auth_types": ["ip"]},
    ]
    for trunk in trunks:
        trunk["allowed_ips"] = some(chance, NETWORKS[:2]) or ["192.0.2.77"]
    routes = [
        {
            "provider_id": chance.choice(("one", "two", "three")),
            "target": chance.choice(("all", "all", "+49", "+4940", "+1")),
            "priority": chance.randint(0, 2),
        }
        for _ in range(chance.randint(1, 4))
    ]
    entries = DirectoryFile.model_validate(
        {
            "numbers": [
                {
                    "number": number,
                    "flow": chance.choice(("menu", "menu", "")),
                    "public": chance.random() < 0.4,
                }
                for number in (NUMBERS[0], *some(chance, NUMBERS[1:]))
            ],
            "extensions": [{"extension": name} for name in ("1000", *some(chance, NAMES[1:]))],
            "conferences": [{"id": "room"}],
            "trunks": trunks[: chance.randint(1, 2)],
            "providers": providers,
            "routes": routes,
        }
    )
    words = {entry.extension: "secret" for entry in entries.extensions}
    return Directory.of(entries, Secrets(words, {"office": "hammer"} if entries.trunks else {}))


class World:
    """One directory with all that the server makes of it."""

    def __init__(self, seed: int) -> None:
        self.chance = chance = random.Random(seed)
        self.directory = directory(chance)
        own = NUMBERS[0] if chance.random() < 0.8 else ""
        allow = chance.choice(
            (["+49", "sip.partner.example"], ["+", "+4940", "sip.partner.example"], ["+33"])
        )
        self.config = Config.model_validate(
            {
                "domain": "voipbin.test",
                "outbound": {
                    "allow": allow,
                    "countries": chance.choice(([], [], ["DE"], ["FR"])),
                    "default_outgoing_source_number": own,
                    "limits": {"concurrent": 1},
                },
            }
        )
        self.locations = Locations()
        for name in self.directory.extensions:
            if chance.random() < 0.6:
                hop = Hop("UDP", ("192.0.2.1", 5060), ("192.0.2.200", 5060))
                contact = Contact(f"sip:{name}@192.0.2.200", hop, 1e12, 0.0, name, 1, ("192.0.2.200", 5060))
                self.locations.put(name, contact)
        self.down = chance.choice(("", "one"))
        dns = FakeDns()
        dns.a("sip.partner.example", "192.0.2.61")
        self.resolver = Resolver(DnsCache(dns, clock=lambda: 0.0), clock=lambda: 0.0)
        self.toll = TollGuard(
            Allowed(allow, self.config.outbound.countries),
            Terms(self.config.outbound.limits, lambda: self.directory).limits,
            today=lambda: "today",
        )
        self.busy = chance.choice(("", "extension:1000", "trunk:office"))
        if self.busy:  # has its one call already
            kept, self.toll.allowed = self.toll.allowed, Allowed(["+"])
            self.toll.begin(self.busy, "one", Address("tel", "+494098765432"), 0.0)
            self.toll.allowed = kept
        flow, findings = load_flow_text(
            "name: menu\nactions: [{type: answer}, {type: hangup}]", Path("menu.yaml")
        )
        assert flow is not None, findings
        self.flow: Flow = flow

    def usable(self, provider_id: str) -> bool:
        return provider_id != self.down

    def route(self, provider_id: str) -> tuple[str, ...]:
        return ()

    def server_at(self, host: str) -> str | None:
        return None

    def failed(self, provider_id: str) -> None:
        raise AssertionError("nothing was sent")

    answered = failed

    def view(self, tmp_path: Path) -> View:
        return View(
            self.config,
            self.directory,
            FlowSet([self.flow]),
            FilePlaces(tmp_path / "directory.yaml"),
            SettingPlaces(tmp_path / "voipbin.yaml"),
            self.toll,
            self.resolver,
            self.locations,
            self,
            lambda provider: None,
            lambda host: Standing(),
            lambda host, user: None,
            0.0,
            True,
        )

    def question(self) -> Question:
        chance = self.chance
        return read_question(chance.choice(DIALLED), chance.choice(CALLERS), chance.choice(SOURCES))


class Server:
    """What the server does with an INVITE, up to what it would send."""

    def __init__(self, world: World, view: View) -> None:
        self.world = world
        self.plan = view.plan
        self.admission = Admission(
            domain="voipbin.test",
            directory=lambda: world.directory,
            guard=DigestGuard("voipbin.test", b"k" * 32),
            clock=lambda: 1000.0,
            plan=view.plan,
        )
        self.destinations = Destinations(
            lambda: world.directory,
            world.locations,
            world.resolver,
            view.routing,
            domain="voipbin.test",
            check=world.toll.check,
            local=lambda transport, host: ("192.0.2.1", 5060),
            number=world.config.outbound.default_outgoing_source_number,
            meaning=view.plan.meaning,
        )

    def admit(self, question: Question) -> Admitted | Turned:
        """Let the caller try, with its password where it has one and is asked."""
        event = invite(question, "voipbin.test")
        decision = self.admission.decide(event)
        username, password = self._account(question)
        if isinstance(decision, Admitted) or decision.status != 407 or not username:
            return decision
        answered = answer_challenges(
            [value for _, value in decision.headers],
            username=username,
            password=password,
            method="INVITE",
            uri=str(event.request.uri),
            cnonce="c",
        )
        assert answered is not None
        event.request.headers.add("Proxy-Authorization", answered)
        return self.admission.decide(Incoming("leg", event.request, event.hop, None))

    def _account(self, question: Question) -> tuple[str, str]:
        if "office.trunk" in question.to and "office" in self.world.directory.trunks:
            return "pbx", "hammer"
        return (question.caller, "secret") if question.caller in self.world.directory.extensions else ("", "")

    async def call(self, address: Address, originator: Originator) -> tuple[str, int, list[Target]]:
        """Return what becomes of a call to somebody, its status where it is refused, and all that is sent."""
        try:
            targets = await self.destinations.targets(address, originator)
        except NotReachable as error:
            return "refused", error.status, []
        ways = [way for target in targets for way in (target, *target.onward)]
        if not ways[0].outside:
            return "phones", 0, ways
        sent = []
        for way in ways:
            assert way.outside is not None
            try:
                self.world.toll.begin(originator.payer, way.provider, way.outside, 0.0).ended(0.0)
            except Refused:
                continue
            sent.append(way)
        return ("outside", 0, sent) if sent else ("refused", 403, [])


async def expected(world: World, server: Server, question: Question, told: Explanation) -> None:
    """Compare what is told with what the server does."""
    if told.decisions[0].text.startswith("A flow or the API"):
        meaning = server.plan.meaning(question.request_uri("voipbin.test"))
        assert meaning is not None and meaning.connect is not None and not question.source
        number = question.caller.removeprefix("anonymous")
        originator = Originator(Address("tel", number), private=question.caller == "anonymous")
        result, status, sent = await server.call(meaning.connect, originator)
    else:
        decision = server.admit(question)
        if isinstance(decision, Turned):
            assert (told.result, told.status) == (
                "asked" if decision.status == 407 else "refused",
                decision.status,
            )
            assert not told.sent
            return
        if decision.flow or decision.conference:
            assert (told.result, told.target) == (
                ("flow", decision.flow) if decision.flow else ("conference", decision.conference)
            )
            return
        assert decision.connect is not None
        originator = Originator(decision.source, decision.payer, decision.private, 69)
        result, status, sent = await server.call(decision.connect, originator)
    assert (told.result, told.status) == (result, status)
    assert [(one.request_uri, one.from_, one.headers, one.route) for one in told.sent if not one.refused] == [
        (way.uri, way.from_, way.headers, way.route) for way in sent
    ]


@pytest.mark.parametrize("seed", range(30))
async def test_what_is_told_is_what_happens(seed: int, tmp_path: Path) -> None:
    world = World(seed)
    server = Server(world, world.view(tmp_path))
    for _ in range(30):
        question = world.question()
        told = await explain(world.view(tmp_path), question)
        try:
            await expected(world, server, question, told)
        except AssertionError as error:
            raise AssertionError(f"{question}\n{told.summary}\n{told.decisions}\n{error}") from error
