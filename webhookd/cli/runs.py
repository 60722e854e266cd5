"""`webhookd runs`: the list of runs, or everything about one."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhookd.cli import output
from webhookd.cli.numbers import number, run_number
from webhookd.cli.options import state_options
from webhookd.cli.state import enter_state_dir, open_reader
from webhookd.cli.targets import known_targets, no_such_target
from webhookd.cli.waiting import look_around
from webhookd.errors import UsageError
from webhookd.models import Run, RunState
from webhookd.report import attempt_json, run_json, run_text, runs_table

if TYPE_CHECKING:
    from webhookd.queue import Store

PAGE = 200
TABLE_ROWS = 20  # a screen for a person; a program wants all of them


@click.command()
@click.argument("run", type=run_number, required=False)
@state_options
@click.option("--target", metavar="TARGET", help="Only runs of this target.")
@click.option("--repo", metavar="REPO", help="Only runs for this repository.")
@click.option(
    "--state", type=click.Choice([state.value for state in RunState]), help="Only runs in this state."
)
@click.option("--limit", type=number, help="At most so many; else 20 in a table, all with --json.")
@click.option("--before", type=number, metavar="RUN", help="Only runs older than this one.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, or one object for RUN.")
@click.pass_context
def runs(
    ctx: click.Context, /, *, run: int | None, limit: int | None, as_json: bool, **narrowing: Any
) -> None:
    """List runs, newest first; with RUN, show that one and its attempts."""
    if run is not None:
        _refuse_together(run, limit=limit, **narrowing)
        folder = enter_state_dir(ctx)
        with open_reader(folder) as store:
            _show(store, folder, run, as_json=as_json)
        return
    known = known_targets(ctx) if narrowing["target"] else None
    folder = enter_state_dir(ctx)
    with open_reader(folder) as store:
        rows = limit or (None if as_json else TABLE_ROWS)
        found = tuple(islice(_matching(store, **narrowing), rows))
        if not found:
            _refuse_unknown(store, narrowing["target"], known)
        _list(store, folder, found, as_json=as_json)


def _refuse_together(run: int, **narrowing: Any) -> None:
    given = [f"--{name}" for name, value in narrowing.items() if value is not None]
    if given:
        hint = "leave out the number, or the option"
        raise UsageError(f"run {run} is one, and {given[0]} narrows the list of all", hint=hint)


def _refuse_unknown(store: "Store", target: str | None, known: tuple[str, ...] | None) -> None:
    """Say of a target of which there is no run that there is no such target, where that is sure."""
    if target and known is not None and target not in known and not store.runs(target=target, limit=1):
        raise no_such_target(target, known)


def _matching(
    store: "Store", *, target: str | None, state: str | None, repo: str | None, before: int | None
) -> Iterator[Run]:
    """Yield runs, newest first, page by page: the store knows no repositories, only targets."""
    wanted = RunState(state) if state else None
    while page := store.runs(target=target, state=wanted, limit=PAGE, before=before):
        yield from (run for run in page if repo is None or run.repo.lower() == repo.lower())
        before = page[-1].run


def _list(store: "Store", folder: Path, found: tuple[Run, ...], *, as_json: bool) -> None:
    if as_json:
        output.print_json([run_json(run) for run in found])
    elif found:
        queue = look_around(store, folder)
        click.echo(runs_table(found, queue=queue, width=output.width(), color=output.color()))
    else:
        output.remark("no runs")


def _show(store: "Store", folder: Path, number: int, *, as_json: bool) -> None:
    run, attempts = store.run(number), store.attempts(number)
    if as_json:
        output.print_json(run_json(run) | {"attempts": [attempt_json(attempt) for attempt in attempts]})
    else:
        click.echo(run_text(run, attempts, queue=look_around(store, folder)))
