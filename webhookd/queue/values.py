"""What the store answers, as frozen values (pure)."""

from dataclasses import dataclass
from enum import StrEnum


class AcceptanceStatus(StrEnum):
    """What became of a delivery, in the words of the HTTP answer."""

    QUEUED = "queued"  # at least one new run
    ALREADY_QUEUED = "already queued"  # its runs wait or are running
    DUPLICATE = "duplicate"  # its runs succeeded a moment ago
    IGNORED = "ignored"  # nothing to run

    @property
    def wakes(self) -> bool:
        """Whether the worker has something new to look at."""
        return self is AcceptanceStatus.QUEUED


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRun:
    """A run that will carry out, carries out or has carried out what was pushed."""

    run: int
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The answer to a delivery."""

    status: AcceptanceStatus
    runs: tuple[AcceptedRun, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What one round of housekeeping removed."""

    runs: tuple[int, ...] = ()  # their logs go too
    deliveries: int = 0
    bodies: int = 0
    more: bool = False  # another round would find more
