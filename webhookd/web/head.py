"""What a request says before its body comes (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Request line and headers, and who is at the other end of the connection."""

    method: str
    path: str  # decoded, nothing folded: "//x" is not "/x"
    headers: Mapping[str, str]  # lower-case names; one that came more than once is joined with ","
    peer: str  # address; "" at the end of a unix socket
    length: int | None = None  # announced bytes of the body; None where it comes in chunks
