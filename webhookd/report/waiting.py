"""What keeps a queued run from starting. Pure."""

import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from webhookd.models import Run, RunState
from webhookd.report.times import duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around a queued run."""

    now: datetime
    daemon_up: bool
    paused: Collection[str]  # targets
    running: Sequence[Run]
    queued: Sequence[Run]  # of very many not all


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """One thing that keeps a run from starting, and what to do about it, if anything."""

    what: str
    way_out: str = ""

    def __str__(self) -> str:
        return f"{self.what} ({self.way_out})" if self.way_out else self.what


def hindrances(run: Run, around: Surroundings) -> Iterator[Hindrance]:
    """Yield what keeps *run* from starting; nothing where it is its turn, or only a worker is missing."""
    if run.state is not RunState.QUEUED:
        return
    if not around.daemon_up:
        way_out = "`systemctl start webhookd` or `webhookd serve` starts it"
        yield Hindrance(what="the daemon is down", way_out=way_out)
    if run.target in around.paused:
        way_out = f"`webhookd resume {shlex.quote(run.target)}` ends that"
        yield Hindrance(what="its target is paused", way_out=way_out)
    if (other := _in_its_lane(run, around.running)) is not None:
        yield Hindrance(what=f"run {other} is running in its lane")
    elif (other := _before_it(run, around.queued)) is not None:
        yield Hindrance(what=f"run {other} comes first")
    seconds = (run.not_before - around.now).total_seconds()
    if seconds > 0 and run.not_before > run.queued_at:
        what = "the next attempt comes" if run.attempt else "it settles, and starts"
        yield Hindrance(what=f"{what} in {duration(seconds)}")


def _in_its_lane(run: Run, running: Sequence[Run]) -> int | None:
    """Name the run that has to end first; of the same slot, if a reload has changed the lane since."""
    busy = (other.run for other in running if other.lane == run.lane or other.slot == run.slot)
    return next((other for other in busy if other != run.run), None)  # it may have started just now


def _before_it(run: Run, queued: Sequence[Run]) -> int | None:
    """Name the oldest run that waits in line before it."""
    return min(
        (other.run for other in queued if other.slot == run.slot and other.run < run.run), default=None
    )
