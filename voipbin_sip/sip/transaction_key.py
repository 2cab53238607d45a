"""Which transaction a message belongs to (RFC 3261 sections 17.1.3 and 17.2.3).

Beside branch, sent-by and method the server key holds Call-ID and CSeq number. Conforming peers notice nothing;
phones that send their second INVITE (with credentials) under the branch of the first are understood.
"""

from __future__ import annotations

from typing import TypeAlias

from voipbin_sip.sip.message import Request, Response

Key: TypeAlias = tuple[str | int | None, ...]

MAGIC_COOKIE = "z9hg4bk"  # compared without regard to case, as any token


def has_magic_branch(branch: str | None) -> bool:
    """Return whether a branch was made by RFC 3261; the bare cookie, which is not unique, does not count."""
    return branch is not None and len(branch) > 7 and branch[:7].lower() == MAGIC_COOKIE


def server_key(request: Request, method: str | None = None) -> Key:
    """Return the key of the server transaction that a request belongs to.

    An ACK belongs to its INVITE; pass `method` to find the INVITE that a CANCEL means. Requests of RFC 2543 (no
    magic cookie) match by Request-URI, From tag, Call-ID, CSeq and the whole top Via.
    """
    if method is None:
        method = "INVITE" if request.method == "ACK" else request.method
    via = request.via
    branch = via.branch
    if has_magic_branch(branch):
        assert branch is not None
        return (branch.lower(), via.host.lower(), via.port, method, request.call_id, request.cseq.number)
    return (
        request.uri_text,
        str(via),
        method,
        request.call_id,
        request.cseq.number,
        request.from_.tag,
    )


def client_key(response: Response) -> Key:
    """Return the key of the client transaction that a response belongs to."""
    return ((response.via.branch or "").lower(), response.cseq.method)
