"""What the store answers, as frozen values (pure)."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What became of a delivery, in the words of the HTTP answer."""

    QUEUED = "queued"  # at least one new run
    ALREADY_QUEUED = "already queued"  # its runs wait or are running
    DUPLICATE = "duplicate"  # its runs succeeded a moment ago
    IGNORED = "ignored"  # nothing to run


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRun:
    """A run that will carry out, carries out or has carried out what was pushed."""

    run: int
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The answer to a delivery; wake the worker when it is `queued`."""

    status: Status
    runs: tuple[AcceptedRun, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What one round of housekeeping removed."""

    runs: tuple[int, ...] = ()  # their logs go too
    deliveries: int = 0
    bodies: int = 0
    more: bool = False  # another round would find more
