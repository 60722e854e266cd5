"""The claim made ahead: an idle worker claims the next push in the transaction that stores it.

So an idle daemon needs one commit from a push to its command, not two, and prepares the job while the disk is
busy with that commit. Measured by `benchmarks/start_latency.py`, it saves a tenth of the time::

                 ┌──────── withdrawn (the worker looks for itself)
                 │
    made ──► standing ──► in a transaction ──► announced ──► committed ──► taken
                                 │                 │
                                 │                 └──► failed: what was prepared is discarded
                                 └──► nothing to claim

Everything but `_announce` belongs to the worker's thread.
"""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime

from webhookd.deploy.launcher import Prepared
from webhookd.deploy.planning import LaunchFailed
from webhookd.errors import StoreError, StoreUnavailable
from webhookd.models.run import Claim
from webhookd.queue import Store

_COMMIT_PATIENCE = 20.0  # seconds for a commit that has begun

Ready = Prepared | LaunchFailed


class ClaimAhead:
    """A claim that comes with the next transaction of the store."""

    def __init__(self, store: Store, *, owner: str, wake: Callable[[], None]) -> None:
        """Leave it with *store*; *wake* is called, in the store's thread, when there is something to take."""
        self._wake = wake
        self._announced: Claim | None = None
        self._future = store.claim_with_next(
            owner=owner, clock=lambda: datetime.now(UTC), announce=self._announce
        )
        self._future.add_done_callback(self._wake_when_done)

    def take(self, prepare: Callable[[Claim], Ready]) -> tuple[Claim, Ready] | None:
        """Withdraw it, or return what it has claimed with what *prepare* made of that.

        Raises StoreError; after a commit that takes too long the run may be claimed all the same.
        """
        if self._future.cancel():
            return None
        announced = self._announced
        ready = prepare(announced) if announced is not None else None  # while the disk is at work
        try:
            claim = self._future.result(_COMMIT_PATIENCE)
        except (StoreError, TimeoutError) as error:
            _discard(ready)
            if isinstance(error, StoreError):
                raise
            message = f"a commit takes longer than {_COMMIT_PATIENCE:g} s: it may still come through"
            raise StoreUnavailable(message, hint="see whether the disk hangs") from error
        if claim is None or claim != announced:  # its transaction was done again
            _discard(ready)
            return None if claim is None else (claim, prepare(claim))
        return (claim, ready) if ready is not None else None

    def _announce(self, claim: Claim) -> None:
        self._announced = claim
        self._wake()

    def _wake_when_done(self, future: "Future[Claim | None]") -> None:
        if not future.cancelled() and self._announced is None:
            self._wake()


def _discard(ready: Ready | None) -> None:
    if isinstance(ready, Prepared):
        ready.discard()
