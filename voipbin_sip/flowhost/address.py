"""Addresses of flows as calls know them, and for whom calls are placed that nobody asked for by name."""

from __future__ import annotations

from flows.ports import Address as FlowAddress
from voipbin_sip.calls.call import Address, Originator

NOBODY = Originator(Address("tel", ""))
"""Calls placed for it show our default number."""


def call_address(address: FlowAddress) -> Address:
    """Return a flow's address as calls know it."""
    return Address(address.type, address.target, address.target_name, address.name, address.detail)
