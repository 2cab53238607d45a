"""Providers at run time: registered with, asked for signs of life, known by where their calls come from."""

from voipbin_sip.carriers.carriers import Carriers
from voipbin_sip.carriers.line import Line
from voipbin_sip.carriers.provider import Provider, ProviderState

__all__ = ["Carriers", "Line", "Provider", "ProviderState"]
