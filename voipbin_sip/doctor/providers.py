"""The ways to the telephone network, tried out: names, connections, OPTIONS (RFC 3261 section 11), passwords.

Any answer to OPTIONS is a sign of life, a refusal too: many carriers talk to customers only. Where no server runs, a
REGISTER without a Contact (RFC 3261 section 10.2.3) asks what is registered: it changes nothing and tells whether
the password is right. Where one runs, it knows, and is asked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from voipbin_sip.carriers import Provider
from voipbin_sip.carriers.registration import ADVICE
from voipbin_sip.directory import ProviderEntry
from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import NoAnswer, Patient
from voipbin_sip.doctor.sipline import SipLine, sip_line
from voipbin_sip.doctor.together import together
from voipbin_sip.named_files import BadSecretError, read_secret
from voipbin_sip.sip.errors import SipError
from voipbin_sip.sip.next_hop import is_address
from voipbin_sip.sip.status import REASONS
from voipbin_sip.transport.resolver import Place, ResolveError
from voipbin_sip.transport.tls_stream import TlsFault

SHOWN = 4  # servers of one provider that are asked
SLOW_NAMES = 1.0  # seconds
MOST = 50  # providers


async def providers(patient: Patient, notes: Notes) -> None:
    """Ask each provider of the directory, and the running server how it gets on with it."""
    entries = patient.directory.providers
    states = await _states(patient, notes)
    if not entries and not states:
        notes.ok("no providers: calls to the telephone network are not wanted")
        return
    try:
        async with sip_line(patient.config, patient.places) as line:
            await together(notes, entries[:MOST], lambda own, entry: _one(patient, own, line, entry, states))
    except OSError as error:
        notes.error(
            f"no socket can be opened beside those of sip.listen: {error.strerror}", "see the area 'ports'"
        )
    declared = {entry.id for entry in entries}
    for name in [name for name in states if name not in declared]:
        _known(notes, f"{states[name].get('name') or name} (made by the API)", states[name], "")
    if len(entries) > MOST:
        notes.info(f"only the first {MOST} of {len(entries)} providers were asked")


async def _one(
    patient: Patient,
    notes: Notes,
    line: SipLine,
    entry: ProviderEntry,
    states: Mapping[str, Mapping[str, Any]],
) -> None:
    where = patient.entry("providers", "id", entry.id)
    provider = Provider(entry.id, entry.host, entry.port, entry.transport)
    places = await _places(notes, line, provider, where)
    if places:
        answers = await together(notes, places, lambda own, place: _greet(own, line, provider, place, where))
        reached = next((place for place, alive in zip(places, answers, strict=True) if alive), None)
        if reached is not None and patient.server is None and entry.register_seconds:
            await _password(patient, notes, line, entry, reached, where)
    if entry.id in states:
        _known(notes, entry.id, states[entry.id], where)


async def _places(notes: Notes, line: SipLine, provider: Provider, where: str) -> Sequence[Place]:
    """Return where the provider's servers are."""
    began = time.monotonic()
    name = f"provider {provider.id}"
    try:
        places = await line.resolver.resolve(provider.server)
    except ResolveError as error:
        if provider.transport == "tls" and "not served" in str(error):
            advice = "a provider over TLS needs tls:// in sip.listen and a certificate; see docs/tls.md"
        else:
            advice = "check its hostname, and the name servers (area 'DNS')"
        notes.error(f"{name}: {error}", advice, where=where)
        return ()
    took = time.monotonic() - began
    if not is_address(provider.host):
        found = ", ".join(dict.fromkeys(f"{place.host}:{place.port}" for place in places[:SHOWN]))
        text = f"{name}: {provider.host} leads to {found} ({took * 1000:.0f} ms)"
        if took > SLOW_NAMES:
            notes.warning(
                text, "slow: the first call of an hour waits for that; try dns.servers", where=where
            )
        else:
            notes.ok(text)
    return places[:SHOWN]


async def _greet(notes: Notes, line: SipLine, provider: Provider, place: Place, where: str) -> bool:
    """Connect, send OPTIONS; return whether there was an answer."""
    name = f"provider {provider.id} at {place.host}:{place.port}/{place.transport.lower()}"
    try:
        hop = line.hop(place)
        await line.connect(place)
        began = time.monotonic()
        answer = await line.ask(
            "OPTIONS", hop, uri=str(provider.uri), headers=(("Accept", "application/sdp"),)
        )
    except LookupError as error:
        notes.error(f"{name}: {error}", f"add {place.transport.lower()}:// to sip.listen", where=where)
        return False
    except TlsFault as fault:
        notes.error(f"{name}: no TLS: {fault}", _tls_advice(str(fault)), where=where)
        return False
    except TimeoutError:
        notes.error(f"{name}: no connection in time", "check hostname, port and firewall", where=where)
        return False
    except (OSError, SipError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        notes.error(f"{name}: no connection: {why}", "check hostname, port and transport", where=where)
        return False
    if answer is None:
        notes.error(
            f"{name}: no answer to OPTIONS",
            "check hostname, port, transport and firewall; many carriers answer only addresses that they know: "
            "have yours entered there. One that never answers OPTIONS wants probe: 0",
            where=where,
        )
        return False
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    said = f"{answer.status} {answer.reason or REASONS.get(answer.status, '')}".strip()
    if answer.status >= 500:
        notes.warning(
            f"{name} answers {said} ({took})",
            "it is there, but does not serve: overloaded or in maintenance; calls take the next route",
            where=where,
        )
    else:
        kind = "" if answer.status < 300 else ", which is a sign of life"
        notes.ok(f"{name} answers {said} ({took}){kind}")
    return True


async def _password(
    patient: Patient, notes: Notes, line: SipLine, entry: ProviderEntry, place: Place, where: str
) -> None:
    """Ask what is registered there, which needs the password and changes nothing."""
    try:
        password = await apart(lambda: _own_password(patient, entry))
    except BadSecretError as error:
        notes.error(
            f"provider {entry.id}: {error}",
            "give this user the right to read it",
            where=where,
        )
        return
    provider = Provider(entry.id, entry.host, entry.port, entry.transport, (entry.username, password))
    user, _, domain = provider.account.partition("@")
    try:
        answer = await line.ask(
            "REGISTER",
            line.hop(place),
            uri=str(provider.uri),
            party=f"<sip:{user}@{domain or provider.host}>",
            credentials=provider.credentials,
        )
    except SipError as error:
        notes.error(f"provider {entry.id}: {error}", "check username and hostname", where=where)
        return
    if answer is None:
        notes.warning(
            f"provider {entry.id} answers OPTIONS, but not REGISTER",
            "is hostname that of its registrar? Set register: 0 if it wants no registration",
            where=where,
        )
    elif answer.status < 300:
        notes.ok(f"provider {entry.id} takes user {entry.username} and the password")
    else:
        _refused(notes, entry, f"{answer.status} {answer.reason}".strip(), answer.status, where)


def _refused(notes: Notes, entry: ProviderEntry, said: str, status: int, where: str) -> None:
    if status in (401, 403, 407):
        notes.error(
            f"registration refused: {said}: wrong password or user {entry.username}",
            f"check username and password of provider {entry.id} at {where}",
            where=where,
        )
        return
    advice = ADVICE.get(status, "ask the carrier what it wants")
    notes.warning(f"provider {entry.id} answers REGISTER with {said}", advice, where=where)


def _own_password(patient: Patient, entry: ProviderEntry) -> str:
    """Raise BadSecretError where it stands in a file that cannot be read."""
    if entry.password is not None or entry.password_file is None:
        return entry.password or ""
    return read_secret(patient.places.base / entry.password_file)


async def _states(patient: Patient, notes: Notes) -> dict[str, Mapping[str, Any]]:
    """Return what the running server tells of its providers, by name in the directory, else by id."""
    if patient.server is None:
        return {}
    from voipbin_sip.resources.base import declared_id

    try:
        told = await apart(lambda: patient.ask("/v1.0/providers?page_size=100"))
    except NoAnswer as error:
        notes.warning(f"the server does not say how its providers are: {error}", "see the area 'server'")
        return {}
    names = {str(declared_id("provider", entry.id)): entry.id for entry in patient.directory.providers}
    return {names.get(found["id"], found["id"]): found for found in told["result"]}


def _known(notes: Notes, name: str, state: Mapping[str, Any], where: str) -> None:
    """Tell how the running server gets on with a provider."""
    registration, why = state.get("registration", ""), state.get("registration_reason", "")
    user, place = state.get("username", ""), f" at {where}" if where else ""
    if registration == "registered":
        notes.ok(f"provider {name}: the server is registered there as {user}")
    elif registration == "failed" and why.startswith(("401", "403", "407")):
        notes.error(
            f"registration refused: {why.partition(' ')[0]}: wrong password or user {user}",
            f"check username and password of provider {name}{place}",
            where=where,
        )
    elif registration == "failed":
        advice = f"check hostname, transport and username of provider {name}{place}"
        notes.error(f"provider {name}: the server is not registered: {why}", advice, where=where)
    elif registration == "trying":
        notes.info(f"provider {name}: the server tries to register", "ask again in a moment", where=where)
    if state.get("health_status") == "unhealthy":
        notes.error(
            f"provider {name}: the server passes it over, it gave no signs of life",
            "calls take other routes; see what is said of it above",
            where=where,
        )


def _tls_advice(fault: str) -> str:
    if "certificate is for" in fault:
        return "hostname must be the name in its certificate (RFC 5922); see docs/tls.md"
    if "expired" in fault:
        return "the carrier's certificate has expired, or the clock of this machine is wrong"
    return (
        "sip.tls.ca: whose certificates we believe; transport: is it really tls on this port? See docs/tls.md"
    )
