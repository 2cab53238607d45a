"""Which addresses are of the open internet, and what is no web address."""

from __future__ import annotations

import pytest

from voipbin_sip.web.guard import HostGuard, WebError, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.test/x",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "nonsense",
        "http://a.test/\r\nHost: b",
        "http://127.0.0.1/",
        "http://[::1]:80/",
        "http://[::ffff:10.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://user@169.254.169.254/latest",
    ],
)
def test_urls_that_are_refused_before_any_look_up(url: str) -> None:
    with pytest.raises(WebError):
        HostGuard().check_url(url)


async def test_a_host_is_refused_if_one_of_its_addresses_is_private() -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.1"]

    with pytest.raises(WebError, match=r"http\.allow_private"):
        await HostGuard(lookup=both).addresses("a.test", 80)
    assert await HostGuard(["A.test"], lookup=both).addresses("a.test", 80) == ["93.184.216.34", "10.0.0.1"]
