"""The directory as calls ask it: immutable, swapped as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from voipbin_sip.directory.carriers import ProviderEntry, RouteEntry, TrunkEntry
from voipbin_sip.directory.people import ConferenceEntry, ExtensionEntry, NumberEntry, Reach
from voipbin_sip.directory.reading import DirectoryFile
from voipbin_sip.directory.secrets import Secrets
from voipbin_sip.directory.sources import Sources


@dataclass(frozen=True, slots=True)
class Directory:
    """Who can be reached and who may call out."""

    numbers: Mapping[str, NumberEntry] = field(default_factory=dict)
    extensions: Mapping[str, ExtensionEntry] = field(default_factory=dict)
    passwords: Mapping[str, str] = field(default_factory=dict)  # of extensions
    extension_ids: Mapping[str, str] = field(default_factory=dict)  # names by UUID
    conferences: Mapping[str, ConferenceEntry] = field(default_factory=dict)  # by id, and by UUID
    agents: Mapping[str, tuple[Reach, ...]] = field(default_factory=dict)  # by UUID: where they are
    direct: Mapping[str, Reach] = field(default_factory=dict)  # whom anybody may call who knows the hash
    trunks: Mapping[str, TrunkEntry] = field(default_factory=dict)  # by domain_name
    providers: Mapping[str, ProviderEntry] = field(default_factory=dict)  # by id
    routes: tuple[RouteEntry, ...] = ()
    trunk_passwords: Mapping[str, str] = field(default_factory=dict)  # by domain_name
    provider_passwords: Mapping[str, str] = field(default_factory=dict)  # by id
    countries: frozenset[str] | None = None  # that numbers may be called in, ISO 3166; None: any
    default_number: str = ""  # of ours, shown by callers outside who have none
    sip_codecs: tuple[str, ...] = ()  # offered to SIP addresses elsewhere; none named: all that we have
    sources: Sources[TrunkEntry | ProviderEntry] = field(init=False)  # whose calls need no password

    def __post_init__(self) -> None:
        trunks = [entry for entry in self.trunks.values() if "ip" in entry.auth_types]
        listed: list[TrunkEntry | ProviderEntry] = [*trunks, *self.providers.values()]
        sources = Sources((network, entry) for entry in listed for network in entry.allowed_ips)
        object.__setattr__(self, "sources", sources)  # a frozen object's own making

    @classmethod
    def of(cls, entries: DirectoryFile, secrets: Secrets) -> Self:
        """Make the directory of its file and its passwords."""
        return cls(
            numbers={entry.number: entry for entry in entries.numbers},
            extensions={entry.extension: entry for entry in entries.extensions},
            passwords=secrets.extensions,
            conferences={entry.id: entry for entry in entries.conferences},
            trunks={entry.domain_name: entry for entry in entries.trunks},
            providers={entry.id: entry for entry in entries.providers},
            routes=entries.routes,
            trunk_passwords=secrets.trunks,
            provider_passwords=secrets.providers,
        )

    def password(self, extension: str) -> str | None:
        """Return the password of an extension, None for an unknown one."""
        return self.passwords.get(extension)

    def credentials(self, provider_id: str) -> tuple[str, str] | None:
        """Return user name and password for a provider's challenges, None where it has none."""
        provider = self.providers.get(provider_id)
        password = self.provider_passwords.get(provider_id)
        return None if provider is None or password is None else (provider.username, password)
