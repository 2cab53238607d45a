import pytest

from voipbin_sip.sip.cseq import CSeq, parse_cseq
from voipbin_sip.sip.errors import RemoteProtocolError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 INVITE", CSeq(1, "INVITE")),
        ("0009 \t INVITE", CSeq(9, "INVITE")),
        ("2147483647 BYE", CSeq(2**31 - 1, "BYE")),
        ("0" * 5000 + "7 ACK", CSeq(7, "ACK")),
        ("0 new-Method.%!", CSeq(0, "new-Method.%!")),
    ],
)
def test_parse(text: str, expected: CSeq) -> None:
    assert parse_cseq(text) == expected
    assert parse_cseq(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "1", "INVITE", "-1 INVITE", "1 INV ITE", "1INVITE", "2147483648 BYE", "9" * 6000 + " A", "١ BYE"],
)
def test_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_cseq(text)
    assert caught.value.status == 400
