"""A catalogue with the two books that calls read, on a real store, and a configuration as files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.resources.things import FAST
from voipbin_sip.api.kinds import CONFIGURED
from voipbin_sip.directory import Directory, read_secrets
from voipbin_sip.loading import Loaded, load
from voipbin_sip.platform.declared import Declaration
from voipbin_sip.platform.direct import declared_hashes
from voipbin_sip.platform.directory_book import DirectoryBook
from voipbin_sip.platform.flow_book import FlowBook
from voipbin_sip.platform.made import Passwords
from voipbin_sip.platform.secrets import Sealer
from voipbin_sip.platform.setup import Setup
from voipbin_sip.resources.catalogue import Catalogue
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.resources.stamps import Stamps
from voipbin_sip.store.store import Store

KEY = bytes(32)

MENU = """
name: menu
on_complete_flow_id: after
actions:
  - {id: ask, type: digits_receive, option: {duration: 1000, length: 1}}
  - {type: branch, option: {target_ids: {"1": sales}, default_target_id: ask}}
  - {id: sales, type: fetch_flow, option: {flow_id: after}, next_id: done}
  - {id: done, type: hangup}
"""
AFTER = "name: after\nactions: [{type: stop}]\n"
DIRECTORY = """
numbers:
  - {number: "+15550100", flow: menu}
  - {number: "100", flow: after, public: true}
extensions:
  - {extension: "1000", name: Front desk, password: opensesame}
conferences:
  - {id: weekly, pre_flow_id: after}
trunks:
  - {domain_name: office, auth_types: [ip], allowed_ips: [192.0.2.1]}
providers:
  - {id: carrier, hostname: sip.example.com, username: we, password: secret}
routes:
  - {provider_id: carrier, target: all}
"""


@dataclass
class Books:
    store: Store
    catalogue: Catalogue
    flows: FlowBook
    directory: DirectoryBook
    setup: Setup

    def declare(self, folder: Path) -> Loaded:
        """Take a configuration as the server does."""
        loaded = write_configuration(folder)
        secrets = read_secrets(loaded.directory, folder, folder)
        self.flows.declare(loaded.flows)
        self.directory.declare(
            Directory.of(loaded.directory, secrets),
            Declaration(
                loaded.directory,
                loaded.places.directory,
                loaded.flows,
                loaded.config.domain,
                declared_hashes(KEY),
            ),
        )
        return loaded


def write_configuration(folder: Path) -> Loaded:
    if not (folder / "flows").exists():
        (folder / "flows").mkdir()
        (folder / "flows" / "menu.yaml").write_text(MENU)
        (folder / "flows" / "after.yaml").write_text(AFTER)
        (folder / "directory.yaml").write_text(DIRECTORY)
        (folder / "voipbin.yaml").write_text("data_dir: data\n")
    loaded, findings = load(folder / "voipbin.yaml")
    assert loaded is not None, findings
    return loaded


@asynccontextmanager
async def open_books(url: str) -> AsyncIterator[Books]:
    """Open the database and read what was made before."""
    store = Store(url, FAST)
    assert await store.open()
    catalogue = Catalogue(Ledger(store, Stamps()), CONFIGURED)
    passwords = Passwords(Sealer(KEY))
    flows, directory = FlowBook(catalogue), DirectoryBook(catalogue, passwords)
    await catalogue.load()
    yield Books(store, catalogue, flows, directory, Setup(catalogue, directory, passwords))
    await store.close()
