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
    """What is counted together."""

    status: int
    cause: str
    hook: str  # "" where the path is no hook's


class Rejections:
    """The counts since the start, and what is not logged yet; any thread may use it."""

    def __init__(self) -> None:
        self.counts: Counter[Rejection] = Counter()
        self._logged: dict[Rejection, tuple[float, int]] = {}  # when it was last logged, and its count then
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
            if kind in self._logged:
                return
            self._logged[kind] = now, self.counts[kind]
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
        """Log how many were only counted, of every kind whose minute is over.

        A kind that was quiet for that long starts again with a whole line.
        """
        with self._guard:
            due = [(kind, *then) for kind, then in self._logged.items() if now - then[0] >= INTERVAL]
            for kind, since, before in due:
                del self._logged[kind]
                if count := self.counts[kind] - before:
                    self._logged[kind] = now, self.counts[kind]
                    log.warning(
                        "requests rejected",
                        status=kind.status,
                        cause=kind.cause,
                        hook=kind.hook,
                        count=count,
                        seconds=round(now - since),
                    )
