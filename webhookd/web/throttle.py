"""How often an address has failed to prove itself (pure but for its own memory; the caller brings the clock).

Each address has a bucket of failures that drains steadily. What an address may do once its bucket is full is
the caller's to decide; nothing is ever kept about one that did not fail.
"""

import math
from collections import OrderedDict
from ipaddress import IPv4Address, IPv6Address

BURST = 20  # failures an address may have at once
PER_FAILURE = 3.0  # seconds until one of them is forgotten
MOST_ADDRESSES = 10_000  # remembered at a time; the one that failed longest ago goes first

_IPV6_HOST_BITS = 64  # whoever has one IPv6 address has all of its /64 (RFC 6177)


class Throttle:
    """Counts failures by address; an IPv6 address stands for its /64."""

    def __init__(self) -> None:
        # key -> the moment at which all of its failures are forgotten, in the order of the last failure
        self._forgotten_at: OrderedDict[tuple[int, int], float] = OrderedDict()

    def fail(self, address: IPv4Address | IPv6Address, *, now: float) -> float:
        """Note a failure at *now* and give the seconds for which the address has had too many; mostly 0."""
        key = _key(address)
        forgotten_at = max(self._forgotten_at.pop(key, now), now) + PER_FAILURE
        # What goes beyond the bucket's brim is not held against the address for longer.
        self._forgotten_at[key] = min(forgotten_at, now + (BURST + 1) * PER_FAILURE)
        if len(self._forgotten_at) > MOST_ADDRESSES:
            self._forgotten_at.popitem(last=False)
        return max(math.ceil(forgotten_at - BURST * PER_FAILURE - now), 0)

    def __len__(self) -> int:
        return len(self._forgotten_at)


def _key(address: IPv4Address | IPv6Address) -> tuple[int, int]:
    if address.version == 4:  # noqa: PLR2004 - IPv4
        return 4, int(address)
    return 6, int(address) >> _IPV6_HOST_BITS
