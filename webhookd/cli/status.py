"""`webhookd status`: whether the daemon is up, and what runs and waits."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from webhookd.cli import output
from webhookd.cli.configuration import peek_config, state_dir, target_names
from webhookd.cli.daemon_link import daemon_pid, daemon_status
from webhookd.cli.options import json_option, state_options
from webhookd.cli.state import enter_state_dir, open_reader
from webhookd.errors import ConfigError, NotFound, StoreError
from webhookd.models.run import RunState
from webhookd.report.status_view import Status, status_json, status_text

if TYPE_CHECKING:
    from webhookd.queue import Store

SHOWN = 100  # runs of each state
LOOKED_THROUGH = 500  # latest runs, for the names of targets without a configuration


@click.command()
@state_options
@json_option("one JSON object")
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Show whether the daemon is up, what runs and waits, and the last run of each target.

    Exits with 0 if the daemon is up, with 1 if it is down.
    """
    targets, problem = _configured(ctx)  # first: root becomes another user, who may not read the file
    found = _look(ctx, targets, config_problem=problem)
    if as_json:
        output.print_json(status_json(found))
    else:
        click.echo(status_text(found, now=datetime.now(UTC), width=output.width(), color=output.color()))
    ctx.exit(0 if found.daemon_up else 1)


def _configured(ctx: click.Context) -> tuple[tuple[str, ...] | None, str]:
    """Return the names of the targets, None if they are unknown, and what is wrong with the file."""
    try:
        config = peek_config(ctx)
    except ConfigError as exc:
        others = len(exc.problems) - 1
        return None, f"refused: {exc.problems[0]}" + (f" (and {others} more)" if others else "")
    return target_names(config) if config else None, ""


def _look(ctx: click.Context, targets: tuple[str, ...] | None, *, config_problem: str) -> Status:
    """Collect the status; a missing state directory or store is part of it, not an error."""
    found = Status(state_dir=str(state_dir(ctx)), config_problem=config_problem)
    try:
        folder = enter_state_dir(ctx)
        pid = daemon_pid(folder)
        told = {} if pid is None else daemon_status(folder)
        targets = told.get("targets", targets)  # those in force: the file may have been changed since
        stopping = told.get("stopping") is True
        found = replace(found, daemon_up=pid is not None, daemon_pid=pid or None, stopping=stopping)
        with open_reader(folder) as store:
            return _with_runs(found, store, targets)
    except (StoreError, NotFound) as exc:
        return replace(found, store_problem=str(exc))


def _with_runs(found: Status, store: "Store", targets: tuple[str, ...] | None) -> Status:
    counts = store.counts()
    names = targets or sorted({run.target for run in store.runs(limit=LOOKED_THROUGH)})
    return replace(
        found,
        queued=counts.queued,
        running=counts.running,
        active=(
            *store.runs(state=RunState.RUNNING, limit=SHOWN),
            *store.runs(state=RunState.QUEUED, limit=SHOWN),
        ),
        paused=store.paused(),
        last=tuple((name, next(iter(store.runs(target=name, limit=1)), None)) for name in names),
    )
