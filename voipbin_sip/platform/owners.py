"""Whose phone a call is at: the agent that an address belongs to."""

from __future__ import annotations

from uuid import UUID

from voipbin_sip.calls.call import Address
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.catalogue import Catalogue, NotFound
from voipbin_sip.resources.kinds.agent import StoredAgent
from voipbin_sip.resources.kinds.telephony import StoredExtension


class Owners:
    """Agents by the addresses that they have."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._of: dict[tuple[str, str], UUID] = {}
        for kind in (StoredAgent, StoredExtension):
            catalogue.watch(kind, self._read)
        self._read()

    def of(self, address: Address) -> UUID:
        """Return the agent who has an address, the zero UUID for nobody's."""
        if address.type == "agent":
            return _uuid(address.target)
        return self._of.get((address.type, address.target)) or NO_UUID

    def addresses(self, agent_id: str) -> tuple[list[Address], bool]:
        """Return where an agent can be called, and whether one after the other."""
        try:
            agent = self._catalogue.get(StoredAgent, _uuid(agent_id))
        except NotFound:
            return [], False
        found = [Address(a.type, a.target, a.target_name, a.name, a.detail) for a in agent.addresses]
        return found, agent.ring_method == "linear"

    def _read(self) -> None:
        names = {str(phone.id): phone.extension for phone in self._catalogue.all(StoredExtension)}
        self._of = {
            (address.type, target): agent.id
            for agent in self._catalogue.all(StoredAgent)
            for address in agent.addresses
            for target in {address.target, names.get(address.target, address.target)}
        }


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return NO_UUID
