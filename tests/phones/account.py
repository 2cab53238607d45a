"""An extension of the server under test, as its phone is told about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DOMAIN = "voipbin.test"


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a phone registers as, and where."""

    user: str
    password: str
    server: str  # HOST:PORT
    transport: str = "udp"
    authority: Path | None = None  # whose certificate the server must have, over TLS

    @property
    def address(self) -> str:
        """The address of record."""
        return f"sip:{self.user}@{DOMAIN}"

    @property
    def uri(self) -> str:
        """The registrar."""
        return f"sip:{self.server};transport={self.transport}"


def baresip_account(
    account: Account | None, *, answers: bool, srtp: bool = False, codecs: str = "PCMU/8000/1,PCMA/8000/1"
) -> str:
    """Return the line of baresip's file of accounts; None: a phone that does not register."""
    rest = f"answermode={'auto' if answers else 'manual'};audio_codecs={codecs};dtmfmode=rtpevent"
    rest += ";mediaenc=srtp-mand" if srtp else ""
    if account is None:
        return f"<sip:baresip@127.0.0.1>;regint=0;{rest}\n"
    secret = f"auth_user={account.user};auth_pass={account.password}"
    return f'<{account.address}>;{secret};outbound="{account.uri}";regint=60;{rest}\n'


def linphone_account(account: Account | None) -> str:
    """Return the sections of linphonec's configuration; None: a phone that does not register."""
    if account is None:
        return ""
    return f"""
[auth_info_0]
username={account.user}
userid={account.user}
passwd={account.password}
[proxy_0]
reg_proxy=<{account.uri}>
reg_identity={account.address}
reg_expires=120
reg_sendregister=1
publish=0
"""
