"""`webhookd status`: is the daemon up, and what does it do."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from webhookd.cli import output
from webhookd.cli.options import peek_config, state_dir, state_options
from webhookd.cli.state import daemon_pid, enter_state_dir, open_reader
from webhookd.cli.targets import target_names
from webhookd.errors import ConfigError, NotFound, StoreError
from webhookd.models import Run, RunState
from webhookd.report import Status, status_json, status_text

if TYPE_CHECKING:
    from webhookd.queue import Store

SHOWN = 100  # runs of each state
LOOKED_THROUGH = 500  # latest runs, for the names of targets when there is no configuration to ask


@click.command()
@state_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Show whether the daemon is up, what waits and runs, and how each target's last run went.

    Exits with 0 when the daemon is up and with 1 when it is down.
    """
    targets, problem = _configured(ctx)  # before root becomes another user, who may not read the file
    found = replace(_look(ctx, targets), config_problem=problem)
    if as_json:
        output.print_json(status_json(found))
    else:
        click.echo(status_text(found, now=datetime.now(UTC), width=output.width(), color=output.color()))
    ctx.exit(0 if found.daemon_up else 1)


def _configured(ctx: click.Context) -> tuple[tuple[str, ...] | None, str]:
    """Give the names of the targets, None where nothing tells them, and what is wrong with the file."""
    try:
        config = peek_config(ctx)
    except ConfigError as exc:
        others = len(exc.problems) - 1
        return None, f"refused: {exc.problems[0]}" + (f" (and {others} more)" if others else "")
    return target_names(config) if config else None, ""


def _look(ctx: click.Context, targets: tuple[str, ...] | None) -> Status:
    """Look at the state directory; that it is not there is one more thing to report."""
    try:
        folder = enter_state_dir(ctx)
    except NotFound as exc:
        return Status(daemon_up=False, state_dir=str(state_dir(ctx)), store_problem=str(exc))
    pid = daemon_pid(folder)
    found = Status(daemon_up=pid is not None, daemon_pid=pid or None, state_dir=str(folder))
    try:
        with open_reader(folder) as store:
            return _with_runs(found, store, targets)
    except (StoreError, NotFound) as exc:
        return replace(found, store_problem=str(exc))


def _with_runs(found: Status, store: "Store", targets: tuple[str, ...] | None) -> Status:
    counts = store.counts()
    return replace(
        found,
        queued=counts.queued,
        running=counts.running,
        active=(
            *store.runs(state=RunState.RUNNING, limit=SHOWN),
            *store.runs(state=RunState.QUEUED, limit=SHOWN),
        ),
        paused=store.paused(),
        last=tuple((name, _last(store, name)) for name in targets or _seen(store)),
    )


def _last(store: "Store", target: str) -> Run | None:
    return next(iter(store.runs(target=target, limit=1)), None)


def _seen(store: "Store") -> list[str]:
    return sorted({run.target for run in store.runs(limit=LOOKED_THROUGH)})
