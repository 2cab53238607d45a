"""`config/directory.yaml`: who can be reached, who may call out, and by which way."""

from voipbin_sip.directory.book import Directory
from voipbin_sip.directory.carriers import CallerIdEntry, ProviderEntry, RewriteEntry, RouteEntry, TrunkEntry
from voipbin_sip.directory.people import VIRTUAL, ConferenceEntry, ExtensionEntry, NumberEntry, Reach
from voipbin_sip.directory.reading import DirectoryFile, load_directory
from voipbin_sip.directory.secrets import Secrets, read_passwords, read_secrets

__all__ = [
    "VIRTUAL",
    "CallerIdEntry",
    "ConferenceEntry",
    "Directory",
    "DirectoryFile",
    "ExtensionEntry",
    "NumberEntry",
    "ProviderEntry",
    "Reach",
    "RewriteEntry",
    "RouteEntry",
    "Secrets",
    "TrunkEntry",
    "load_directory",
    "read_passwords",
    "read_secrets",
]
