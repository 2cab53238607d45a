"""The toll guard: which calls may leave the server, and when running ones have to end.

No I/O and no clock: who calls it brings the time, monotonic seconds. Three accounts stand for every call to the
telephone network: who pays for it, the provider that carries it, and the whole server. A call begins only where all
three have room left; its minutes are counted from the answer on and while it runs. A call to a SIP host that
`outbound.allow` names costs nothing, unless it is a telephone number that is dialled there: it counts for nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from voipbin_sip.calls.call import Address
from voipbin_sip.toll.account import TOTAL, VIA, Account
from voipbin_sip.toll.allowed import Allowed, is_telephone
from voipbin_sip.toll.limits import CallLimits
from voipbin_sip.toll.refused import Refused

LIMITS = "outbound.limits"  # a key of the configuration
RECORD_EVERY = 10.0  # s: so much of running calls may be forgotten when the power goes


class Permit:
    """One call that was let out. Tell it when the call is answered and, always, when it is over."""

    def __init__(self, guard: TollGuard, payer: str, accounts: tuple[Account, ...]) -> None:
        self.over: Callable[[str], None] = _nobody
        """Called once, with the reason, when the call has to end."""
        self.payer = payer
        self.accounts = accounts
        """What the call counts for; nothing where it is free, and once it has ended."""
        self._guard = guard

    def answered(self, now: float) -> None:
        """From now on it costs."""
        self._guard.answered(self, now)

    def onward(self, provider: str, now: float) -> None:
        """Let an unanswered call go on by way of another provider. Raises Refused; nothing has changed then."""
        self.accounts = self._guard.onward(self, provider, now)

    def ended(self, now: float) -> None:
        """The call is over or never came to be; a second time does nothing."""
        self._guard.ended(self, now)
        self.accounts = ()


@dataclass(frozen=True, slots=True)
class Use:
    """How much of its limits an account has used."""

    account: str  # see Account.name
    limits: CallLimits
    running: int  # calls
    begun: int  # calls within the last minute
    minutes: float  # of today
    refusal: str  # why no further call may begin, "" if one may


class TollGuard:
    """Lets calls out or not.

    Args:
        allowed: where calls may go at all.
        limits: those of an account, by its name; asked anew each time.
        today: names the day of now; minutes count until it changes.
        record: is told the seconds of an account (day, name, seconds) every now and then.
    """

    def __init__(
        self,
        allowed: Allowed,
        limits: Callable[[str], CallLimits],
        *,
        today: Callable[[], str],
        record: Callable[[str, str, float], None] | None = None,
    ) -> None:
        self.allowed = allowed
        self._limits = limits
        self._today = today
        self.record = record
        self._day = today()
        self._accounts: dict[str, Account] = {}
        self._permits: set[Permit] = set()
        self._running: dict[Permit, float] = {}  # answered ones, and until when they are counted
        self._warned: set[Permit] = set()
        self._recorded_at = 0.0

    def check(self, destination: Address) -> None:
        """Return if an address outside of the server may be called at all. Raises Refused."""
        self.allowed.check(destination)

    def begin(self, payer: str, provider: str, destination: Address, now: float) -> Permit:
        """Let one call out, for a payer and through a provider ("" = straight to a SIP host). Raises Refused."""
        self.check(destination)
        self._turn_day()
        permit = Permit(self, payer, ())
        if _counts(provider, destination):
            permit.accounts = self._let_in(self._paying(payer, provider), now)
        self._permits.add(permit)
        return permit

    def uses(self, payer: str, provider: str, destination: Address, now: float) -> tuple[Use, ...]:
        """Return the accounts that a call would count for if it began now. Counts nothing."""
        self._turn_day()
        if not _counts(provider, destination):
            return ()
        accounts = [self._accounts.get(name) or Account(name) for name in self._names(payer, provider)]
        return tuple(self._use(account, now) for account in accounts)

    def _use(self, account: Account, now: float) -> Use:
        limits = self._limits(account.name)
        minutes = account.seconds / 60
        refusal = account.refusal(limits, now)
        return Use(account.name, limits, account.running, account.begun(now), minutes, refusal)

    def onward(self, permit: Permit, provider: str, now: float) -> tuple[Account, ...]:
        """Return the accounts of a call that takes another way; see Permit.onward."""
        if permit not in self._permits:
            return permit.accounts
        kept = permit.accounts[:2]
        if not kept:  # free so far
            return self._let_in(self._paying(permit.payer, provider), now) if provider else ()
        before, after = permit.accounts[2:], self._carrying(provider)
        if before == after:
            return permit.accounts
        self._let_in(after, now)
        for account in before:
            account.running -= 1
        return (*kept, *after)

    def answered(self, permit: Permit, now: float) -> None:
        """Count a call's minutes from now on; see Permit.answered."""
        if permit in self._permits:
            self._running.setdefault(permit, now)

    def ended(self, permit: Permit, now: float) -> None:
        """Forget a call; see Permit.ended."""
        if permit in self._running:
            self._charge(permit, now)
            self._turn_day()
            del self._running[permit]
        self._permits.discard(permit)
        self._warned.discard(permit)
        for account in permit.accounts:
            account.running -= 1
            self._record(account)

    def tick(self, now: float) -> None:
        """Count, and call `over` of the calls that have used up a day; about once a second."""
        self._count(now)
        for permit in [permit for permit in self._running if permit not in self._warned]:
            reasons = (account.exhausted(self._limits(account.name)) for account in permit.accounts)
            if reason := next(filter(None, reasons), ""):
                self._warned.add(permit)
                permit.over(reason)
        if now - self._recorded_at >= RECORD_EVERY:
            self._recorded_at = now
            for account in self._accounts.values():
                self._record(account)
            idle = [name for name, account in self._accounts.items() if account.is_idle(now)]
            for name in idle:
                del self._accounts[name]

    def flush(self, now: float) -> None:
        """Tell `record` all that it does not know yet."""
        self._count(now)
        for account in self._accounts.values():
            self._record(account)

    def restore(self, day: str, seconds: Mapping[str, float]) -> None:
        """Know again what was used before a restart; of another day than today it is nothing."""
        self._turn_day()
        if day == self._day:
            for name, used in seconds.items():
                account = self._account(name)
                account.seconds += used
                account.recorded = account.seconds

    def used(self) -> dict[str, float]:
        """Return the seconds of today by account."""
        return {name: account.seconds for name, account in self._accounts.items() if account.seconds}

    def _let_in(self, accounts: tuple[Account, ...], now: float) -> tuple[Account, ...]:
        """Count a call for all of these accounts, which are returned, or for none. Raises Refused."""
        for account in accounts:
            if reason := account.refusal(self._limits(account.name), now):
                raise Refused(reason, rule=LIMITS)
        for account in accounts:
            account.begin(now)
        return accounts

    def _paying(self, payer: str, provider: str) -> tuple[Account, ...]:
        return tuple(map(self._account, self._names(payer, provider)))

    def _carrying(self, provider: str) -> tuple[Account, ...]:
        return tuple(map(self._account, self._names("", provider)[2:]))

    def _names(self, payer: str, provider: str) -> tuple[str, ...]:
        """Return the names of the accounts of a call; of those that carry it, none without a provider."""
        return (payer, TOTAL, f"{VIA}:{provider}") if provider else (payer, TOTAL)

    @property
    def account_count(self) -> int:
        """How many accounts are kept: those with calls, or with minutes of today."""
        return len(self._accounts)

    def _account(self, name: str) -> Account:
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = Account(name)
        return account

    def _count(self, now: float) -> None:
        """Put what running calls have lasted since the last time on their accounts."""
        for permit in self._running:
            self._charge(permit, now)
        self._turn_day()

    def _charge(self, permit: Permit, now: float) -> None:
        seconds = now - self._running[permit]
        self._running[permit] = now
        for account in permit.accounts:
            account.seconds += seconds

    def _turn_day(self) -> None:
        day = self._today()
        if day == self._day:
            return
        for account in self._accounts.values():
            account.seconds = account.recorded = 0.0
        self._day = day

    def _record(self, account: Account) -> None:
        if self.record is not None and account.seconds != account.recorded:
            self.record(self._day, account.name, account.seconds)
            account.recorded = account.seconds


def _counts(provider: str, destination: Address) -> bool:
    """Whether a call costs something: it goes to the telephone network."""
    return bool(provider) or is_telephone(destination)


def _nobody(reason: str) -> None:
    """Nobody ends the call: it was not said who."""
