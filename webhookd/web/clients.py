"""Who a client is when proxies stand in between, and how often it has failed to prove itself (pure).

The caller brings the clock. Source: RFC 7239, 5.2 and 7.4: only what a trusted proxy added may be believed,
so the list is read from its end.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from webhookd.models.settings import Network

Address = IPv4Address | IPv6Address

BURST = 20  # failures an address may have at once
PER_FAILURE = 3.0  # seconds until one of them is forgotten
MOST_ADDRESSES = 10_000  # remembered at a time; the one that failed longest ago goes first

_IPV6_HOST_BITS = 64  # who has one IPv6 address has all of its /64 (RFC 6177)
_LOCAL = IPv4Address("127.0.0.1")


def client_address(peer: str, forwarded_for: str | None, trusted: Sequence[Network]) -> Address:
    """Return the address of the client behind trusted proxies.

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
    """Return whether *address* is in one of *networks*."""
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


class Throttle:
    """Counts failures by address; an IPv6 address stands for its /64.

    Each address has a bucket of failures that drains steadily. Addresses that did not fail are not kept.
    """

    def __init__(self) -> None:
        # key -> the moment at which all of its failures are forgotten, in the order of the last failure
        self._forgotten_at: OrderedDict[tuple[int, int], float] = OrderedDict()

    def fail(self, address: Address, *, now: float) -> float:
        """Count a failure, and return the seconds for which the address has had too many; 0 if it has not."""
        key = _key(address)
        forgotten_at = max(self._forgotten_at.pop(key, now), now) + PER_FAILURE
        # More failures than fit into the bucket do not make the wait longer.
        self._forgotten_at[key] = min(forgotten_at, now + (BURST + 1) * PER_FAILURE)
        if len(self._forgotten_at) > MOST_ADDRESSES:
            self._forgotten_at.popitem(last=False)
        return max(math.ceil(forgotten_at - BURST * PER_FAILURE - now), 0)

    def __len__(self) -> int:
        return len(self._forgotten_at)


def _key(address: Address) -> tuple[int, int]:
    if address.version == 4:  # noqa: PLR2004 - IPv4
        return 4, int(address)
    return 6, int(address) >> _IPV6_HOST_BITS
