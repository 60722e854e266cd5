"""Durations (`90`, `15m`) and sizes (`512KiB`) as people write them (pure)."""

import re

from webhookd.config.wording import quoted
from webhookd.errors import BadValue

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", re.ASCII)
_SIZE = re.compile(r"([0-9]+)(B|KiB|MiB|GiB)?", re.ASCII)
_LOOSE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)", re.ASCII)
_COMPOUND = re.compile(r"(?:([0-9]+)h)?\s*(?:([0-9]+)m)?\s*(?:([0-9]+)s)?", re.ASCII)

_DURATION_WORDS = {
    "s": ("sec", "secs", "second", "seconds"),
    "m": ("min", "mins", "minute", "minutes"),
    "h": ("hr", "hrs", "hour", "hours"),
    "d": ("day", "days"),
}
_LONGEST = 36_500 * 86_400  # seconds; 100 years; no calculation with dates overflows
_LARGEST = 1024**5  # bytes


def parse_duration(text: str) -> float:
    """Return the seconds of ``90``, ``90s``, ``15m``, ``2h`` or ``3d``; raise BadValue for anything else."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise BadValue(f"{quoted(text)} is not a duration", hint=_duration_hint(text))
    seconds = float(found[1]) * _SECONDS[found[2]]
    if seconds > _LONGEST:
        raise BadValue(f"{quoted(text)} is longer than 100 years")
    return seconds


def parse_size(text: str) -> int:
    """Return the bytes of ``4096``, ``512KiB``, ``10MiB`` or ``1GiB``; raise BadValue for anything else."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise BadValue(f"{quoted(text)} is not a size", hint=_size_hint(text))
    size = int(found[1][:20]) * _BYTES[found[2] or ""]
    if size > _LARGEST:
        raise BadValue(f"{quoted(text)} is more than a pebibyte")
    return size


def _duration_hint(text: str) -> str:
    """Return how to write the duration that *text* probably means."""
    if text.startswith("-"):
        return "a duration cannot be negative"
    if loose := _LOOSE.fullmatch(text.strip().lower()):
        number, word = loose[1], loose[2]
        for unit, words in _DURATION_WORDS.items():
            if word == unit or word in words:
                return f"write {number}{unit}"
        if word in {"w", "week", "weeks"}:
            return f"write {float(number) * 7:g}d"
        if word in {"ms", "msec", "milliseconds"}:
            return f"write {float(number) / 1000:g}s"
    if (parts := _COMPOUND.fullmatch(text.strip().lower())) and any(parts.groups()):
        return f"write {_total(parts)}"
    return "write 90, 90s, 15m, 2h or 3d"


def _total(parts: re.Match[str]) -> str:
    """Return the sum of hours, minutes and seconds in the largest unit that divides it."""
    seconds = sum(int(part or 0) * size for part, size in zip(parts.groups(), (3600, 60, 1), strict=True))
    unit = next(unit for unit in "hms" if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def _size_hint(text: str) -> str:
    """Return how to write the size that *text* probably means."""
    if text.startswith("-"):
        return "a size cannot be negative"
    loose = _LOOSE.fullmatch(text.strip().lower())
    if loose is None:
        return "write 4096, 512KiB, 10MiB or 1GiB"
    number, word = loose[1], loose[2]
    unit = next((unit for unit in ("KiB", "MiB", "GiB") if word[0] == unit[0].lower()), "")
    if not unit:
        return "write 4096, 512KiB, 10MiB or 1GiB"
    if "." not in number:
        return f"write {number}{unit}"
    smaller = {"KiB": "", "MiB": "KiB", "GiB": "MiB"}[unit]
    return f"write {int(float(number) * 1024)}{smaller}"
