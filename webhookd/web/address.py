"""Whose request it is, when proxies stand in between (pure).

Source: RFC 7239 section 5.2 and 7.4: only what a trusted proxy added may be believed, so the list is
read from its end.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from webhookd.models.settings import Network

Address = IPv4Address | IPv6Address

_LOCAL = IPv4Address("127.0.0.1")


def client_address(peer: str, forwarded_for: str | None, trusted: Sequence[Network]) -> Address:
    """Give the address of the client behind trusted proxies.

    *peer* is the other end of the connection; a unix socket has none and counts as 127.0.0.1. The first
    entry of X-Forwarded-For from the right that is no trusted proxy's is the client; an entry that is no
    address ends the search, since nothing left of it can be believed.
    """
    address = _parse(peer) or _LOCAL
    entries = forwarded_for.split(",") if forwarded_for else []
    while entries and is_within(address, trusted):
        entry = _parse(entries.pop().strip())
        if entry is None:
            break
        address = entry
    return address


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    """Tell whether *address* lies in one of *networks*."""
    return any(address.version == network.version and address in network for network in networks)


def _parse(text: str) -> Address | None:
    """Read an address, also ``[v6]:port`` and ``v4:port``; an IPv4 one written as IPv6 is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
