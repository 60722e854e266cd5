"""Moments and spans of time, in words and in RFC 3339. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from webhookd.errors import printable

UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


def rfc3339(moment: datetime) -> str:
    """Write *moment* as RFC 3339 in UTC, always to the millisecond: 2026-11-24T02:48:38.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """Write a span in at most two units: 0.24s, 12s, 3m05s, 2h10m, 4d03h."""
    if seconds < 9.995:  # noqa: PLR2004 - short spans need hundredths; and 9.995 rounds to 10
        return f"{max(seconds, 0):.2f}s"
    whole = round(seconds)
    for (size, unit), (smaller, smaller_unit) in zip(UNITS, (*UNITS[1:], (1, "s")), strict=True):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // smaller:02d}{smaller_unit}"
    return f"{whole}s"


def age(moment: datetime, *, now: datetime) -> str:
    """Write how long ago *moment* was, in one unit: 12s ago, 3m ago, 4d ago."""
    whole = max(int((now - moment).total_seconds()), 0)
    for size, unit in UNITS:
        if whole >= size:
            return f"{whole // size}{unit} ago"
    return f"{whole}s ago"


def timeline_text(steps: Sequence[tuple[datetime, str]]) -> str:
    """Write what happened when, oldest first, each line with the milliseconds since the first."""
    ordered = sorted(steps, key=lambda step: step[0])
    milliseconds = [((at - ordered[0][0]).total_seconds() * 1000, what) for at, what in ordered]
    return "\n".join(f"{passed:>6.0f} ms  {printable(what)}" for passed, what in milliseconds)
