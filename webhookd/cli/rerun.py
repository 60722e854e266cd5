"""`webhookd rerun`: the same push once more."""

from datetime import UTC, datetime

import click

from webhookd.cli.numbers import run_number
from webhookd.cli.options import state_options
from webhookd.cli.state import enter_state_dir, open_writer
from webhookd.cli.targets import readable_config
from webhookd.cli.waiting import announce
from webhookd.errors import NotPossible
from webhookd.models import Config, Run, Target


@click.command()
@click.argument("run", type=run_number)
@state_options
@click.pass_context
def rerun(ctx: click.Context, *, run: int) -> None:
    """Queue an ended run's push as a new run, and print the number of that run."""
    config = readable_config(ctx)  # before root becomes another user, who may not read the file
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        target = _target(config, store.run(run))
        again = store.rerun(run, now=datetime.now(UTC), target=target).run
        said = f"run {run} runs again as {again}; `webhookd logs -f {again}` shows it"
        announce(store, folder, said, [again])
    click.echo(str(again))  # last: where stdout takes nothing, the number was told all the same


def _target(config: Config | None, run: Run) -> Target | None:
    """Give the target as it is now; without a configuration a run keeps the rules that it had."""
    if config is None:
        return None
    target = config.target(run.target)
    if target is None:
        message = f'target "{run.target}" of run {run.run} is no longer configured'
        raise NotPossible(message, hint="`webhookd status` lists those that are")
    return target
