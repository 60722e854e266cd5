"""The table of runs. Pure."""

from collections.abc import Iterable, Sequence

from webhookd.models import Run, RunState
from webhookd.report.runs import marked, paint, reason, short_ref, took
from webhookd.report.text import columns, cut, printable, table
from webhookd.report.times import age
from webhookd.report.waiting import Surroundings, hindrances

HEADINGS = ("RUN", "STATE", "TARGET", "REF", "COMMIT", "PUSHER", "QUEUED", "TOOK", "REASON")
COMMIT_LENGTH = 8
DISPENSABLE = ("PUSHER", "COMMIT")  # what a narrow terminal goes without, in this order
SHORT_REASON = 24  # columns of a reason for which others make room


def runs_table(
    runs: Sequence[Run], *, around: Surroundings, width: int | None = None, color: bool = False
) -> str:
    """Lay out *runs* as a table with headings, no line wider than *width*."""
    rows = _narrowed([HEADINGS, *(_row(run, around) for run in runs)], width=width)
    lines = table(rows, width=width)
    states: Iterable[RunState | None] = (None, *(run.state for run in runs))
    return "\n".join(
        paint(line, state) if color and state else line for line, state in zip(lines, states, strict=True)
    )


def _row(run: Run, around: Surroundings) -> tuple[str, ...]:
    waits = next(hindrances(run, around), None)
    cells = (
        str(run.run),
        marked(run.state),
        run.target,
        short_ref(run.ref),
        (run.commit or "")[:COMMIT_LENGTH],
        run.pusher or "",
        age(run.queued_at, now=around.now),
        took(run, now=around.now),
        reason(run) or (waits.what if waits else ""),
    )
    return tuple(map(printable, cells))


def _narrowed(rows: Sequence[Sequence[str]], *, width: int | None) -> Sequence[Sequence[str]]:
    """Leave out columns, as few as need be, until *width* has room for what matters more."""
    for name in DISPENSABLE:
        if width is None or _needed(rows) <= width:
            break
        at = rows[0].index(name)
        rows = [[*row[:at], *row[at + 1 :]] for row in rows]
    return rows


def _needed(rows: Sequence[Sequence[str]]) -> int:
    """Count the columns that *rows* take with the last one, the reason, at a length that tells something."""
    return max(map(columns, table([[*row[:-1], cut(row[-1], SHORT_REASON)] for row in rows])))
