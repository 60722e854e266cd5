"""`webhookd pause` and `webhookd resume`: start no runs of a target for a while."""

import shlex
from datetime import UTC, datetime

import click

from webhookd.cli import output
from webhookd.cli.configuration import no_such_target
from webhookd.cli.daemon_link import check_in_force, known_targets, wake_daemon
from webhookd.cli.options import state_options
from webhookd.cli.state import enter_state_dir, open_writer


@click.command()
@click.argument("target")
@state_options
@click.pass_context
def pause(ctx: click.Context, *, target: str) -> None:
    """Start no more runs of TARGET until it is resumed. Pushes wait; running commands go on."""
    check_in_force(ctx, target)
    with open_writer(enter_state_dir(ctx)) as store:
        new = store.pause(target, now=datetime.now(UTC))
    state = "is paused" if new else "was paused already"
    output.remark(f'target "{target}" {state}: `webhookd resume {shlex.quote(target)}` resumes it')


@click.command()
@click.argument("target")
@state_options
@click.pass_context
def resume(ctx: click.Context, *, target: str) -> None:
    """Start runs of TARGET again; waiting runs start now."""
    known = known_targets(ctx)
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        was_paused = store.resume(target)  # also one that is no longer configured
        if not was_paused:
            # Without a configuration, a target is known if it ever ran.
            is_target = bool(store.runs(target=target, limit=1)) if known is None else target in known
            if not is_target:
                raise no_such_target(target, dict.fromkeys((*(known or ()), *store.paused())))
    wake_daemon(folder)
    output.remark(f'target "{target}" {"is resumed" if was_paused else "was not paused"}')
