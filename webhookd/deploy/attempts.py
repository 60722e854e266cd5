"""The attempts in flight: watched, found again, ended, and recorded. Belongs to the worker's thread."""

import math
import os
import random
import select
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from webhookd.deploy import processes
from webhookd.deploy.job import Result
from webhookd.deploy.launcher import Launcher
from webhookd.deploy.locks import RunningSupervisor, main_of
from webhookd.deploy.planning import cleanup_job, invocation_of
from webhookd.errors import NotPossible, printable, with_file
from webhookd.models.layout import AttemptFolder
from webhookd.models.run import Ending, Outcome, Run, RunState
from webhookd.models.settings import Config
from webhookd.queue import Store

log = structlog.get_logger(__name__)

_LOST_POLL = 0.25  # seconds between looks for a supervisor that is not watched
_DOUBLINGS = 7  # of the pause between two tries to end what is left of an attempt, so half a minute at most
_CLEANUPS = 3  # of an attempt that has a result, before what no cleanup can end is left
_LONGEST_REASON = 1000  # characters; a command may have forged it


@dataclass(slots=True, kw_only=True)
class InFlight:
    """An attempt in flight, or ended and not yet recorded."""

    run: Run
    supervisor: RunningSupervisor | None = None
    look_at: float = 0.0  # monotonic seconds; not before then its supervisor is looked for
    looks: int = 0  # without success
    outcome: Outcome | None = None  # set while it is not recorded yet

    def look_later(self) -> None:
        """Look for its supervisor again later, after longer and longer pauses."""
        self.look_at = time.monotonic() + _LOST_POLL * 2 ** min(self.looks, _DOUBLINGS)
        self.looks += 1


class Attempts:
    """All attempts in flight, by the number of their run."""

    def __init__(
        self,
        *,
        store: Store,
        launcher: Launcher,
        config: Callable[[], Config],
        owner: str,
        poll: select.poll,
    ) -> None:
        """Record in *store* as *owner*; *poll* wakes the worker when a supervisor ends."""
        self._store = store
        self._launcher = launcher
        self._config = config
        self._owner = owner
        self._poll = poll
        self._known: dict[int, InFlight] = {}

    def __len__(self) -> int:
        return len(self._known)

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets whose commands run now; any thread may ask."""
        return tuple(attempt.run.target for attempt in list(self._known.values()))

    def add(self, run: Run) -> InFlight:
        """Track *run* from now on."""
        attempt = self._known[run.run] = InFlight(run=run)
        return attempt

    def watch(self, attempt: InFlight, supervisor: RunningSupervisor | None) -> None:
        """Wake the worker when this supervisor ends; with None the supervisor has to be looked for."""
        attempt.supervisor = supervisor
        if supervisor is not None:
            self._poll.register(supervisor.pidfd, select.POLLIN)

    def adopt(self) -> None:
        """Track the runs that are running without being tracked here.

        An earlier daemon started them, or a claim was committed after the store had reported a failure.
        """
        for run in self._store.running():
            if run.run not in self._known:
                self.add(run)
                log.info("run adopted", run=run.run, target=run.target, attempt=run.attempt)

    def find(self) -> None:
        """Advance every attempt that has no living supervisor.

        This writes nothing, since a command without a supervisor may have filled the disk.
        """
        for attempt in self._known.values():
            is_lost = attempt.supervisor is None and attempt.outcome is None
            if is_lost and time.monotonic() >= attempt.look_at:
                self._try_to_find(attempt)

    def record(self) -> None:
        """Record what was adopted and what has ended."""
        for attempt in list(self._known.values()):
            run = attempt.run
            if run.owner != self._owner:
                attempt.run = self._store.adopt(run.run, owner=self._owner, attempt=run.attempt)
            if attempt.outcome is not None:
                self.finish(attempt, attempt.outcome)

    def finish(self, attempt: InFlight, outcome: Outcome) -> None:
        """Record how *attempt* ended, now or, where the store takes no writes, in a later `record`."""
        attempt.outcome = outcome
        run = attempt.run
        target, now = self._config().target(run.target), datetime.now(UTC)
        try:
            after = self._store.finish(
                run.run,
                owner=self._owner,
                attempt=run.attempt,
                outcome=outcome,
                now=now,
                # The jitter keeps targets that failed together from retrying together.
                retry_in=target.retry_delay * random.uniform(0.9, 1.1) if target else None,  # noqa: S311
            )
            if target is not None and after.state is RunState.QUEUED:
                self._store.relane([target], now=now)  # a reload may have come while it was running
        except NotPossible as error:
            log.error("run not recorded", run=run.run, error=error)  # noqa: TRY400 - fenced off
        else:
            write = log.info if after.state is RunState.SUCCEEDED else log.warning
            write(
                "run waits again" if after.state is RunState.QUEUED else "run ended",
                run=run.run,
                target=run.target,
                state=after.state,
                attempt=run.attempt,
                reason=outcome.reason,
            )
        del self._known[run.run]

    def interrupt(self) -> None:
        """End all commands; their runs start again with the next daemon."""
        for attempt in self._known.values():
            if attempt.supervisor is not None:
                attempt.supervisor.interrupt()

    def cancel(self) -> None:
        """End the commands that somebody wants ended."""
        for run in self._store.cancel_requested(self._owner):
            attempt = self._known.get(run)
            if attempt is not None and attempt.supervisor is not None:
                attempt.supervisor.cancel()

    def release(self, ready: Collection[int]) -> None:
        """Stop watching the supervisors whose pidfds are *ready*: they have ended."""
        for attempt in self._known.values():
            if attempt.supervisor is not None and attempt.supervisor.pidfd in ready:
                self._poll.unregister(attempt.supervisor.pidfd)
                attempt.supervisor.close()
                attempt.supervisor = None

    def until_look(self) -> float:
        """Return the seconds until a supervisor is to be looked for, infinite while all are watched."""
        lost = [attempt.look_at for attempt in self._known.values() if attempt.supervisor is None]
        return max(min(lost, default=math.inf) - time.monotonic(), _LOST_POLL)

    def _try_to_find(self, attempt: InFlight) -> None:
        """Look for its supervisor; an attempt that cannot be reached does not delay others."""
        try:
            self._look_for(attempt)
        except OSError as error:
            attempt.look_later()
            run, why = attempt.run, with_file(error)
            log.error("run out of reach", run=run.run, target=run.target, error=why)  # noqa: TRY400

    def _look_for(self, attempt: InFlight) -> None:
        """Find its supervisor, or take its result, or start a cleanup of its processes."""
        run = attempt.run
        files = self._files(run)
        invocation = invocation_of(run, files)
        supervisor = self._launcher.locks.find(run.lane, invocation)
        if supervisor is not None:
            self.watch(attempt, supervisor)
            return
        lock = self._launcher.locks.take(run.lane)
        if lock is None:
            return  # its holder has not said yet who it is
        try:
            result = Result.read(files, invocation)
            # Whoever wrote the result, the lane is free only when its processes have ended.
            if result is not None and (
                attempt.looks >= _CLEANUPS or not processes.remains(invocation, main_of(lock, invocation))
            ):
                attempt.outcome = _outcome_of(result)
            else:
                self._clean_up(attempt, lock)
        finally:
            os.close(lock)

    def _clean_up(self, attempt: InFlight, lock: int) -> None:
        run = attempt.run
        log.warning("supervisor lost", run=run.run, target=run.target, attempt=run.attempt)
        job = cleanup_job(run, config=self._config(), files=self._files(run))
        self.watch(attempt, self._launcher.launch(job, payload=None, lock=lock))
        attempt.look_later()

    def _files(self, run: Run) -> AttemptFolder:
        return self._launcher.layout.attempt(run.run, run.attempt)


def _outcome_of(result: Result) -> Outcome:
    """Convert the result of a supervisor."""
    return Outcome(
        ending=Ending(result.ending),
        exit_code=result.exit_code,
        signal=result.signal,
        reason=printable(result.reason[:_LONGEST_REASON]),
        ended_at=datetime.fromtimestamp(result.ended_at, UTC),
    )
