"""Runs as text, as a table and as JSON values. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from webhookd.errors import printable
from webhookd.models.run import Attempt, Run, RunState
from webhookd.report.blockers import QueueSnapshot, blockers
from webhookd.report.text import age, duration, rfc3339, table

MARKS = {  # distinct without colour, and in ASCII for every terminal and log
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
HEADINGS = ("RUN", "STATE", "TARGET", "REF", "COMMIT", "PUSHER", "QUEUED", "TOOK", "REASON, TITLE")
COMMIT_LENGTH = 8
RUN_KEYS = (
    *("run", "target", "lane", "state", "attempt", "reason", "exit_code", "repo", "ref", "commit", "title"),
    *("pusher", "delivery", "queued_at", "started_at", "ended_at", "superseded_by"),
)
ATTEMPT_KEYS = ("attempt", "ending", "exit_code", "signal", "reason", "started_at", "ended_at")
DISPENSABLE = ("PUSHER", "COMMIT", "REF")  # left out on a narrow terminal, in this order


def runs_table(
    runs: Sequence[Run], *, queue: QueueSnapshot, width: int | None = None, color: bool = False
) -> str:
    """Lay out *runs* as a table with headings, no line wider than *width*."""
    rows = [HEADINGS, *(_row(run, queue) for run in runs)]
    is_named = all(
        run.target.endswith(f"@{short_ref(run.ref)}") for run in runs
    )  # then the ref says it again
    dispensable = map(HEADINGS.index, DISPENSABLE if is_named else DISPENSABLE[:-1])
    heading, *lines = table(rows, width=width, dispensable=dispensable)
    return "\n".join([heading, *painted(lines, runs, color=color)])


def run_text(run: Run, attempts: Sequence[Attempt], *, queue: QueueSnapshot, width: int | None = None) -> str:
    """Write everything about one run, a line for each known fact and each attempt."""
    now = queue.now
    moments = (("queued", run.queued_at), ("started", run.started_at), ("ended", run.ended_at))
    facts = [
        ("run", str(run.run)),
        ("state", marked(run.state)),
        ("reason", run.reason),
        *(("waits", str(blocker)) for blocker in blockers(run, queue)),
        ("target", run.target),
        ("repository", run.repo),
        ("ref", run.ref),
        ("commit", run.commit or ""),
        ("title", run.title or ""),
        ("pusher", run.pusher or ""),
        ("lane", run.lane),
        ("delivery", f"{run.delivery} by {run.hook}"),
        *((name, f"{rfc3339(at)} ({age(at, now=now)})") for name, at in moments if at),
        ("took", took(run, now=now)),
        *((f"attempt {attempt.attempt}", _attempt(attempt, now=now)) for attempt in attempts),
    ]
    return "\n".join(table([(name, printable(value)) for name, value in facts if value], width=width))


def run_json(run: Run) -> dict[str, Any]:
    """Return what `runs --json` prints for *run*; unknown is null."""
    return json_of(run, RUN_KEYS)


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """Return what `runs RUN --json` prints for one attempt."""
    return json_of(attempt, ATTEMPT_KEYS)


def json_of(value: object, keys: Iterable[str]) -> dict[str, Any]:
    """Return the fields of *value* that *keys* names, times as RFC 3339."""
    fields = {key: getattr(value, key) for key in keys}
    return {key: rfc3339(field) if isinstance(field, datetime) else field for key, field in fields.items()}


def marked(state: RunState) -> str:
    """Return the state's mark and word."""
    return f"{MARKS[state]} {state.value}"


def painted(lines: Iterable[str], runs: Iterable[Run | None], *, color: bool) -> list[str]:
    """Colour the state in each line, which begins with numbers and spaces; a line may have no run."""
    return [_paint(line, run.state) if color and run else line for line, run in zip(lines, runs, strict=True)]


def _paint(line: str, state: RunState) -> str:
    word, code = marked(state), COLOURS.get(state)
    return line.replace(word, f"\x1b[{code}m{word}\x1b[0m", 1) if code else line


def took(what: Run | Attempt, *, now: datetime) -> str:
    """Return how long a run or an attempt has been running, or was; "" before it starts."""
    return duration(((what.ended_at or now) - what.started_at).total_seconds()) if what.started_at else ""


def short_ref(ref: str) -> str:
    """Shorten a branch to its name; a tag keeps the word "tags", since both may have the same name."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/")


def _attempt(attempt: Attempt, *, now: datetime) -> str:
    span = took(attempt, now=now)
    return f"{attempt.reason or attempt.ending} ({span})" if attempt.ending else f"running for {span}"


def _row(run: Run, queue: QueueSnapshot) -> tuple[str, ...]:
    blocker = next(blockers(run, queue), None)
    why = run.reason or (blocker.what if blocker else "")
    cells = (
        str(run.run),
        marked(run.state),
        run.target,
        short_ref(run.ref),
        (run.commit or "")[:COMMIT_LENGTH],
        run.pusher or "",
        age(run.queued_at, now=queue.now),
        took(run, now=queue.now),
        " ".join(filter(None, (why, run.title and f'"{run.title}"'))),
    )
    return tuple(map(printable, cells))
