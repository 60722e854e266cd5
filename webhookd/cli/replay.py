"""`webhookd replay`: a stored delivery once more, as if the forge had sent it again."""

from datetime import UTC, datetime

import click

from webhookd.cli.errors import FAILED
from webhookd.cli.options import peek_config, state_options
from webhookd.cli.state import enter_state_dir, open_writer
from webhookd.cli.waiting import announce
from webhookd.errors import NotFound, UsageError
from webhookd.models import Hook


@click.command()
@click.argument("delivery")
@state_options
@click.pass_context
def replay(ctx: click.Context, *, delivery: str) -> None:
    """Decide anew what a stored delivery runs, queue that, and print the numbers of the runs.

    DELIVERY is a forge's id or a NUMBER, as `webhookd deliveries` lists both; of several with that id, the
    newest.
    The rules are those of the configuration as it is now, and those for a delivery that
    the forge sends again: what waits, runs, or has just succeeded is not queued twice.
    """
    from webhookd.intake import receive_again  # noqa: PLC0415 - after the state directory's owner is clear

    config = peek_config(ctx)
    if config is None:
        raise UsageError("what a delivery runs is in the configuration: --state-dir alone does not tell it")
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        stored = store.delivery(delivery, hooks=[hook.name for hook in config.hooks])
        hook = _hook(config.hooks, stored.hook)
        decision = receive_again(stored, hook=hook, repositories=config.repositories)
        acceptance = store.accept(decision, now=datetime.now(UTC))
        runs = [accepted.run for accepted in acceptance.runs]
        said = f"{acceptance.status.value}{f': {acceptance.reason}' if acceptance.reason else ''}"
        announce(store, folder, said, runs)
    for run in runs:
        click.echo(str(run))
    ctx.exit(0 if acceptance.runs else FAILED)


def _hook(hooks: tuple[Hook, ...], name: str) -> Hook:
    found = next((hook for hook in hooks if hook.name == name), None)
    if found is None:
        raise NotFound(f'the delivery came in by hook "{name}", which is no longer configured')
    return found
