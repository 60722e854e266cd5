"""Claims runs, has them supervised, and records how they ended. One thread does all of it.

It sleeps until something happens: a commit woke it, a supervisor ended (its pidfd becomes readable), a
waiting run is due. A slow poll is only the safety net.
"""

import logging
import os
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from webhookd.deploy.job import Result
from webhookd.deploy.jobs import invocation_of, make_job, payload_of, sweep_job
from webhookd.deploy.launcher import Launcher, Prepared, not_started
from webhookd.deploy.outcomes import log_end, outcome_of, retry_in
from webhookd.deploy.standing import StandingClaim
from webhookd.deploy.watched import Watched
from webhookd.errors import LaunchFailed, NotPossible, StoreError, with_file
from webhookd.models import Claim, Config, Ending, Outcome, Run, RunState
from webhookd.queue import Store

log = logging.getLogger(__name__)

_SAFETY_POLL = 5.0  # seconds
_LOST_POLL = 0.25  # seconds between looks for a supervisor that is not watched
_LONGEST_POLL = 30.0  # seconds between two tries to end what is left of an attempt, on a full disk say
_STORE_POLL = 1.0  # seconds before a result is offered to the store again


@dataclass(slots=True, kw_only=True)
class _Active:
    """An attempt in flight, or ended and not yet recorded."""

    run: Run
    watched: Watched | None = None
    look_at: float = 0.0  # monotonic seconds before which there is no use in looking for its supervisor
    looks: int = 0  # that did not get further
    asked: bool = False  # its supervisor, to end, by a cancel or by the stop of the daemon
    outcome: Outcome | None = None  # set while the store has yet to learn of it

    def look_later(self) -> None:
        """Look for its supervisor again in a while, each time a longer one."""
        self.look_at = time.monotonic() + min(_LOST_POLL * 2 ** min(self.looks, 16), _LONGEST_POLL)
        self.looks += 1


class Worker:
    """The loop between the store and the supervisors; `run` is the body of its thread."""

    def __init__(self, *, store: Store, launcher: Launcher, config: Callable[[], Config], owner: str) -> None:
        self._store = store
        self._launcher = launcher
        self._config = config
        self._owner = owner
        self._active: dict[int, _Active] = {}
        self._unsure = False  # whether something may run that is not in our hands
        self._sure_until = 0.0  # monotonic seconds; then it is looked at again
        self._hindered = False  # whether the last turn failed
        self._stuck = False  # whether the last attempt could not be started, and not by its own fault
        self._standing: StandingClaim | None = None
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._draining = threading.Event()
        self._interrupting = threading.Event()
        self._leaving = threading.Event()

    def wake(self) -> None:
        """Look at the store now; any thread may call this."""
        os.eventfd_write(self._bell, 1)

    def drain(self) -> None:
        """Claim nothing more, and let `run` return when the last command has ended."""
        self._draining.set()
        self.wake()

    def interrupt(self) -> None:
        """End the commands that still run; their runs start again with the next daemon."""
        self._interrupting.set()
        self.wake()

    def leave(self) -> None:
        """Let `run` return at once; what still runs or is not recorded is the next daemon's to adopt."""
        self._leaving.set()
        self.wake()

    @property
    def is_hindered(self) -> bool:
        """Whether it could not do what was due when it last tried."""
        return self._hindered or self._stuck

    @property
    def running(self) -> tuple[str, ...]:
        """The targets whose commands run now."""
        return tuple(active.run.target for active in list(self._active.values()))

    def adopt(self) -> None:
        """Take over the runs that are running and not in our hands: an earlier daemon's, at the start."""
        for run in self._store.running():
            if run.run not in self._active:
                self._store.adopt(run.run, owner=self._owner, attempt=run.attempt)
                self._active[run.run] = _Active(run=run)
                log.info("run adopted run=%d target=%s attempt=%d", run.run, run.target, run.attempt)
        self._unsure = False
        self._sure_until = time.monotonic() + _SAFETY_POLL

    def run(self) -> None:
        """Work until drained."""
        while not self._has_finished():
            self._hindered = not self._try_turn()
            self._wait()

    def _has_finished(self) -> bool:
        if self._leaving.is_set():
            return True
        return self._draining.is_set() and not self._active and self._standing is None

    def _try_turn(self) -> bool:
        """Do all that is due; tell whether nothing was in the way."""
        try:
            self._turn()
        except (StoreError, TimeoutError) as error:
            log.error("store unavailable error=%s", error)  # noqa: TRY400 - a condition, not a bug
            return False
        except OSError as error:
            log.error("worker hindered error=%s", with_file(error))  # noqa: TRY400 - as above
            return False
        return True

    def _turn(self) -> None:
        if self._interrupting.is_set():
            self._interrupt()  # first: it needs no store
        self._take_standing()  # before `adopt`: what it has claimed is not a stranger's
        if self._unsure or time.monotonic() >= self._sure_until:
            self.adopt()
        self._settle()
        self._claim()
        self._cancel()

    def close(self) -> None:
        """Let go of the descriptors, after `run` has returned."""
        os.close(self._bell)

    # -- from queued to supervised

    def _claim(self) -> None:
        """Start what may start; leave word with the store for what comes next."""
        while self._has_room():
            self._unsure = True  # until it returns: a commit that was late may still come through
            claim = self._store.claim(owner=self._owner, now=_now())
            self._unsure = False
            if claim is None:
                break
            self._start(claim, self._prepare(claim))
        if self._has_room():
            self._standing = StandingClaim(self._store, owner=self._owner, wake=self.wake)

    def _take_standing(self) -> None:
        """Start what the standing claim has found, or take it back."""
        standing, self._standing = self._standing, None
        if standing is None or standing.withdraw():
            return
        # All but the start can be done while the disk is at work on the commit.
        prepared = self._prepare(standing.foretold) if standing.foretold else None
        try:
            claim = standing.result()
        except (StoreError, TimeoutError):
            self._unsure = True
            if isinstance(prepared, Prepared):
                prepared.forget()
            raise
        self._start(claim, prepared or self._prepare(claim))

    def _has_room(self) -> bool:
        return len(self._active) < self._config().workers and not self._draining.is_set()

    def _prepare(self, claim: Claim) -> "Prepared | LaunchFailed":
        """Get *claim* ready to start; a failure is for whoever then starts it."""
        folder = self._launcher.folder(claim.run.run, claim.run.attempt)
        payload = payload_of(claim)
        try:
            job = make_job(claim, config=self._config(), folder=folder, has_payload=payload is not None)
            lock = self._launcher.locks.take(claim.run.lane)
            if lock is None:
                return LaunchFailed("another process holds the lock of its lane", ending=Ending.INTERRUPTED)
            return self._launcher.prepare(job, payload=payload, lock=lock)
        except LaunchFailed as error:
            return error
        except OSError as error:
            return not_started(error)

    def _start(self, claim: Claim, prepared: "Prepared | LaunchFailed") -> None:
        active = self._active[claim.run.run] = _Active(run=claim.run)
        try:
            if isinstance(prepared, LaunchFailed):
                raise prepared
            active.watched = self._launcher.launch(prepared)
            self._stuck = False
        except LaunchFailed as error:
            self._stuck = error.ending is Ending.INTERRUPTED
            self._finish(active, Outcome(ending=error.ending, reason=str(error), ended_at=_now()))
            return
        self._register(active)
        log.info(
            "run started run=%d target=%s attempt=%d delivery=%s",
            claim.run.run, claim.run.target, claim.run.attempt, claim.run.delivery,
        )  # fmt: skip

    # -- from supervised to recorded

    def _settle(self) -> None:
        """Move every attempt on that no living supervisor is watched for."""
        for active in list(self._active.values()):
            if active.outcome is not None:
                self._finish(active, active.outcome)
            elif active.watched is None and time.monotonic() >= active.look_at:
                self._try_to_find(active)

    def _try_to_find(self, active: _Active) -> None:
        """Look for the supervisor of *active*; an attempt that cannot be reached holds up no other."""
        try:
            self._look_for(active)
        except OSError as error:
            active.look_later()
            run, why = active.run, with_file(error)
            log.error("run out of reach run=%d target=%s error=%s", run.run, run.target, why)  # noqa: TRY400

    def _look_for(self, active: _Active) -> None:
        """Find the supervisor of *active*, or take its result, or end what it left behind."""
        run = active.run
        folder = self._launcher.folder(run.run, run.attempt)
        invocation = invocation_of(run, folder)
        active.watched = self._launcher.locks.find(run.lane, invocation)
        if active.watched is not None:
            self._register(active)
            return
        lock = self._launcher.locks.take(run.lane)
        if lock is None:
            return  # its holder has not said yet who it is
        try:
            result = Result.read(folder, invocation)
        except OSError:
            os.close(lock)
            raise
        if result is None:
            self._sweep(active, lock)
            return
        os.close(lock)
        self._finish(active, outcome_of(result))

    def _sweep(self, active: _Active, lock: int) -> None:
        run = active.run
        active.look_later()
        log.warning("supervisor lost run=%d target=%s attempt=%d", run.run, run.target, run.attempt)
        job = sweep_job(run, config=self._config(), folder=self._launcher.folder(run.run, run.attempt))
        try:
            active.watched = self._launcher.launch(self._launcher.prepare(job, payload=None, lock=lock))
        except LaunchFailed as error:
            log.error("supervisor lost run=%d error=%s", run.run, error)  # noqa: TRY400 - looked at again
        self._register(active)

    def _finish(self, active: _Active, outcome: Outcome) -> None:
        active.outcome = outcome
        run = active.run
        try:
            after = self._store.finish(
                run.run,
                owner=self._owner,
                attempt=run.attempt,
                outcome=outcome,
                now=_now(),
                retry_in=retry_in(run, self._config()),
            )
            if after.state is RunState.QUEUED:
                self._relane(after)
        except NotPossible as error:
            log.error("run not recorded run=%d error=%s", run.run, error)  # noqa: TRY400 - fenced off
        else:
            log_end(after, outcome)
        del self._active[run.run]

    def _relane(self, run: Run) -> None:
        """Put a run that waits again under the rules of now: a reload saw it running and left it alone."""
        target = self._config().target(run.target)
        if target is not None:
            self._store.relane([target], now=_now())

    def _interrupt(self) -> None:
        for active in self._active.values():
            if active.watched is not None and not active.asked:
                active.watched.interrupt()
                active.asked = True

    def _cancel(self) -> None:
        cancelled = set(self._store.cancel_requested(self._owner))
        for active in self._active.values():
            if active.watched is not None and not active.asked and active.run.run in cancelled:
                active.watched.cancel()
                active.asked = True

    # -- waiting

    def _register(self, active: _Active) -> None:
        if active.watched is not None:
            self._poll.register(active.watched.pidfd, select.POLLIN)

    def _wait(self) -> None:
        ready = {fd for fd, _ in self._poll.poll(self._pause() * 1000)}
        if self._bell in ready:
            os.eventfd_read(self._bell)
        for active in self._active.values():
            if active.watched is not None and active.watched.pidfd in ready:
                self._poll.unregister(active.watched.pidfd)
                active.watched.close()
                active.watched, active.asked = None, False

    def _pause(self) -> float:
        """Seconds until something is due that nobody will wake us for."""
        if self._hindered or any(active.outcome is not None for active in self._active.values()):
            return _STORE_POLL
        now = time.monotonic()
        lost = [active.look_at - now for active in self._active.values() if active.watched is None]
        return min([*(max(seconds, _LOST_POLL) for seconds in lost), self._until_due()])

    def _until_due(self) -> float:
        """Seconds until something may be claimed."""
        if self._has_finished():
            return 0.0  # the last one has just been recorded
        if not self._has_room():
            return _SAFETY_POLL
        try:
            due = self._store.next_due(now=_now())
        except StoreError:
            return _STORE_POLL
        return _SAFETY_POLL if due is None else min(max((due - _now()).total_seconds(), 0.0), _SAFETY_POLL)


def _now() -> datetime:
    return datetime.now(UTC)
