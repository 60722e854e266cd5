"""Claims runs, has them supervised, and records how they ended. One thread does all of it.

It sleeps until something happens: a commit woke it, a supervisor ended (its pidfd becomes readable), or a
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
from webhookd.deploy.launcher import Launcher
from webhookd.deploy.locks import RunningSupervisor
from webhookd.deploy.planning import LaunchFailed, make_job
from webhookd.errors import StoreError, with_file
from webhookd.intake import json_text
from webhookd.models.run import Claim, Ending, Outcome
from webhookd.models.settings import Config
from webhookd.queue import Store

log = structlog.get_logger(__name__)

_SAFETY_POLL = 5.0  # seconds
_STORE_POLL = 1.0  # seconds before what failed is tried again


class Worker:
    """The loop between the store and the supervisors; `run` is the body of its thread."""

    def __init__(
        self,
        *,
        store: Store,
        launcher: Launcher,
        config: Callable[[], Config],
        owner: str,
        begin: Callable[[], None] | None = None,
    ) -> None:
        """Start and record nothing before *begin* has once returned without a StoreError."""
        self._begin = begin
        self._store = store
        self._launcher = launcher
        self._config = config
        self._owner = owner
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._attempts = Attempts(store=store, launcher=launcher, config=config, owner=owner, poll=self._poll)
        self._has_failed = False  # in its last turn: the store or the disk refused something
        self._cannot_start = False  # the last attempt, for a reason that concerns all of them
        self._due: datetime | None = None  # the next run that waits
        self._adopt_at = 0.0  # monotonic seconds: when to look for runs that are not tracked here
        self._draining = threading.Event()
        self._interrupting = threading.Event()
        self._leaving = threading.Event()

    def wake(self) -> None:
        """Look at the store now; any thread may call this."""
        os.eventfd_write(self._bell, 1)

    def drain(self) -> None:
        """Claim nothing more, and make `run` return when the last command has ended."""
        self._draining.set()
        self.wake()

    def interrupt(self) -> None:
        """End the commands that still run; their runs start again with the next daemon."""
        self._interrupting.set()
        self.wake()

    def leave(self) -> None:
        """Make `run` return at once; the next daemon adopts what still runs or is not recorded."""
        self._leaving.set()
        self.wake()

    @property
    def is_blocked(self) -> bool:
        """Whether it could not do what was due when it last tried."""
        return self._has_failed or self._cannot_start

    @property
    def running(self) -> tuple[str, ...]:
        """The targets whose commands run now."""
        return self._attempts.targets

    def run(self) -> None:
        """Work until drained, for one turn at least: what runs has to be known first."""
        self._try_turn()
        while not self._has_finished():
            self._wait()
            self._try_turn()

    def close(self) -> None:
        """Close the descriptors, after `run` has returned."""
        os.close(self._bell)

    # -- one turn

    def _has_finished(self) -> bool:
        return self._leaving.is_set() or (self._draining.is_set() and not self._attempts)

    def _try_turn(self) -> None:
        """Do all that is due; what fails is logged and tried again in the next turn."""
        try:
            self._turn()
        except StoreError as error:
            log.error("store unavailable", error=error)  # noqa: TRY400 - a condition, not a bug
            self._has_failed = True
        except OSError as error:
            log.error("worker blocked", error=with_file(error))  # noqa: TRY400 - as above
            self._has_failed = True
        else:
            self._has_failed = False

    def _turn(self) -> None:
        if self._interrupting.is_set():
            self._attempts.interrupt()  # first: it needs no store
        if self._has_failed or time.monotonic() >= self._adopt_at:  # what failed may have been committed
            self._attempts.adopt()
            self._adopt_at = time.monotonic() + _SAFETY_POLL
        self._attempts.find()
        if self._begin is not None:
            self._begin()
            self._begin = None
        self._attempts.record()
        self._start_what_is_due()
        self._attempts.cancel()
        self._due = self._store.next_due(now=_now()) if self._has_room() else None
        if self._due is None and not self._attempts:
            self._cannot_start = False  # there is nothing to start

    # -- from queued to supervised

    def _start_what_is_due(self) -> None:
        while self._has_room() and (claim := self._store.claim(owner=self._owner, now=_now())):
            self._start(claim)

    def _has_room(self) -> bool:
        return len(self._attempts) < self._config().workers and not self._draining.is_set()

    def _start(self, claim: Claim) -> None:
        run = claim.run
        attempt = self._attempts.add(run)
        try:
            self._attempts.watch(attempt, self._launch(claim))
        except LaunchFailed as error:
            self._cannot_start = False
            ending, reason = error.ending, str(error)
        except OSError as error:
            self._cannot_start = True
            ending, reason = Ending.INTERRUPTED, f"no supervisor could be started: {with_file(error)}"
        else:
            self._cannot_start = False
            log.info(
                "run started", run=run.run, target=run.target, attempt=run.attempt, delivery=run.delivery
            )
            return
        self._attempts.finish(attempt, Outcome(ending=ending, reason=reason, ended_at=_now()))

    def _launch(self, claim: Claim) -> RunningSupervisor | None:
        run = claim.run
        files = self._launcher.layout.attempt(run.run, run.attempt)
        job = make_job(claim, config=self._config(), files=files)
        lock = self._launcher.locks.take(run.lane)
        if lock is None:
            raise LaunchFailed("another process holds the lock of its lane", ending=Ending.INTERRUPTED)
        payload = None if claim.body is None else json_text(claim.body, claim.content_type)
        try:
            return self._launcher.launch(job, payload=payload, lock=lock)
        finally:
            os.close(lock)

    # -- waiting

    def _wait(self) -> None:
        ready = {fd for fd, _ in self._poll.poll(self._pause() * 1000)}
        if self._bell in ready:
            os.eventfd_read(self._bell)
        self._attempts.release(ready)

    def _pause(self) -> float:
        """Return the seconds until something is due that nobody will wake us for."""
        if self._has_failed:
            return _STORE_POLL
        until_due = (self._due - _now()).total_seconds() if self._due else _SAFETY_POLL
        return max(min(until_due, self._attempts.until_look(), _SAFETY_POLL), 0.0)


def _now() -> datetime:
    return datetime.now(UTC)
