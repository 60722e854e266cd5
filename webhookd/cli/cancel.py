"""`webhookd cancel`: end a run that is queued or running."""

from datetime import UTC, datetime

import click

from webhookd.cli import output
from webhookd.cli.numbers import run_number
from webhookd.cli.options import state_options
from webhookd.cli.state import enter_state_dir, open_writer, wake_daemon
from webhookd.models import RunState


@click.command()
@click.argument("run", type=run_number)
@state_options
@click.pass_context
def cancel(ctx: click.Context, *, run: int) -> None:
    """Take a queued run out of the queue, or end a running one: TERM, then KILL after its grace."""
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        after = store.cancel(run, now=datetime.now(UTC))
    awake = wake_daemon(folder)
    if after.state is RunState.CANCELLED:
        click.echo(f"run {run} cancelled")
    elif awake:
        click.echo(f"run {run} is being ended")
    else:
        output.remark(f"run {run} will be ended when the daemon is up again")
