"""`webhookd runs` and `webhookd deliveries`: lists of what ran and what arrived, and one run in full."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhookd.cli import output
from webhookd.cli.configuration import no_such_target
from webhookd.cli.daemon_link import known_targets, queue_snapshot
from webhookd.cli.options import json_option, number, state_options
from webhookd.cli.state import enter_state_dir, open_reader
from webhookd.errors import UsageError
from webhookd.models.run import Run, RunState
from webhookd.report.delivery_view import deliveries_table, delivery_json
from webhookd.report.run_view import attempt_json, run_json, run_text, runs_table

if TYPE_CHECKING:
    from webhookd.queue import Store

PAGE = 200
TABLE_ROWS = 20  # one screen for a person; a program gets all of them


@click.command()
@click.argument("run", type=number, required=False)
@state_options
@click.option("--target", metavar="TARGET", help="Only runs of this target.")
@click.option("--repo", metavar="REPO", help="Only runs for this repository.")
@click.option(
    "--state", type=click.Choice([state.value for state in RunState]), help="Only runs in this state."
)
@click.option("--limit", type=number, help="At most this many.  [default: 20; all with --json]")
@click.option("--before", type=number, metavar="RUN", help="Only runs older than this one.")
@json_option("a JSON list, or one object for RUN")
@click.pass_context
def runs(ctx: click.Context, /, *, run: int | None, limit: int | None, as_json: bool, **filters: Any) -> None:
    """List runs, newest first; with RUN, show that run and its attempts."""
    if run is not None:
        given = [f"--{name}" for name, value in {"limit": limit, **filters}.items() if value is not None]
        if given:
            hint = "leave out the number, or the option"
            raise UsageError(f"{given[0]} applies to the list, not to run {run}", hint=hint)
    target = filters["target"]
    known = known_targets(ctx) if target else None  # None: unknown
    folder = enter_state_dir(ctx)
    with open_reader(folder) as store:
        if run is not None:
            _show(store, folder, run, as_json=as_json)
            return
        rows = limit or (None if as_json else TABLE_ROWS)
        found = tuple(islice(_matching(store, **filters), rows))
        if not found and known is not None and target not in known and not store.runs(target=target, limit=1):
            raise no_such_target(target, known)
        if as_json:
            output.print_json([run_json(run) for run in found])
        elif found:
            queue = queue_snapshot(store, folder)
            click.echo(runs_table(found, queue=queue, width=output.width(), color=output.color()))
        else:
            output.remark("no runs")


def _matching(
    store: "Store", *, target: str | None, state: str | None, repo: str | None, before: int | None
) -> Iterator[Run]:
    """Yield runs, newest first, page by page: the store can filter by target, but not by repository."""
    wanted = RunState(state) if state else None
    while page := store.runs(target=target, state=wanted, limit=PAGE, before=before):
        yield from (run for run in page if repo is None or run.repo.lower() == repo.lower())
        before = page[-1].run


def _show(store: "Store", folder: Path, number: int, *, as_json: bool) -> None:
    run, attempts = store.run(number), store.attempts(number)
    if as_json:
        output.print_json(run_json(run) | {"attempts": [attempt_json(attempt) for attempt in attempts]})
    else:
        click.echo(run_text(run, attempts, queue=queue_snapshot(store, folder), width=output.width()))


@click.command()
@state_options
@click.option("--limit", type=number, default=20, show_default=True, help="At most this many.")
@click.option("--before", type=number, metavar="NUMBER", help="Only deliveries older than this one.")
@json_option("a JSON list")
@click.pass_context
def deliveries(ctx: click.Context, *, limit: int, before: int | None, as_json: bool) -> None:
    """List verified deliveries, newest first, each with its runs or the reason why nothing ran."""
    with open_reader(enter_state_dir(ctx)) as store:
        found = store.deliveries(limit=limit, before=before)
    if as_json:
        output.print_json([delivery_json(delivery) for delivery in found])
    elif found:
        click.echo(deliveries_table(found, now=datetime.now(UTC), width=output.width()))
    else:
        output.remark("no deliveries")
