"""Whose limits count: the directory's before the configuration's."""

from __future__ import annotations

from voipbin_sip.directory import Directory, ExtensionEntry, ProviderEntry, TrunkEntry
from voipbin_sip.toll.limits import CallLimits, OutboundLimitsSection
from voipbin_sip.toll.terms import Terms

DIRECTORY = Directory(
    extensions={
        "1000": ExtensionEntry.model_validate({"extension": "1000", "limits": {"concurrent": 1}}),
        "1001": ExtensionEntry.model_validate({"extension": "1001"}),
    },
    trunks={
        "office": TrunkEntry.model_validate(
            {
                "domain_name": "office",
                "auth_types": ["ip"],
                "allowed_ips": ["192.0.2.1"],
                "limits": {"concurrent": 30, "per_minute": 0, "minutes_per_day": 0},
            }
        )
    },
    providers={
        "carrier": ProviderEntry.model_validate(
            {"id": "carrier", "hostname": "sip.example", "limits": {"per_minute": 3}}
        )
    },
)
SECTION = OutboundLimitsSection.model_validate(
    {
        "concurrent": 2,
        "per_minute": 5,
        "minutes_per_day": 10,
        "provider": {"concurrent": 9},
        "total": {"concurrent": 100, "per_minute": 200, "minutes_per_day": 300},
    }
)


def test_every_account_has_its_limits() -> None:
    limits = Terms(SECTION, lambda: DIRECTORY).limits
    assert limits("extension:1000") == CallLimits(1, 5, 10)
    assert limits("extension:1001") == CallLimits(2, 5, 10)
    assert limits("trunk:office") == CallLimits(30, 0, 0)
    assert limits("via:carrier") == CallLimits(9, 3, 0)
    assert limits("via:gone") == CallLimits(9, 0, 0)
    assert limits("provider:carrier") == CallLimits()  # calls that it brings us and a flow sends on
    assert limits("") == CallLimits()
    assert limits("total") == CallLimits(100, 200, 300)
