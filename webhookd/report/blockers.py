"""What keeps a queued run from starting. Pure."""

import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from webhookd.models.run import Run, RunState
from webhookd.report.times import duration


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSnapshot:
    """What the start of a queued run depends on, at one moment."""

    now: datetime
    daemon_up: bool
    stopping: bool = False  # the daemon waits for running commands
    paused: Collection[str]  # targets
    running: Sequence[Run]
    queued: Sequence[Run]  # not all if there are very many


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One thing that keeps a run from starting, and what to do about it, if anything."""

    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.what} ({self.hint})" if self.hint else self.what


def blockers(run: Run, queue: QueueSnapshot) -> Iterator[Blocker]:
    """Yield what keeps *run* from starting; nothing when it is next, or only waits for a free worker."""
    if run.state is not RunState.QUEUED:
        return
    if not queue.daemon_up:
        hint = "`systemctl start webhookd` or `webhookd serve` starts it"
        yield Blocker(what="the daemon is down", hint=hint)
    if queue.stopping:
        yield Blocker(what="the daemon is stopping", hint="the next one starts it")
    if run.target in queue.paused:
        hint = f"`webhookd resume {shlex.quote(run.target)}` ends that"
        yield Blocker(what="its target is paused", hint=hint)
    if (other := _in_its_lane(run, queue.running)) is not None:
        yield Blocker(what=f"run {other} is running in its lane")
    elif (other := _before_it(run, queue.queued)) is not None:
        yield Blocker(what=f"run {other} comes first")
    seconds = (run.not_before - queue.now).total_seconds()
    if seconds > 0 and run.not_before > run.queued_at:
        what = "the next attempt starts" if run.attempt else "it waits for further pushes, and starts"
        yield Blocker(what=f"{what} in {duration(seconds)}")


def _in_its_lane(run: Run, running: Sequence[Run]) -> int | None:
    """Return the run that has to end first; one of the same slot if a reload has changed the lane since."""
    busy = (other.run for other in running if other.lane == run.lane or other.slot == run.slot)
    return next((other for other in busy if other != run.run), None)  # it may have started just now


def _before_it(run: Run, queued: Sequence[Run]) -> int | None:
    """Return the oldest run that waits before it."""
    earlier = (other.run for other in queued if other.slot == run.slot and other.run < run.run)
    return min(earlier, default=None)
