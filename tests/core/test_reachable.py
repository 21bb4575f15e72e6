"""Where a call may go whose address somebody typed: by the number that it goes to, in whatever clothes."""

from ipaddress import ip_address, ip_network

import pytest

from core.reachable import is_allowed, is_reachable, may_be_plain

PUBLIC = ["93.184.216.34", "8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001:81b::200e"]
SHUT = {
    "this machine": ["127.0.0.1", "127.255.255.254", "::1", "0.0.0.0", "0.1.2.3", "::"],  # noqa: S104
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1", "fc00::1", "fec0::1"],
    "shared by a provider": ["100.64.0.1", "100.100.100.200"],
    "link-local, where clouds tell secrets": ["169.254.169.254", "fe80::1", "fe80::1%1", "fd00:ec2::254"],
    "metadata at public numbers": ["168.63.129.16", "192.0.0.192"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "203.0.113.1", "2001:db8::1"],
    "an IPv4 address in IPv6 clothes": [
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::", "2001::1",
    ],
    "never given out": ["4000::1", "100::1", "3fff::1", "5f00::1"],
}  # fmt: skip


@pytest.mark.parametrize("text", PUBLIC)
def test_the_open_internet_is_reachable_but_not_without_tls(text: str) -> None:
    assert is_reachable(ip_address(text), allowed=())
    assert not may_be_plain(ip_address(text), allowed=())
    everything = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert not may_be_plain(ip_address(text), allowed=everything)


@pytest.mark.parametrize(("why", "text"), [(why, one) for why, texts in SHUT.items() for one in texts])
def test_what_is_not_public_is_closed(why: str, text: str) -> None:
    assert not is_reachable(ip_address(text), allowed=()), why
    assert not may_be_plain(ip_address(text), allowed=()), why


def test_public_addresses_in_ipv6_clothes_are_judged_by_what_they_carry() -> None:
    for text in ("::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"):
        assert is_reachable(ip_address(text), allowed=()), text


def test_an_allowed_network_opens_itself_and_nothing_beside_it() -> None:
    allowed = [ip_network("10.0.5.0/24"), ip_network("::1/128")]
    for text in ("10.0.5.7", "::ffff:10.0.5.7", "::1"):
        assert is_reachable(ip_address(text), allowed=allowed), text
        assert may_be_plain(ip_address(text), allowed=allowed), text
    for text in ("10.0.6.7", "127.0.0.1", "169.254.169.254", "::ffff:10.0.6.7", "fd00::1"):
        assert not is_reachable(ip_address(text), allowed=allowed), text
    assert not is_allowed(ip_address("10.0.6.1"), allowed=allowed)
