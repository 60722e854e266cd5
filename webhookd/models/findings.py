"""What an examination of an installation found, as frozen values (pure)."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"  # as it should be
    WARNING = "warning"  # works, and is most often not meant
    PROBLEM = "problem"  # does not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    check: str  # what was looked at: "daemon", "target", "disk" …
    level: Level
    message: str
    hint: str = ""  # the way out
