"""What keeps a queued run from starting. Pure."""

import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from webhookd.models.run import Run, RunState
from webhookd.report.text import duration


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
    others = [other for other in queue.running if other.run != run.run]  # it may have started just now
    # One of the same slot has another lane if a reload has changed it since.
    busy = [other.run for other in others if other.lane == run.lane or other.slot == run.slot]
    earlier = [other.run for other in queue.queued if other.slot == run.slot and other.run < run.run]
    if busy:
        yield Blocker(what=f"run {busy[0]} is running in its lane")
    elif earlier:
        yield Blocker(what=f"run {min(earlier)} comes first")
    seconds = (run.not_before - queue.now).total_seconds()
    if seconds > 0 and run.not_before > run.queued_at:
        what = "the next attempt starts" if run.attempt else "it waits for further pushes, and starts"
        yield Blocker(what=f"{what} in {duration(seconds)}")
