"""What an incoming INVITE may reach: domain, number, digest. Says where it goes or how it is refused.

A caller without credentials learns nothing: a number that is not public and one that does not exist look the same,
a wrong password and an unknown extension too, and so does a trunk that there is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from voipbin_sip.calls.call import Address
from voipbin_sip.calls.dialplan import DialPlan, Meaning, Reading
from voipbin_sip.calls.identity import (
    called_by_carrier,
    carrier_address,
    extension_address,
    is_private,
    stranger_address,
    trunk_address,
)
from voipbin_sip.calls.numbering import dialled_number, rewritten
from voipbin_sip.calls.verdict import Admitted, Ground, Rule, Turned
from voipbin_sip.directory import Directory, NumberEntry, ProviderEntry, TrunkEntry
from voipbin_sip.domain import is_conference_host, serves, trunk_label
from voipbin_sip.guard import ALGORITHMS, Outcome
from voipbin_sip.sip.events import Incoming
from voipbin_sip.sip.message import Request

# Many a PBX knows no other, and gives up at a challenge for one instead of passing it over (RFC 7616 section 3.3).
TRUNK_ALGORITHMS = ("MD5",)


class Guard(Protocol):
    """Judges passwords: `guard.DigestGuard`, or one who only supposes."""

    def check(
        self,
        request: Request,
        now: float,
        password: Callable[[str], str | None],
        *,
        source: str = "",
        realm: str = "",
        algorithms: Sequence[str] = ALGORITHMS,
    ) -> Outcome:
        """Judge the credentials of a request, or make the challenges for a 407."""
        ...


def _no_carrier(host: str, user: str) -> str | None:
    return None


class Admission:
    """The gate in front of the flows.

    Args:
        directory: read anew for each call, so that it can be swapped.
        guard: digest authentication against the directory's extensions and trunks.
        clock: wall clock seconds, for nonces.
        plan: what dialled addresses mean.
        carrier_at: the id of the provider that we have found at an address, beside those that the directory lists;
            also given the user part of the Request-URI, which is that of our Contact at the provider.
    """

    def __init__(
        self,
        *,
        domain: str,
        directory: Callable[[], Directory],
        guard: Guard,
        clock: Callable[[], float],
        plan: DialPlan | None = None,
        carrier_at: Callable[[str, str], str | None] = _no_carrier,
    ) -> None:
        self._domain = domain.lower()
        self._directory = directory
        self._guard = guard
        self._clock = clock
        self._plan = plan or DialPlan(self._domain, directory)
        self._carrier_at = carrier_at

    def decide(self, event: Incoming) -> Admitted | Turned:
        """Route one INVITE."""
        request, source = event.request, event.hop.remote[0]
        if event.replaces:
            return self._to_replace(request, source, event.replaces)
        if not serves(self._domain, request.uri):
            why = f"domain {request.uri.host!r} is not ours"
            return Turned(404, "Domain not served here", why=why, rule=Rule(Ground.DOMAIN))
        label = trunk_label(self._domain, request.uri)
        if label is not None:
            return self._call_to_trunk_host(request, source, label)
        neighbour = None if self._claims_to_be_a_phone(request) else self._neighbour(request, source)
        if isinstance(neighbour, TrunkEntry):
            return self._from_trunk(request, neighbour, Ground.TRUNK_ADDRESS)
        if isinstance(neighbour, ProviderEntry):
            return self._from_provider(request, neighbour)
        return self._from_anyone(request, source)

    def _neighbour(self, request: Request, source: str) -> TrunkEntry | ProviderEntry | None:
        """Return the trunk or provider whose calls come from an address."""
        directory = self._directory()
        listed = directory.sources.owners(source)
        return (
            listed[0]
            if listed
            else directory.providers.get(self._carrier_at(source, request.uri.user or "") or "")
        )

    def _claims_to_be_a_phone(self, request: Request) -> bool:
        """Return whether From names an extension: phones may live at the address of a trunk or provider."""
        uri = request.from_.uri
        return (uri.user or "") in self._directory().extensions and serves(self._domain, uri)

    # Those who need no number to be public

    def _call_to_trunk_host(self, request: Request, source: str, label: str) -> Admitted | Turned:
        directory = self._directory()
        trunk = directory.trunks.get(label)
        if trunk is not None and trunk in directory.sources.owners(source):
            return self._from_trunk(request, trunk, Ground.TRUNK_ADDRESS)
        basic = trunk is not None and "basic" in trunk.auth_types
        known = {trunk.username: directory.trunk_passwords.get(label)} if trunk is not None and basic else {}
        realm = f"{label}.trunk.{self._domain}"
        outcome = self._guard.check(
            request, self._clock(), known.get, source=source, realm=realm, algorithms=TRUNK_ALGORITHMS
        )
        if trunk is None or not outcome.user:
            return _challenge(outcome, Ground.TRUNK_PASSWORD)
        return self._from_trunk(request, trunk, Ground.TRUNK_PASSWORD)

    def _from_trunk(self, request: Request, trunk: TrunkEntry, ground: Ground) -> Admitted | Turned:
        return self._as_dialled(
            request,
            trunk_address(request, self._plan.home),
            payer=f"trunk:{trunk.domain_name}",
            transfers=trunk.transfers,
            rule=Rule(ground, trunk.domain_name),
        )

    def _from_phone(self, request: Request, extension: str) -> Admitted | Turned:
        return self._as_dialled(
            request,
            extension_address(request, extension),
            payer=f"extension:{extension}",
            transfers=True,
            rule=Rule(Ground.EXTENSION, extension),
        )

    def _as_dialled(
        self, request: Request, source: Address, *, payer: str, transfers: bool, rule: Rule
    ) -> Admitted | Turned:
        meaning = self._plan.meaning(request.uri)
        if meaning is None:
            return Turned(404, "Number not found", why=f"{payer} has dialled what is not there", rule=rule)
        return Admitted(
            meaning.flow,
            source,
            meaning.called,
            connect=meaning.connect,
            conference=meaning.conference,
            payer=payer,
            private=is_private(request),
            transfers=transfers,
            rule=replace(rule, reading=meaning.reading, number=meaning.number),
        )

    def _from_provider(self, request: Request, provider: ProviderEntry) -> Admitted | Turned:
        """Run the flow of the number that a carrier brings a call for; nothing else is within its reach."""
        for uri in called_by_carrier(request):
            dialled = dialled_number(uri)
            rules = provider.rewrite_in
            number = self._plan.number(rewritten(dialled, rules)) or self._plan.number(dialled)
            if number is not None:
                return Admitted(
                    number.flow,
                    carrier_address(request, provider.rewrite_in, self._plan.home),
                    _as_destination(number),
                    payer=f"provider:{provider.id}",
                    private=is_private(request),
                    transfers=provider.transfers,
                    rule=Rule(Ground.PROVIDER, provider.id, Reading.NUMBER, number),
                )
        why = f"provider {provider.id} calls no number of ours"
        return Turned(404, "Number not found", why=why, rule=Rule(Ground.PROVIDER, provider.id))

    def _to_replace(self, request: Request, source: str, leg: str) -> Admitted | Turned:
        """Let a phone of ours take another call over (RFC 3891), whatever address that call's Contact had."""
        outcome = self._guard.check(request, self._clock(), self._directory().password, source=source)
        if not outcome.user:
            return _challenge(outcome, Ground.REPLACES)
        return Admitted(
            "",
            extension_address(request, outcome.user),
            Address("extension", request.uri.user or ""),
            payer=f"extension:{outcome.user}",
            transfers=True,
            replaces=leg,
            rule=Rule(Ground.REPLACES, outcome.user),
        )

    # Everybody else

    def _from_anyone(self, request: Request, source: str) -> Admitted | Turned:
        number = None
        if not is_conference_host(self._domain, request.uri):
            if (direct := self._plan.direct(request.uri)) is not None:
                return _directly(request, direct)
            number = self._plan.number(dialled_number(request.uri))
        if number is None or not number.public:
            directory = self._directory()
            if not directory.extensions:
                return Turned(404, "Number not found", why="no such number", rule=Rule(Ground.NOBODY))
            outcome = self._guard.check(request, self._clock(), directory.password, source=source)
            if not outcome.user:
                return _challenge(outcome, Ground.EXTENSION)
            return self._from_phone(request, outcome.user)
        return Admitted(
            number.flow,
            stranger_address(request),
            _as_destination(number),
            private=is_private(request),
            rule=Rule(Ground.PUBLIC, reading=Reading.NUMBER, number=number),
        )


def _directly(request: Request, meaning: Meaning) -> Admitted:
    return Admitted(
        meaning.flow,
        stranger_address(request),
        meaning.called,
        connect=meaning.connect,
        conference=meaning.conference,
        private=is_private(request),
        rule=Rule(Ground.DIRECT, reading=meaning.reading),
    )


def _challenge(outcome: Outcome, ground: Ground) -> Turned:
    return Turned(
        407, "Proxy Authentication Required", outcome.challenges, outcome.why, Rule(ground), outcome
    )


def _as_destination(number: NumberEntry) -> Address:
    return Address("tel" if number.number.startswith("+") else "extension", number.number)
