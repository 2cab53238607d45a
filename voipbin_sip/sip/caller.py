"""Calling: an INVITE of ours, its early dialogs, its CANCEL and its ACKs (RFC 3261 sections 8.1.3, 9.1 and 13.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from voipbin_sip.sip.body import SDP, session_description
from voipbin_sip.sip.client_digest import Tried
from voipbin_sip.sip.client_transaction import ClientTransaction
from voipbin_sip.sip.dialog import Dialog, dialog_of_caller
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Answered, Hop, Progress
from voipbin_sip.sip.hang_up import leave, say_bye
from voipbin_sip.sip.message import Response
from voipbin_sip.sip.next_hop import request_hop
from voipbin_sip.sip.phase import UNANSWERED, Move, Phase
from voipbin_sip.sip.reason import q850_cause
from voipbin_sip.sip.redirect import redirect_contacts
from voipbin_sip.sip.reliable import reliable_number
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.sip.session import Session
from voipbin_sip.sip.status import REASONS
from voipbin_sip.sip.transaction import State
from voipbin_sip.sip.wire import LATER_SUPPORTED, SUPPORTED

_MAX_FORKS = 32  # dialogs that one INVITE of ours may open; what else answers is left to its own timers
_CREDENTIALS = ("Authorization", "Proxy-Authorization")


class Caller:
    """One INVITE of ours; it lives on to acknowledge each 2xx as often as it comes, even after the call."""

    def __init__(
        self,
        session: Session,
        hop: Hop,
        sdp: SessionDescription | None,
        headers: Iterable[tuple[str, str]],
        max_forwards: int,
    ) -> None:
        """Make a call of a new session, whose dialog tells whom to call and has no remote tag."""
        self._session = session
        self._hop = hop
        self._sdp = sdp
        self._headers = tuple(headers)
        self._max_forwards = max_forwards
        self._tried: Tried = Counter()
        self._start = session.dialog
        self._early: dict[str, Dialog] = {}  # by remote tag
        self._media: dict[str, SessionDescription] = {}  # by remote tag
        self._numbers: dict[str, int] = {}  # RSeq of the last reliable 18x, by remote tag
        self._acks: dict[
            str, tuple[bytes, Dialog]
        ] = {}  # by remote tag; no bytes while our answer is awaited
        self._cancel_sent = False
        self.is_heard = False  # whether anything has come back
        self._transaction: ClientTransaction

    def start(self, now: float) -> None:
        """Send the INVITE. Raises LocalProtocolError for what must not be written."""
        session = self._session
        dialog = self._start = session.dialog = self._start.next_request()
        request = session.build(
            dialog,
            "INVITE",
            dialog.local_cseq,
            hop=self._hop,
            max_forwards=self._max_forwards,
            headers=(
                ("Allow", ", ".join(session.wire.limits.allow)),
                # without an offer of ours a reliable 18x would bring one, and our user answers the 200 only
                ("Supported", SUPPORTED if self._sdp is not None else LATER_SUPPORTED),
                *session.timer.propose(opening=True),
                *self._headers,
            ),
            body=b"" if self._sdp is None else self._sdp.to_bytes(),
            content_type=None if self._sdp is None else SDP,
        )
        self._transaction = session.begin(now, request, self._hop, self._response)

    def select(self, remote_tag: str) -> bool:
        """Make the early dialog with that tag the session's; return whether there is one."""
        self._keep()
        dialog = self._early.get(remote_tag)
        if dialog is not None:
            self._session.dialog = dialog
        return dialog is not None

    def acknowledge(self, now: float, sdp: SessionDescription | None) -> bool:
        """Send the ACK that waits for our answer; return whether one did."""
        session = self._session
        tag = session.dialog.remote_tag
        if self._acks.get(tag, (b"-", None))[0]:
            return False
        self._send_ack(tag, session.dialog, sdp)
        session.local = sdp
        if session.can(Move.ACK):
            session.move(now, Move.ACK)
        return True

    def give_up(self, now: float) -> None:
        """Cancel the INVITE: now, or with the first provisional response (RFC 3261 9.1)."""
        self._session.move(now, Move.GIVE_UP)
        self._cancel(now)

    def _cancel(self, now: float) -> None:
        session = self._session
        reason = (("Reason", session.bye_reason),) if session.bye_reason else ()
        cancel = self._transaction.cancel(now, reason)
        if cancel is not None and not self._cancel_sent:
            self._cancel_sent = True
            session.begin(now, cancel, self._transaction.hop, _ignore)

    def _response(self, now: float, response: Response | None) -> None:
        """Take a response, or None for none in time."""
        self.is_heard |= response is not None and len(response.headers) > 0  # else it is the transport's
        if response is None:
            self._timed_out(now)
        elif response.status < 200:
            self._provisional(now, response)
        elif response.status < 300:
            self._success(now, response)
        else:
            self._failure(now, response)

    def _timed_out(self, now: float) -> None:
        """Timer B ends it at once; Timer C, after a provisional response, needs a CANCEL (RFC 3261 16.8)."""
        session = self._session
        waits = self._transaction.state is State.CANCELLING
        if session.phase in UNANSWERED:
            session.end("remote", 408, "no answer" if waits else "no response", 102)
            if waits:
                self.give_up(now)
                return
        if session.can(Move.FAILURE):
            session.move(now, Move.FAILURE)

    def _provisional(self, now: float, response: Response) -> None:
        session = self._session
        if session.phase is Phase.CANCELLING:
            self._cancel(now)
        if session.phase not in UNANSWERED or response.status < 180:
            return
        tag = response.to.tag or ""
        sdp = _early_description(response)
        if tag and (tag in self._early or len(self._early) < _MAX_FORKS):
            number = reliable_number(response)
            if number is not None and number != self._numbers.get(tag, number - 1) + 1:
                return  # RFC 3262 section 4: one that came before, or one too early
            self._keep()
            session.dialog = self._early[tag] = self._dialog(tag, response)[0]
            session.learn(response)
            session.move(now, Move.PROVISIONAL)
            if sdp is not None:
                self._media[tag] = sdp
            if number is not None:
                self._numbers[tag] = number
                if sdp is not None and not session.early_agreed:
                    session.early_agreed, session.remote = True, sdp
                rack = f"{number} {response.cseq.number} INVITE"
                session.request(now, "PRACK", _ignore, headers=(("RAck", rack),))
        session.wire.emit(Progress(session.leg, response.status, response.reason, sdp, tag))

    def _success(self, now: float, response: Response) -> None:
        """Take a 2xx: the first one is our call, others are forks that nobody needs (RFC 3261 13.2.2.4)."""
        session = self._session
        tag = response.to.tag or ""
        if tag in self._acks:
            data, dialog = self._acks[tag]
            if data:  # the peer repeats its 2xx: it has not seen our ACK
                session.send_ack(data, dialog)
            return
        if len(self._acks) >= _MAX_FORKS:
            return
        self._keep()
        dialog, complaint = self._dialog(tag, response)
        if session.phase in UNANSWERED:
            session.dialog = dialog
            self._answered(now, tag, response, complaint)
        elif session.phase is Phase.CANCELLING:  # it crossed our CANCEL
            session.dialog = dialog
            self._send_ack(tag, dialog)
            session.move(now, Move.ANSWER)
            say_bye(session, now)
        else:
            self._send_ack(tag, dialog)
            dialog = dialog.next_request()
            bye = session.build(dialog, "BYE", dialog.local_cseq)
            session.begin(now, bye, request_hop(dialog.next_hop_uri(), dialog.hop), _ignore)

    def _answered(self, now: float, tag: str, response: Response, complaint: str) -> None:
        session = self._session
        sdp: SessionDescription | None = None
        try:
            sdp = session_description(response)
        except RemoteProtocolError as error:
            complaint = f"unusable session description: {error.reason}"
        session.move(now, Move.ANSWER)
        session.learn(response)
        session.timer.agreed(now, response)
        if self._sdp is not None:
            sdp = sdp or self._agreed_early() or self._media.get(tag)
        elif sdp is not None and not complaint:
            self._acks[tag] = (b"", session.dialog)
            session.remote = sdp
            session.wire.emit(Answered(session.leg, sdp, tag))
            return
        self._send_ack(tag, session.dialog)
        session.local, session.remote = session.local or self._sdp, sdp
        session.move(now, Move.ACK)
        if sdp is None or complaint:
            why = complaint or "200 without session description"
            leave(session, now, status=488, why=why, cause=111)
        else:
            session.wire.emit(Answered(session.leg, sdp, tag))

    def _agreed_early(self) -> SessionDescription | None:
        """Return the answer that has arrived reliably, or what an UPDATE has made of it since."""
        return self._session.remote if len(self._early) == 1 else None

    def _failure(self, now: float, response: Response) -> None:
        session = self._session
        if session.phase in UNANSWERED and self._worth_another_try(response):
            self._early.clear()
            self._media.clear()
            self._numbers.clear()
            self.start(now)
            return
        status = response.status
        contacts = redirect_contacts(response) if status < 400 else ()
        reason = response.reason or REASONS.get(status, "")
        session.end("remote", status, reason, q850_cause(response), contacts)
        if session.can(Move.FAILURE):
            session.move(now, Move.FAILURE)

    def _worth_another_try(self, response: Response) -> bool:
        """Return whether the INVITE may succeed with credentials, or with a longer session timer."""
        digest = self._session.digest
        if digest is not None and digest.learn(response, self._tried):
            return True
        return self._session.timer.raised(response)

    def _dialog(self, tag: str, response: Response) -> tuple[Dialog, str]:
        """Return the dialog of a response, and what is wrong with it."""
        hop = self._transaction.heard
        complaint = ""
        try:
            dialog = dialog_of_caller(self._start, response, hop)
        except RemoteProtocolError as error:
            party = response.headers.get("to") or ""
            dialog = replace(self._start, remote_tag=tag, remote_party=party, hop=hop)
            complaint = f"unusable response: {error.reason}"
        earlier = self._early.get(tag)
        if earlier is not None:  # the 2xx decides on routes and target, but numbers go on
            dialog = replace(dialog, local_cseq=earlier.local_cseq, remote_cseq=earlier.remote_cseq)
        return dialog, complaint

    def _keep(self) -> None:
        """Note the numbers that requests within the selected early dialog have used."""
        dialog = self._session.dialog
        if dialog.remote_tag in self._early:
            self._early[dialog.remote_tag] = dialog

    def _send_ack(self, tag: str, dialog: Dialog, sdp: SessionDescription | None = None) -> None:
        invite = self._transaction.request
        same = [(name, value) for name in _CREDENTIALS for value in invite.headers.get_all(name)]
        data = self._session.ack(invite.cseq.number, dialog, sdp, same)
        self._acks[tag] = (data, dialog)
        self._session.send_ack(data, dialog)


def _early_description(response: Response) -> SessionDescription | None:
    """Return the session description of a provisional response; a broken one is as good as none."""
    try:
        return session_description(response)
    except RemoteProtocolError:
        return None


def _ignore(_now: float, _response: Response | None) -> None:
    """Take the answer to a CANCEL, or to the BYE of a fork: nothing depends on it."""
