"""The kinds of resources that the catalogue holds."""

from __future__ import annotations

from voipbin_sip.resources.base import Resource
from voipbin_sip.resources.kinds.accesskey import StoredAccesskey
from voipbin_sip.resources.kinds.agent import StoredAgent
from voipbin_sip.resources.kinds.customer import StoredCustomer
from voipbin_sip.resources.kinds.tag import Tag

CONFIGURED: tuple[type[Resource], ...] = (StoredAccesskey, StoredAgent, StoredCustomer, Tag)
