"""Durations (`90`, `15m`) and sizes (`512KiB`) as people write them (pure)."""

import re

from webhookd.config.wording import quoted
from webhookd.errors import BadValue

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", re.ASCII)
_SIZE = re.compile(r"([0-9]+)(B|KiB|MiB|GiB)?", re.ASCII)
# What people write instead: "10 minutes", "25MB".
_OTHER_DURATION = re.compile(
    r"([0-9]+(?:\.[0-9]+)?)\s*([smhd])(?:ecs?|econds?|ins?|inutes?|rs?|ours?|ays?)?", re.ASCII
)
_OTHER_SIZE = re.compile(r"([0-9]+)\s*([kmg])(?:i?b)?", re.ASCII)

_LONGEST = 36_500 * 86_400  # seconds; 100 years; no calculation with dates overflows
_LARGEST = 1024**5  # bytes


def parse_duration(text: str) -> float:
    """Return the seconds of ``90``, ``90s``, ``15m``, ``2h`` or ``3d``; raise BadValue for anything else."""
    found = _DURATION.fullmatch(text)
    if found is None:
        other = _OTHER_DURATION.fullmatch(text.strip().lower())
        hint = f"write {other[1]}{other[2]}" if other else "write 90, 90s, 15m, 2h or 3d"
        raise BadValue(f"{quoted(text)} is not a duration", hint=hint)
    seconds = float(found[1]) * _SECONDS[found[2]]
    if seconds > _LONGEST:
        raise BadValue(f"{quoted(text)} is longer than 100 years")
    return seconds


def parse_size(text: str) -> int:
    """Return the bytes of ``4096``, ``512KiB``, ``10MiB`` or ``1GiB``; raise BadValue for anything else."""
    found = _SIZE.fullmatch(text)
    if found is None:
        other = _OTHER_SIZE.fullmatch(text.strip().lower())
        hint = f"write {other[1]}{other[2].upper()}iB" if other else "write 4096, 512KiB, 10MiB or 1GiB"
        raise BadValue(f"{quoted(text)} is not a size", hint=hint)
    size = int(found[1][:20]) * _BYTES[found[2] or ""]
    if size > _LARGEST:
        raise BadValue(f"{quoted(text)} is more than a pebibyte")
    return size
