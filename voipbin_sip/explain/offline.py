"""The view of a configuration that no server runs with: its files, read anew."""

from __future__ import annotations

import random
import time

from voipbin_sip.app.parts import toll_guard
from voipbin_sip.calls.routing import NobodyKnows
from voipbin_sip.directory import Directory, DirectoryFile, Secrets
from voipbin_sip.explain.places import FilePlaces, SettingPlaces
from voipbin_sip.explain.view import View
from voipbin_sip.loading import Loaded
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.dns_client import DnsClient
from voipbin_sip.transport.limits import Standing
from voipbin_sip.transport.resolver import Resolver
from voipbin_sip.values import split_host_port

_SOME = "?"  # a password nobody looks at


def view_of_files(loaded: Loaded) -> View:
    """Return the view of a configuration. No password is read and none is made."""
    config = loaded.config
    directory = Directory.of(loaded.directory, _supposed(loaded.directory))
    client = DnsClient(
        [split_host_port(server, 53) for server in config.dns.servers], timeout=config.dns.timeout
    )
    transports = ("UDP", "TCP", "TLS") if config.sip.secure else ("UDP", "TCP")
    return View(
        config,
        directory,
        loaded.flows,
        FilePlaces(loaded.places.directory),
        SettingPlaces(loaded.path),
        toll_guard(config, lambda: directory),
        Resolver(
            DnsCache(client, clock=time.monotonic, timeout=config.dns.timeout),
            transports=transports,
            families=(4, 6),
            clock=time.monotonic,
            chance=random.Random(),
        ),
        Locations(),
        NobodyKnows(),
        lambda provider: None,
        lambda host: Standing(),
        lambda host, user: None,
        time.monotonic(),
        False,
    )


def _supposed(entries: DirectoryFile) -> Secrets:
    """Return that everybody who has a password has one."""
    return Secrets(
        {entry.extension: _SOME for entry in entries.extensions},
        {entry.domain_name: _SOME for entry in entries.trunks if entry.username},
        {entry.id: _SOME for entry in entries.providers if entry.username},
    )
