"""Claims runs, has them supervised, and records how they ended. One thread does all of it.

It sleeps until something happens: a commit woke it, a supervisor ended (its pidfd becomes readable), a
waiting run is due. A slow poll is only the safety net.
"""

import os
import select
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from webhookd.deploy.attempts import Attempts
from webhookd.deploy.jobs import LaunchFailed, make_job, payload_of
from webhookd.deploy.launcher import Launcher, Prepared, not_started
from webhookd.deploy.standing import StandingClaim
from webhookd.errors import StoreError, with_file
from webhookd.models import Claim, Config, Ending, Outcome
from webhookd.queue import Store

log = structlog.get_logger(__name__)

_SAFETY_POLL = 5.0  # seconds
_STORE_POLL = 1.0  # seconds before what failed is tried again


class Worker:
    """The loop between the store and the supervisors; `run` is the body of its thread."""

    def __init__(self, *, store: Store, launcher: Launcher, config: Callable[[], Config], owner: str) -> None:
        self._store = store
        self._launcher = launcher
        self._config = config
        self._owner = owner
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._attempts = Attempts(store=store, launcher=launcher, config=config, owner=owner, poll=self._poll)
        self._standing: StandingClaim | None = None
        self._unsure = False  # whether something may run that is not in our hands
        self._sure_until = 0.0  # monotonic seconds; then it is looked at again
        self._hindered = False  # whether the last turn failed
        self._stuck = False  # whether the last attempt could not be started, and no other could be
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
        return self._attempts.targets

    def adopt(self) -> None:
        """Take over the runs that are running and in nobody's hands."""
        self._attempts.adopt()
        self._unsure = False
        self._sure_until = time.monotonic() + _SAFETY_POLL

    def run(self) -> None:
        """Work until drained."""
        while not self._has_finished():
            self._hindered = not self._try_turn()
            self._wait()

    def close(self) -> None:
        """Let go of the descriptors, after `run` has returned."""
        os.close(self._bell)

    # -- one turn

    def _has_finished(self) -> bool:
        if self._leaving.is_set():
            return True
        return self._draining.is_set() and not self._attempts and self._standing is None

    def _try_turn(self) -> bool:
        """Do all that is due; tell whether nothing was in the way."""
        try:
            self._turn()
        except (StoreError, TimeoutError) as error:
            log.error("store unavailable", error=error)  # noqa: TRY400 - a condition, not a bug
            return False
        except OSError as error:
            log.error("worker blocked", error=with_file(error))  # noqa: TRY400 - as above
            return False
        return True

    def _turn(self) -> None:
        if self._interrupting.is_set():
            self._attempts.interrupt()  # first: it needs no store
        self._take_standing()  # before `adopt`: what it has claimed is not a stranger's
        if self._unsure or time.monotonic() >= self._sure_until:
            self.adopt()
        self._attempts.settle()
        self._claim()
        self._attempts.cancel()
        if self._stuck and not self._attempts and self._store.next_due(now=_now()) is None:
            self._stuck = False  # nothing is left that would be tried again

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
        return len(self._attempts) < self._config().workers and not self._draining.is_set()

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
        attempt = self._attempts.add(claim.run)
        try:
            if isinstance(prepared, LaunchFailed):
                raise prepared
            self._attempts.watch(attempt, self._launcher.launch(prepared))
        except LaunchFailed as error:
            self._stuck = error.concerns_all
            outcome = Outcome(ending=error.ending, reason=str(error), ended_at=_now())
            self._attempts.finish(attempt, outcome)
            return
        self._stuck = False
        run = claim.run
        log.info("run started", run=run.run, target=run.target, attempt=run.attempt, delivery=run.delivery)

    # -- waiting

    def _wait(self) -> None:
        ready = {fd for fd, _ in self._poll.poll(self._pause() * 1000)}
        if self._bell in ready:
            os.eventfd_read(self._bell)
        self._attempts.let_go(ready)

    def _pause(self) -> float:
        """Seconds until something is due that nobody will wake us for."""
        if self._hindered or self._attempts.has_unrecorded:
            return _STORE_POLL
        until_look = self._attempts.until_look()
        return self._until_due() if until_look is None else min(until_look, self._until_due())

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
