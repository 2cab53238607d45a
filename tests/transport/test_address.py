"""Listen addresses."""

import pytest

from voipbin_sip.transport.address import local_address_towards, parse_listen_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("udp://0.0.0.0:5060", "0.0.0.0", 5060),
        ("tcp://127.0.0.1:5070", "127.0.0.1", 5070),
        ("udp://[::]:5060", "::", 5060),
        ("udp://127.0.0.1", "127.0.0.1", 5060),
        ("tls://0.0.0.0", "0.0.0.0", 5061),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    address = parse_listen_address(text)
    assert (address.host, address.port) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0:5060",
        "ws://0.0.0.0:5062",
        "udp://example.org:5060",
        "udp://1.2.3.4:99999",
        "udp://1.2.3.4:5060/x",
        "udp://[::1:5060",
    ],
)
def test_what_is_no_address_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|more than"):
        parse_listen_address(text)


def test_the_kernel_knows_our_address() -> None:
    assert local_address_towards("127.0.0.1") == "127.0.0.1"
    assert local_address_towards("::1") == "::1"
