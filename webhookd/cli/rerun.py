"""`webhookd rerun`: the same push once more."""

from datetime import UTC, datetime

import click

from webhookd.cli import output
from webhookd.cli.numbers import run_number
from webhookd.cli.options import state_options
from webhookd.cli.state import enter_state_dir, open_writer, wake_daemon
from webhookd.cli.waiting import say_why


@click.command()
@click.argument("run", type=run_number)
@state_options
@click.pass_context
def rerun(ctx: click.Context, *, run: int) -> None:
    """Queue an ended run's push as a new run, and print the number of that run."""
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        again = store.rerun(run, now=datetime.now(UTC)).run
        wake_daemon(folder)
        output.remark(f"run {run} runs again as {again}; `webhookd logs -f {again}` shows it")
        say_why(store, folder, again)
    click.echo(str(again))  # last: where stdout takes nothing, the number was told all the same
