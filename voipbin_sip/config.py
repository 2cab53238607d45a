"""`config/voipbin.yaml`: every key, its default, and the checks that need no network."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from flows.findings import Finding, warning
from flows.validation import validate
from flows.yamlnodes import load_nodes
from voipbin_sip.http_settings import HttpSection, http_findings
from voipbin_sip.mail.settings import SmtpSection, smtp_findings
from voipbin_sip.named_files import value_at
from voipbin_sip.recordings.sweep import Bounds
from voipbin_sip.sip.sdes import SrtpPolicy
from voipbin_sip.tls_settings import TlsSection, tls_findings
from voipbin_sip.toll.allowed import read_country, read_entry
from voipbin_sip.toll.limits import OutboundLimitsSection
from voipbin_sip.transport.address import parse_listen_address
from voipbin_sip.values import E164, network, split_host_port
from voipbin_sip.webhook_settings import WebhookSection, webhook_findings


def _listen(text: str) -> str:
    parse_listen_address(text)
    return text


def _port_range(text: str) -> str:
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    if match is None:
        raise ValueError("must be two port numbers, like 10000-20000")
    low, high = int(match[1]), int(match[2])
    if not 1024 <= low < high <= 65_535 or high - low < 3:
        raise ValueError("must lie between 1024 and 65535, the lower number first, at least 4 ports")
    return text


def _advertise(text: str) -> str:
    if text != "auto":
        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise ValueError("must be auto or an IP address") from None
    return text


def _session(seconds: int) -> int:
    if seconds and not 90 <= seconds <= 86_400:
        raise ValueError("must be 90 to 86400 seconds, or 0 for none of ours (RFC 4028)")
    return seconds


def _own_number(text: str) -> str:
    if text and not E164.fullmatch(text):
        raise ValueError("must be one of our numbers in E.164 form, like +15550100")
    return text


def _allow(text: str) -> str:
    read_entry(text)
    return text


def _database(text: str) -> str:
    if text != "auto" and not re.match(r"(sqlite(\+aiosqlite)?:///.|postgres(ql|ql\+asyncpg)?://.)", text):
        raise ValueError(
            "must be auto, sqlite:////folder/file.db or postgresql://user:password@host/database"
        )
    return text


def _hep(text: str) -> str:
    if text and not text.startswith("udp://"):
        raise ValueError("must be udp://host:port of a HOMER server")
    if text:
        split_host_port(text.removeprefix("udp://"), 9060)
    return text


def _name_server(text: str) -> str:
    try:
        ipaddress.ip_address(split_host_port(text, 53)[0])
    except ValueError:
        raise ValueError("must be an IP address, with a port if that is not 53") from None
    return text


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SipSection(_Section):
    """Key `sip`."""

    listen: list[Annotated[str, AfterValidator(_listen)]] = Field(
        default=["udp://0.0.0.0:5060", "tcp://0.0.0.0:5060"],
        min_length=1,
        description="Addresses on which SIP is served: udp://, tcp:// or tls://, host and port",
    )
    advertise: Annotated[str, AfterValidator(_advertise)] = Field(
        default="auto",
        description="Our address for peers; auto: the one that reaches the peer; behind a NAT: its public one",
    )
    local_networks: list[Annotated[str, AfterValidator(network)]] = Field(
        default=[], description="Networks on our side of that NAT, which are told our own address instead"
    )
    session_expires: Annotated[int, AfterValidator(_session)] = Field(
        default=1800,
        description="Seconds after which a call whose far end is gone ends (RFC 4028); 0: not asked for by us",
    )
    tls: TlsSection = Field(default=TlsSection(), description="For tls:// in listen")

    @property
    def secure(self) -> bool:
        """Whether TLS is served."""
        return any(text.startswith("tls://") for text in self.listen)


class MediaSection(_Section):
    """Key `media`."""

    ports: Annotated[str, AfterValidator(_port_range)] = Field(
        default="10000-20000", description="UDP ports for sound, two for each call; the firewall lets them in"
    )
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = Field(
        default="auto", description="Processes that carry sound; auto: cores less one, at least 1"
    )
    rtp_timeout: float = Field(
        default=60.0, ge=0, description="Seconds without any sound after which a call is ended; 0: never"
    )
    srtp: SrtpPolicy = Field(
        default="optional",
        description="Encrypted sound: never, offered to phones on TLS and taken where it is offered, or wanted always",
    )

    @property
    def port_range(self) -> range:
        """The ports as numbers."""
        low, high = self.ports.split("-")
        return range(int(low), int(high) + 1)

    @property
    def worker_count(self) -> int:
        """Workers to start."""
        if self.workers == "auto":
            return max(1, len(os.sched_getaffinity(0)) - 1)
        return self.workers


class SpeechSection(_Section):
    """Key `speech`."""

    cache_mb: int = Field(default=512, ge=1, description="Disk for spoken texts, in MB")
    engines: list[str] = Field(
        default=[],
        description="Speech engines in the order in which they are asked; empty: all that there are, the best first",
    )


class LimitsSection(_Section):
    """Key `limits`."""

    call_seconds: float = Field(default=3600.0, gt=0, description="Longest call, in seconds")
    steps: int = Field(default=10_000, ge=1, description="Steps that a run of a flow may take")
    steps_without_waiting: int = Field(
        default=200, ge=1, description="Steps in a row without any wait: stops a flow that runs in circles"
    )


class RegistrarSection(_Section):
    """Key `registrar`."""

    contacts: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Phones that may share an extension; one more takes the place of the one not heard of for longest",
    )
    expires: int = Field(
        default=3600, ge=1, description="Seconds that a registration lasts where the phone does not say"
    )
    min_expires: int = Field(
        default=60, ge=1, le=3600, description="Seconds; a shorter registration is refused (423)"
    )
    max_expires: int = Field(default=7200, ge=60, description="Seconds; a longer registration is cut")
    keepalive: float = Field(
        default=30.0, ge=0, description="Seconds between signs of life to phones behind a NAT; 0: none"
    )

    @model_validator(mode="after")
    def _in_order(self) -> RegistrarSection:
        if not self.min_expires <= self.expires <= self.max_expires:
            raise ValueError("min_expires, expires and max_expires must go up in this order")
        return self


class ProtectionSection(_Section):
    """Key `protection`."""

    messages_per_second: float = Field(
        default=200.0, ge=0, description="SIP messages that one address may send on average; 0: no limit"
    )
    burst: float = Field(default=2000.0, ge=1, description="Messages that it may send in one go")
    ban_after: int = Field(
        default=10,
        ge=0,
        description="Wrong passwords from one address within ban_window after which it is not heard; 0: never",
    )
    ban_window: float = Field(default=300.0, gt=0, description="Seconds in which wrong passwords are counted")
    ban_seconds: float = Field(
        default=300.0,
        gt=0,
        description="Seconds of the first ban; each further one lasts twice as long, up to a day",
    )
    exempt: list[Annotated[str, AfterValidator(network)]] = Field(
        default=["127.0.0.0/8", "::1"],
        description="Addresses and networks to which none of this applies; registered phones and trunks are exempt too",
    )


class DnsSection(_Section):
    """Key `dns`."""

    servers: list[Annotated[str, AfterValidator(_name_server)]] = Field(
        default=[],
        description="Name servers, like 192.0.2.53 or 192.0.2.53:5353; empty: those of this machine",
    )
    timeout: float = Field(default=3.0, gt=0, le=30, description="Seconds for one name")


class DatabaseSection(_Section):
    """Key `database`."""

    url: Annotated[str, AfterValidator(_database)] = Field(
        default="auto",
        description="auto: voipbin.db in data_dir; or postgresql://user:password@host/database",
    )
    keep_days: float = Field(
        default=90.0,
        ge=0,
        description="Days for which finished calls, events and what was deleted are kept; 0: for ever",
    )


class RecordingsSection(_Section):
    """Key `recordings`."""

    keep_days: float = Field(
        default=90.0, ge=0, description="Days after which recordings are removed with their files; 0: never"
    )
    max_gb: float = Field(
        default=0.0, ge=0, description="GB of all recordings together, the oldest go first; 0: no limit"
    )

    @property
    def bounds(self) -> Bounds:
        """How much is kept."""
        return Bounds(self.keep_days, round(self.max_gb * 1_000_000_000))


class OutboundSection(_Section):
    """Key `outbound`."""

    allow: list[Annotated[str, AfterValidator(_allow)]] = Field(
        default=[],
        description="SIP hosts, and beginnings of numbers (+49, + for all), that may be called outside",
    )
    countries: list[Annotated[str, AfterValidator(read_country)]] = Field(
        default=[],
        description="Countries whose numbers may be called, like DE; empty: every one that allow reaches",
    )
    default_outgoing_source_number: Annotated[str, AfterValidator(_own_number)] = Field(
        default="",
        description="Number of ours for callers without one; national numbers are of its country",
    )
    limits: OutboundLimitsSection = Field(
        default=OutboundLimitsSection(),
        description="Of each extension or trunk whose calls go to the telephone network; 0: none",
    )


class TraceSection(_Section):
    """Key `trace`."""

    sip_mb: int = Field(default=32, ge=1, description="Memory for the newest SIP messages of calls, in MB")
    sip_hours: float = Field(default=24.0, gt=0, description="Hours for which they are kept at most")
    hep: Annotated[str, AfterValidator(_hep)] = Field(
        default="",
        description="udp://host:port of a HOMER server that gets a copy of each (HEP 3); empty: none",
    )

    @property
    def hep_address(self) -> tuple[str, int] | None:
        """Where SIP messages are sent to, None for nowhere."""
        return split_host_port(self.hep.removeprefix("udp://"), 9060) if self.hep else None


class LogSection(_Section):
    """Key `log`."""

    format: Literal["text", "json"] = Field(
        default="text", description="One line of text, or of JSON, for each event"
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is written"
    )


class Config(_Section):
    """The whole file."""

    domain: str = Field(
        default="voipbin.test",
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$",
        description="Base domain and realm; calls to an address of this machine count as calls to it",
    )
    data_dir: Path = Field(
        default=Path("../data"),
        description="Folder for the database, recordings, generated passwords, spoken texts; made at first start",
    )
    flows: Path = Field(default=Path("flows"), description="Folder with one flow in each *.yaml")
    directory: Path = Field(
        default=Path("directory.yaml"),
        description="File with numbers, extensions, conferences, trunks, providers and routes",
    )
    sip: SipSection = Field(default=SipSection(), description="Signalling")
    media: MediaSection = Field(default=MediaSection(), description="Sound")
    speech: SpeechSection = Field(default=SpeechSection(), description="Spoken texts")
    limits: LimitsSection = Field(default=LimitsSection(), description="Of calls and flows")
    registrar: RegistrarSection = Field(default=RegistrarSection(), description="Registration of phones")
    protection: ProtectionSection = Field(
        default=ProtectionSection(), description="Against scanners and floods"
    )
    dns: DnsSection = Field(default=DnsSection(), description="Names of servers that are called")
    database: DatabaseSection = Field(default=DatabaseSection(), description="What outlives a restart")
    recordings: RecordingsSection = Field(
        default=RecordingsSection(), description="How long recordings are kept"
    )
    http: HttpSection = Field(
        default=HttpSection(), description="The HTTP API, and requests that leave the server"
    )
    outbound: OutboundSection = Field(default=OutboundSection(), description="Calls that leave this server")
    smtp: SmtpSection = Field(default=SmtpSection(), description="The mail server for email_send")
    webhook: WebhookSection = Field(
        default=WebhookSection(),
        description="Where events go; while it stands here, the API cannot change it",
    )
    drain_seconds: float = Field(
        default=30.0, ge=0, description="Seconds for which calls may go on after SIGTERM"
    )
    reload: Literal["auto", "signal"] = Field(
        default="auto",
        description="auto: changed files are taken at once; signal: at SIGHUP and `voipbin-sip reload`",
    )
    log: LogSection = Field(default=LogSection(), description="What is written to standard error")
    trace: TraceSection = Field(default=TraceSection(), description="The SIP messages of calls")


class Locations(_Section):
    """The folders of a configuration, absolute."""

    base: Path  # of the configuration file: relative sound files start here
    data: Path
    flows: Path
    directory: Path


def load_config(path: Path) -> tuple[Config | None, list[Finding]]:
    """Read a configuration; without an error among the findings there is one."""
    node, findings = load_nodes(path)
    if node is None:
        return None, findings
    config = validate(node, Config, findings)
    if config is not None:
        findings += tls_findings(config.sip.tls, config.sip.secure, node)
        findings += http_findings(config.http, node)
        findings += smtp_findings(config.smtp, node)
        findings += webhook_findings(config.webhook, node)
        if config.media.srtp == "required" and not config.sip.secure:
            place = value_at(node, "media", "srtp")
            why = "without tls:// in sip.listen no phone can be called: SRTP keys are only offered over TLS"
            findings.append(warning(place, why))
    return config, findings


def locations(config: Config, path: Path) -> Locations:
    """Return the configuration's paths, relative ones counted from its file."""
    base = path.resolve().parent
    return Locations(
        base=base,
        data=(base / config.data_dir).resolve(),
        flows=(base / config.flows).resolve(),
        directory=(base / config.directory).resolve(),
    )
