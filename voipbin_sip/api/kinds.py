"""The kinds of resources that the catalogue holds; all others live in the history."""

from __future__ import annotations

from voipbin_sip.resources.base import Resource
from voipbin_sip.resources.kinds.accesskey import StoredAccesskey
from voipbin_sip.resources.kinds.agent import StoredAgent
from voipbin_sip.resources.kinds.conference import ConferenceResource
from voipbin_sip.resources.kinds.customer import StoredCustomer
from voipbin_sip.resources.kinds.flow import FlowResource
from voipbin_sip.resources.kinds.tag import Tag
from voipbin_sip.resources.kinds.telephony import (
    NumberResource,
    OutboundConfigResource,
    RouteResource,
    StoredExtension,
    StoredProvider,
    StoredTrunk,
)

CONFIGURED: tuple[type[Resource], ...] = (
    ConferenceResource,
    FlowResource,
    NumberResource,
    OutboundConfigResource,
    RouteResource,
    StoredAccesskey,
    StoredAgent,
    StoredCustomer,
    StoredExtension,
    StoredProvider,
    StoredTrunk,
    Tag,
)
