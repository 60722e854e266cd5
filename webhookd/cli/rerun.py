"""`webhookd rerun`: the same push once more."""

from datetime import UTC, datetime

import click

from webhookd.cli import output
from webhookd.cli.numbers import run_number
from webhookd.cli.options import state_options
from webhookd.cli.state import enter_state_dir, open_writer, wake_daemon


@click.command()
@click.argument("run", type=run_number)
@state_options
@click.pass_context
def rerun(ctx: click.Context, *, run: int) -> None:
    """Queue an ended run's push as a new run, and print the number of that run."""
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        again = store.rerun(run, now=datetime.now(UTC))
    awake = wake_daemon(folder)
    output.remark(f"run {run} runs again as {again.run}; `webhookd logs -f {again.run}` shows it")
    if not awake:
        output.remark("the daemon is down: it will run when the daemon is up again")
    click.echo(str(again.run))  # last: where stdout takes nothing, the number was told all the same
