"""What strangers reach, and what is told to others: public numbers, the API, webhooks, the mail server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.mail import mail_server
from voipbin_sip.doctor.patient import NoAnswer, Patient
from voipbin_sip.doctor.together import together
from voipbin_sip.web.guard import HostGuard, WebError

CONNECT_SECONDS = 4.0
MOST = 20  # hosts


async def exposure(patient: Patient, notes: Notes) -> None:
    """Say who may call without a password, and who reaches the API."""
    public = [entry.number for entry in patient.directory.numbers if entry.public]
    if public:
        notes.info(
            f"callers without a password reach {len(public)} number{'' if len(public) == 1 else 's'}: "
            f"{', '.join(public[:8])}{' …' if len(public) > 8 else ''}",
            "meant so? Take public: true away from the others",
            where=patient.entry("numbers", "number", public[0]),
        )
    else:
        notes.ok("nobody calls without a password")
    http = patient.config.http
    if http.only_here:
        notes.ok(f"the API at {http.listen} is reached from this machine only")
    else:  # without TLS `check` would have refused it
        notes.ok(f"the API at {http.listen} is open to others, by HTTPS and with access keys only")


async def receivers(patient: Patient, notes: Notes) -> None:
    """Connect to each web server of the configuration and the flows, and to the mail server; nothing is sent."""
    targets = list(_urls(patient, await apart(lambda: _of_customer(patient))))
    await together(notes, targets[:MOST], lambda own, target: _reach(patient, own, *target))
    await _mail(patient, notes)
    if not notes.found:
        notes.ok("none is named: no webhook, no web server in a flow, no mail server")


def _of_customer(patient: Patient) -> str:
    """Return where the running server sends events because the API says so."""
    if patient.server is None or patient.config.webhook.uri:
        return ""
    try:
        return str(patient.ask("/v1.0/customer").get("webhook_uri", ""))
    except NoAnswer:
        return ""  # the area "server" says so


def _urls(patient: Patient, webhook: str) -> Iterator[tuple[str, str, str]]:
    """Yield what for, the URL and its place; each host once."""
    seen = set()
    found = []
    if patient.config.webhook.uri:
        found.append(("webhook.uri", patient.config.webhook.uri, patient.key("webhook", "uri")))
    if webhook:
        found.append(("webhook_uri of the customer", webhook, ""))
    for flow in patient.flows:
        for action in flow.every_action():
            place = f"{action.origin.file}:{action.origin.line}"
            for key in ("uri", "event_url", "sync_url"):
                url = action.option.get(key)
                if isinstance(url, str) and url.startswith(("http://", "https://")):
                    found.append((action.type, url, place))
    for what, url, place in found:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            continue  # `check` says so
        if "${" not in parts.netloc and (parts.scheme, host, port) not in seen:
            seen.add((parts.scheme, host, port))
            yield what, url, place


async def _reach(patient: Patient, notes: Notes, what: str, url: str, where: str) -> None:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    guard = HostGuard(patient.config.http.allow_private)
    try:
        guard.check_url(url)
        address = (await guard.addresses(host, port))[0]
    except WebError as error:
        advice = "check the name, and the name servers (area 'DNS')"
        if "private range" in str(error):
            advice = f"requests there are refused: http.allow_private: [{host}] opens it, if it is yours"
        notes.error(f"{what} to {host}: {error}", advice, where=where)
        return
    await _connect(notes, f"{what}: {host}:{port}", (address, port), host if secure else "", where)


async def _mail(patient: Patient, notes: Notes) -> None:
    smtp = patient.config.smtp
    if smtp.host:
        name = smtp.host if smtp.tls == "implicit" else ""
        where = patient.key("smtp", "host")
        server = f"mail server {smtp.host}:{smtp.port}"
        if await _connect(notes, server, (smtp.host, smtp.port), name, where, "mails wait"):
            await mail_server(patient, notes)


async def _connect(
    notes: Notes,
    what: str,
    address: tuple[str, int],
    tls_name: str,
    where: str,
    meanwhile: str = "events wait",
) -> bool:
    """Connect, with TLS where it has a name, and leave; return whether that went well."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            if tls_name:
                _, writer = await asyncio.open_connection(
                    *address, ssl=ssl.create_default_context(), server_hostname=tls_name
                )
            else:
                _, writer = await asyncio.open_connection(*address)
    except ssl.SSLCertVerificationError as error:
        notes.error(
            f"{what}: its certificate is refused: {error.verify_message}",
            "it needs one that browsers take, or its own authority among those of this machine",
            where=where,
        )
    except ssl.SSLError as error:
        notes.error(f"{what}: no TLS: {error.reason or error}", "is it https on this port?", where=where)
    except TimeoutError:
        notes.error(
            f"{what}: no connection within {CONNECT_SECONDS:g} s", "a firewall, or it is off", where=where
        )
    except OSError as error:
        notes.error(
            f"{what}: no connection: {error.strerror or error}",
            f"start it, or change its address; {meanwhile} and are tried again for a while",
            where=where,
        )
    else:
        writer.close()
        notes.ok(f"{what} takes connections")
        return True
    return False
