"""Which addresses a call may go to whose address somebody typed, so that the portal opens no network that is closed to him (SSRF).

Pure. What counts is the number that the call goes to; how it was written, or by which name it was found, makes no difference.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PUBLIC_6 = IPv6Network("2000::/3")  # all that was ever given out (IANA)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
# Public by their number, and not for us: protocol assignments, the relay of 6to4, and the service that Azure shows to its machines.
_SHUT: tuple[Network, ...] = tuple(
    ip_network(one)
    for one in (
        "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip


def is_reachable(address: Address, *, allowed: Sequence[Network]) -> bool:
    """Whether a call may go there: to the open internet, or into a network that the installation allows."""
    return is_allowed(address, allowed=allowed) or _is_public(_behind(address))


def may_be_plain(address: Address, *, allowed: Sequence[Network]) -> bool:
    """Whether http without TLS is good enough: on this machine or in a private network, where the installation allows that one."""
    return is_allowed(address, allowed=allowed) and _behind(address).is_private


def is_allowed(address: Address, *, allowed: Sequence[Network]) -> bool:
    """Whether the installation names a network that holds it."""
    return any(one in network for network in allowed for one in (address, _behind(address)))


def _behind(address: Address) -> Address:
    """The address that is meant: of one that carries an IPv4 address (mapped, 6to4, NAT64), the one carried."""
    if isinstance(address, IPv4Address):
        return address
    carried = address.ipv4_mapped or address.sixtofour
    if carried is None and address in _NAT64:
        carried = IPv4Address(int(address) & 0xFFFF_FFFF)
    return carried or address


def _is_public(address: Address) -> bool:
    if address.is_multicast or any(address in network for network in _SHUT):
        return False
    return address.is_global and (isinstance(address, IPv4Address) or address in _PUBLIC_6)
