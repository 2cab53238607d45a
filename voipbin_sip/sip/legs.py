"""The legs of a core: how they begin, how requests find them, how they are forgotten (RFC 3261 sections 12 and 13)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from voipbin_sip.sip import callee
from voipbin_sip.sip.body import session_description
from voipbin_sip.sip.caller import Caller
from voipbin_sip.sip.client_digest import ClientDigest
from voipbin_sip.sip.dialog import Dialog, dialog_of_callee
from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.events import Ended, Hop, Incoming
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.phase import DEPARTED, UNANSWERED
from voipbin_sip.sip.refresh import attend
from voipbin_sip.sip.reliable import prepare
from voipbin_sip.sip.replaces import Replaces, replaces_of
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.sip.session import Session
from voipbin_sip.sip.stateless import BUSY_RETRY, Stateless
from voipbin_sip.sip.transaction import State
from voipbin_sip.sip.transaction_key import Key
from voipbin_sip.sip.transactions import Transactions
from voipbin_sip.sip.wire import Wire


class Legs:
    """All sessions by leg, which is also our tag in their dialogs."""

    def __init__(self, wire: Wire, transactions: Transactions, stateless: Stateless) -> None:
        self._wire = wire
        self._transactions = transactions
        self._stateless = stateless
        self._sessions: dict[str, Session] = {}
        self._opened: set[tuple[str, str, int]] = set()  # Call-ID, From tag, CSeq: to know copies by

    def __len__(self) -> int:
        """Return how many legs there are."""
        return len(self._sessions)

    @property
    def opened(self) -> int:
        """How many INVITEs are remembered to know copies by."""
        return len(self._opened)

    def get(self, leg: str) -> Session | None:
        """Return the session of a leg."""
        return self._sessions.get(leg)

    def all(self) -> list[Session]:
        """Return all sessions."""
        return list(self._sessions.values())

    def of(self, request: Request) -> Session | None:
        """Return the session that a request within a dialog is for."""
        return self._find(request.call_id, request.to.tag or "", request.from_.tag or "")

    def replaced_by(self, replaces: Replaces) -> Session | None:
        """Return the session that a Replaces names."""
        return self._find(replaces.call_id, replaces.to_tag, replaces.from_tag)

    def replacement(self, leg: str) -> Replaces:
        """Return how the peer of a leg is told to replace it. Raises LocalProtocolError if there is no such leg."""
        session = self._sessions.get(leg)
        if session is None:
            raise LocalProtocolError("no such leg to replace")
        dialog = session.dialog
        return Replaces(dialog.call_id, to_tag=dialog.remote_tag, from_tag=dialog.local_tag)

    def call(
        self,
        now: float,
        dialog: Dialog,
        user: str,
        *,
        sdp: SessionDescription | None,
        headers: Iterable[tuple[str, str]],
        credentials: tuple[str, str] | None,
        max_forwards: int,
    ) -> None:
        """Open a session by an INVITE of ours; `dialog` is as `dialog_to_open` makes it."""
        leg = dialog.local_tag
        if self._full:
            self._wire.emit(Ended(leg, "local", 503, "too many calls"))
            return
        digest = None if credentials is None else ClientDigest(*credentials, self._wire.new_token)
        session = Session(
            self._wire, self._transactions, leg, dialog, user=user, digest=digest, on_over=self._forget
        )
        attend(session)
        session.calling = caller = Caller(session, dialog.hop, sdp, headers, max_forwards)
        caller.start(now)
        self._sessions[leg] = session

    def open(self, now: float, request: Request, hop: Hop, key: Key) -> None:
        """Open a session for an INVITE of a peer; all that can go wrong goes wrong before anything is kept."""
        copy_key = (request.call_id, request.from_.tag or "", request.cseq.number)
        if copy_key in self._opened:  # the same INVITE by another way, or very late (RFC 3261 8.2.2.2)
            self._stateless.refuse(request, hop, 482)
            return
        if self._full:
            self._stateless.refuse(request, hop, 503, None, BUSY_RETRY)
            return
        offer = session_description(request)
        replaced = self._replaced(request)
        leg = self._wire.new_token()
        dialog = dialog_of_callee(request, leg, hop)
        transaction = self._transactions.serve(key, request, hop, leg)
        session = Session(
            self._wire,
            self._transactions,
            leg,
            dialog,
            user=request.uri.user or "",
            opening=transaction,
            offerless=offer is None,
            on_over=partial(self._over, copy_key),
        )
        session.remote = offer
        session.learn(request)
        attend(session)
        prepare(session)
        transaction.on_cancel = lambda at, cancel: callee.cancelled(session, at, cancel)
        self._sessions[leg] = session
        self._opened.add(copy_key)
        transaction.respond_status(now, 100)
        if "expires" in request.headers:
            callee.expire_later(session, now)
        self._wire.emit(Incoming(leg, request, hop, offer, replaced))

    @property
    def _full(self) -> bool:
        return len(self._sessions) >= self._wire.limits.max_legs or self._transactions.full

    def _find(self, call_id: str, local_tag: str, remote_tag: str) -> Session | None:
        session = self._sessions.get(local_tag)
        return session if session is not None and session.has(call_id, remote_tag) else None

    def _replaced(self, request: Request) -> str:
        """Return the leg that an INVITE replaces, "" for none. Raises RemoteProtocolError (RFC 3891 section 3)."""
        replaces = replaces_of(request)
        if replaces is None:
            return ""
        session = self.replaced_by(replaces)
        if session is None:
            raise RemoteProtocolError(481, "Replaced Call Does Not Exist", request)
        if session.phase in DEPARTED:
            raise RemoteProtocolError(603, "Replaced Call Is Over", request)
        if session.phase in UNANSWERED and session.calling is None:
            raise RemoteProtocolError(481, "Replaced Call Is Not Answered", request)
        if replaces.early_only and session.phase not in UNANSWERED:
            raise RemoteProtocolError(486, "Replaced Call Is Answered", request)
        return session.leg

    def _forget(self, _now: float, session: Session) -> None:
        del self._sessions[session.leg]

    def _over(self, copy_key: tuple[str, str, int], now: float, session: Session) -> None:
        """Forget a session; copies of its INVITE may still be on their way for 64*T1, unless it was challenged."""
        del self._sessions[session.leg]
        if session.invite.state is State.TERMINATED:
            self._opened.discard(copy_key)
            return
        self._wire.timers.start(now + 64 * self._wire.limits.t1, lambda _: self._opened.discard(copy_key))
