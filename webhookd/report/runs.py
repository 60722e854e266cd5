"""Runs as a table, as text and as JSON values. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from webhookd.models import Attempt, Run, RunState
from webhookd.report.text import columns, cut, printable, table
from webhookd.report.times import age, duration, rfc3339

HEADINGS = ("RUN", "STATE", "TARGET", "REF", "COMMIT", "PUSHER", "QUEUED", "TOOK", "REASON")
COMMIT_LENGTH = 8
DISPENSABLE = ("PUSHER", "COMMIT")  # what a narrow terminal goes without, in this order
SHORT_REASON = 24  # columns of a reason for which others make room

MARKS = {  # told apart without colour, and in ASCII for every terminal and log
    RunState.QUEUED: ".",
    RunState.RUNNING: ">",
    RunState.SUCCEEDED: "+",
    RunState.FAILED: "x",
    RunState.TIMED_OUT: "!",
    RunState.CANCELLED: "-",
    RunState.SUPERSEDED: "~",
}
COLOURS = {  # SGR codes
    RunState.RUNNING: "36",
    RunState.SUCCEEDED: "32",
    RunState.FAILED: "31",
    RunState.TIMED_OUT: "31",
    RunState.CANCELLED: "33",
    RunState.SUPERSEDED: "2",
}


def runs_table(runs: Sequence[Run], *, now: datetime, width: int | None = None, color: bool = False) -> str:
    """Lay out *runs* as a table with headings, no line wider than *width*."""
    rows = _narrowed([HEADINGS, *(_row(run, now=now) for run in runs)], width=width)
    lines = table(rows, width=width)
    states: Iterable[RunState | None] = (None, *(run.state for run in runs))
    return "\n".join(
        paint(line, state) if color and state else line for line, state in zip(lines, states, strict=True)
    )


def run_text(run: Run, attempts: Sequence[Attempt], *, now: datetime) -> str:
    """Tell everything of one run, a line for each fact that is known and each attempt."""
    facts = [
        ("run", str(run.run)),
        ("state", marked(run.state)),
        ("reason", reason(run)),
        ("target", run.target),
        ("repository", run.repo),
        ("ref", run.ref),
        ("commit", run.commit or ""),
        ("pusher", run.pusher or ""),
        ("lane", run.lane),
        ("delivery", f"{run.delivery} by {run.hook}"),
        ("queued", _moment(run.queued_at, now=now)),
        ("started", _moment(run.started_at, now=now)),
        ("ended", _moment(run.ended_at, now=now)),
        ("took", took(run, now=now)),
        *((f"attempt {attempt.attempt}", _attempt(attempt, now=now)) for attempt in attempts),
    ]
    return "\n".join(table([(name, printable(value)) for name, value in facts if value]))


def run_json(run: Run) -> dict[str, Any]:
    """Give what `runs --json` prints of *run*; unknown is null."""
    return {
        "run": run.run,
        "target": run.target,
        "lane": run.lane,
        "state": run.state.value,
        "attempt": run.attempt,
        "reason": run.reason,
        "exit_code": run.exit_code,
        "repo": run.repo,
        "ref": run.ref,
        "commit": run.commit,
        "pusher": run.pusher,
        "delivery": run.delivery,
        "queued_at": rfc3339(run.queued_at),
        "started_at": _optional(run.started_at),
        "ended_at": _optional(run.ended_at),
        "superseded_by": run.superseded_by,
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """Give what `runs RUN --json` prints of one attempt."""
    return {
        "attempt": attempt.attempt,
        "ending": attempt.ending.value if attempt.ending else None,
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "reason": attempt.reason,
        "started_at": rfc3339(attempt.started_at),
        "ended_at": _optional(attempt.ended_at),
    }


def marked(state: RunState) -> str:
    """Give the state's mark and word."""
    return f"{MARKS[state]} {state.value}"


def paint(line: str, state: RunState) -> str:
    """Colour the state in a *line* that begins with numbers and blanks."""
    word = marked(state)
    code = COLOURS.get(state)
    return line.replace(word, f"\x1b[{code}m{word}\x1b[0m", 1) if code else line


def reason(run: Run) -> str:
    """Say why the run is in its state, where that is not plain."""
    if run.state is RunState.SUPERSEDED and not run.reason and run.superseded_by:
        return f"run {run.superseded_by} took its place"
    return run.reason


def took(run: Run, *, now: datetime) -> str:
    """Say how long the run has been running, or was."""
    if run.started_at is None:
        return ""
    return duration(((run.ended_at or now) - run.started_at).total_seconds())


def short_ref(ref: str) -> str:
    """Shorten a branch to its name; a tag keeps the word, since both may have the same name."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/")


def _row(run: Run, *, now: datetime) -> tuple[str, ...]:
    cells = (
        str(run.run),
        marked(run.state),
        run.target,
        short_ref(run.ref),
        (run.commit or "")[:COMMIT_LENGTH],
        run.pusher or "",
        age(run.queued_at, now=now),
        took(run, now=now),
        reason(run),
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


def _attempt(attempt: Attempt, *, now: datetime) -> str:
    if attempt.ending is None:
        return f"running for {duration((now - attempt.started_at).total_seconds())}"
    span = (
        f" after {duration((attempt.ended_at - attempt.started_at).total_seconds())}"
        if attempt.ended_at
        else ""
    )
    said = f": {attempt.reason}" if attempt.reason else ""
    return f"{attempt.ending.value}{span}{said}"


def _moment(moment: datetime | None, *, now: datetime) -> str:
    return f"{rfc3339(moment)} ({age(moment, now=now)})" if moment else ""


def _optional(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
