"""Counts the requests that were turned away, and logs them so that no flood of them floods the log.

The first of a kind is logged whole, the ones after it as a number, at most once a minute for each kind. A
kind is what was wrong, and at which hook: neither is a sender's to choose, so there are few.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)

INTERVAL = 60.0  # seconds between two lines of one kind
_LONGEST_PATH = 100  # characters of a requested path in a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """What is folded into one line."""

    status: int
    cause: str
    hook: str  # "" where the path is no hook's


@dataclass(slots=True, kw_only=True)
class _Folded:
    since: float
    count: int = 0


class Rejections:
    """The counts since the start, and what is not logged yet; any thread may use it."""

    def __init__(self) -> None:
        self.counts: Counter[Rejection] = Counter()
        self._folded: dict[Rejection, _Folded] = {}
        self._guard = threading.Lock()

    def note(  # noqa: PLR0913 - each is a fact of its own
        self,
        kind: Rejection,
        *,
        address: str,
        path: str,
        detail: str,
        now: float,
        finer: Callable[[], str] | None = None,
    ) -> None:
        """Count a rejection, and log it if its kind was not logged within the last minute.

        *finer* finds a cause that says more; it is asked only for a line that is written, as it takes time.
        """
        with self._guard:
            self.counts[kind] += 1
            folded = self._folded.get(kind)
            if folded is not None:
                folded.count += 1
                return
            self._folded[kind] = _Folded(since=now)
        log.warning(
            "request rejected",
            status=kind.status,
            cause=finer() if finer else kind.cause,
            hook=kind.hook,
            address=address,
            path=path[:_LONGEST_PATH],
            detail=detail,
        )

    def flush(self, *, now: float) -> None:
        """Log how many were folded, of every kind whose minute is over."""
        for kind, folded in self._due(now):
            log.warning(
                "requests rejected",
                status=kind.status,
                cause=kind.cause,
                hook=kind.hook,
                count=folded.count,
                seconds=round(now - folded.since),
            )

    def _due(self, now: float) -> list[tuple[Rejection, _Folded]]:
        """Take what is to be logged; a kind that has kept quiet starts anew with a whole line."""
        with self._guard:
            due = [(kind, each) for kind, each in self._folded.items() if now - each.since >= INTERVAL]
            for kind, folded in due:
                if folded.count:
                    self._folded[kind] = _Folded(since=now)
                else:
                    del self._folded[kind]
        return [(kind, folded) for kind, folded in due if folded.count]
