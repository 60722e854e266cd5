"""A claim that is left with the store, to come true with the next push. Belongs to the worker's thread."""

from collections.abc import Callable
from datetime import UTC, datetime

from webhookd.models import Claim
from webhookd.queue import Store

_COMMIT_PATIENCE = 20.0  # seconds for a commit that has begun


class StandingClaim:
    """The store's word that what it queues next is ours, so that one commit serves both."""

    def __init__(self, store: Store, *, owner: str, wake: Callable[[], None]) -> None:
        """Leave the claim with *store*; *wake* is called, in the store's thread, when it finds something."""
        self._wake = wake
        self.foretold: Claim | None = None  # what it will give if its commit, at work now, comes through
        self._promise = store.claim_with_next(owner=owner, clock=_now, foretell=self._foretell)
        self._promise.add_done_callback(lambda _: self._wake_unless_told())

    def withdraw(self) -> bool:
        """Take it back; tell whether it has found nothing until now."""
        return self._promise.cancel()

    def result(self) -> Claim:
        """Wait for the commit and give what is ours; raises StoreError or TimeoutError."""
        return self._promise.result(_COMMIT_PATIENCE)

    def _foretell(self, claim: Claim) -> None:
        self.foretold = claim
        self._wake()

    def _wake_unless_told(self) -> None:
        if self.foretold is None and not self._promise.cancelled():
            self._wake()


def _now() -> datetime:
    return datetime.now(UTC)
