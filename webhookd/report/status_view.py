"""The state of the whole: daemon, store, current runs, and the last run of each target. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webhookd.errors import printable
from webhookd.models.run import Run
from webhookd.report.run_view import marked, painted, run_json, short_ref, took
from webhookd.report.text import age, table

REF = (3,)  # the column that a narrow terminal can do without: most targets' names have it


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What `webhookd status` found."""

    daemon_up: bool = False
    daemon_pid: int | None = None
    stopping: bool = False  # it waits for running commands and starts no others
    state_dir: str
    config_problem: str = ""  # one sentence; "": the file is valid, or was not read
    store_problem: str = ""  # one sentence; "": the store can be read
    queued: int | None = None  # None: the store cannot be read
    running: int | None = None
    active: tuple[Run, ...] = ()  # running, then queued, newest first; not all if there are very many
    paused: tuple[str, ...] = ()  # targets
    last: tuple[tuple[str, Run | None], ...] = ()  # each target's newest run; None: it never ran


def status_json(status: Status) -> dict[str, Any]:
    """Return what `status --json` prints."""
    return {
        "daemon": {"up": status.daemon_up, "pid": status.daemon_pid, "stopping": status.stopping},
        "state_dir": status.state_dir,
        "config": {"ok": not status.config_problem, "problem": status.config_problem or None},
        "store": {"ok": not status.store_problem, "problem": status.store_problem or None},
        "queued": status.queued,
        "running": status.running,
        "runs": [run_json(run) for run in status.active],
        "paused": list(status.paused),
        "targets": [{"target": name, "last": run and run_json(run)} for name, run in status.last],
    }


def status_text(status: Status, *, now: datetime, width: int | None = None, color: bool = False) -> str:
    """Write the status as a few aligned blocks."""
    pid = f" (pid {status.daemon_pid})" if status.daemon_pid else ""
    stopping = f"stopping{pid}: it starts no runs, and waits for the running ones"
    counts = (("queued", status.queued), ("running", status.running))
    head = [
        ("daemon", stopping if status.stopping else f"up{pid}" if status.daemon_up else "down"),
        *([("config", status.config_problem)] if status.config_problem else ()),
        ("state", status.state_dir),
        ("store", status.store_problem or "ok"),
        *((name, str(count)) for name, count in counts if count is not None),
        *(("paused", target) for target in status.paused),
    ]
    blocks = [table([(name, printable(value)) for name, value in head], width=width)]
    last = [run for _, run in status.last]
    for heading, runs, rows in (
        ("now", status.active, _active_rows(status, now=now)),
        ("last run of each target", last, _last_rows(status, now=now)),
    ):
        cells = [(f"  {number}", *map(printable, rest)) for number, *rest in rows]
        if cells:
            blocks.append([heading, *painted(table(cells, width=width, dispensable=REF), runs, color=color)])
    return "\n\n".join("\n".join(block) for block in blocks)


def _active_rows(status: Status, *, now: datetime) -> Iterator[tuple[str, ...]]:
    for run in status.active:
        since = f"for {took(run, now=now)}" if run.started_at else age(run.queued_at, now=now)
        yield (str(run.run), marked(run.state), run.target, short_ref(run.ref), since)


def _last_rows(status: Status, *, now: datetime) -> Iterator[tuple[str, ...]]:
    for name, run in status.last:
        if run is None:
            yield ("-", "never", name, "", "", "")
        else:
            when = age(run.ended_at or run.queued_at, now=now)
            yield (str(run.run), marked(run.state), name, short_ref(run.ref), when, run.reason)
