"""One run as text and as JSON values, and its state as every view shows it. Pure."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from webhookd.models import Attempt, Run, RunState
from webhookd.report.text import printable, table
from webhookd.report.times import age, duration, rfc3339
from webhookd.report.waiting import Surroundings, hindrances

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


def run_text(run: Run, attempts: Sequence[Attempt], *, around: Surroundings) -> str:
    """Tell everything of one run, a line for each fact that is known and each attempt."""
    now = around.now
    facts = [
        ("run", str(run.run)),
        ("state", marked(run.state)),
        ("reason", reason(run)),
        *(("waits", str(hindrance)) for hindrance in hindrances(run, around)),
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
    return _beyond(run.state.value, run.reason)


def end_text(run: Run) -> str:
    """Say in one line how the run ended, and why."""
    return f"run {run.run} {_with_reason(run.state.value, reason(run))}"


def took(run: Run, *, now: datetime) -> str:
    """Say how long the run has been running, or was."""
    if run.started_at is None:
        return ""
    return duration(((run.ended_at or now) - run.started_at).total_seconds())


def short_ref(ref: str) -> str:
    """Shorten a branch to its name; a tag keeps the word, since both may have the same name."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/")


def _attempt(attempt: Attempt, *, now: datetime) -> str:
    if attempt.ending is None:
        return f"running for {duration((now - attempt.started_at).total_seconds())}"
    span = (
        f" after {duration((attempt.ended_at - attempt.started_at).total_seconds())}"
        if attempt.ended_at
        else ""
    )
    return _with_reason(f"{attempt.ending.value}{span}", _beyond(attempt.ending.value, attempt.reason))


def _with_reason(what: str, why: str) -> str:
    return f"{what}: {why}" if why else what


def _beyond(word: str, why: str) -> str:
    """Give what *why* says beyond *word*, which stands in front of it already."""
    return re.sub(rf"^{word}(?:$|, | (?=before |after ))", "", why)


def _moment(moment: datetime | None, *, now: datetime) -> str:
    return f"{rfc3339(moment)} ({age(moment, now=now)})" if moment else ""


def _optional(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
