"""`webhookd pause` and `webhookd resume`: hold a target back for a while, and let it go on."""

import shlex
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from webhookd.cli import output
from webhookd.cli.options import state_options
from webhookd.cli.state import enter_state_dir, open_writer, wake_daemon
from webhookd.cli.targets import find_target, known_targets, no_such_target

if TYPE_CHECKING:
    from webhookd.queue import Store


@click.command()
@click.argument("target")
@state_options
@click.pass_context
def pause(ctx: click.Context, *, target: str) -> None:
    """Start no run of TARGET until it is resumed; pushes wait, and what runs goes on."""
    name = find_target(ctx, target).name
    with open_writer(enter_state_dir(ctx)) as store:
        new = store.pause(name, now=datetime.now(UTC))
    state = "is paused" if new else "was paused already"
    output.remark(f'target "{name}" {state}: `webhookd resume {shlex.quote(name)}` ends that')


@click.command()
@click.argument("target")
@state_options
@click.pass_context
def resume(ctx: click.Context, *, target: str) -> None:
    """Let runs of TARGET start again, and what waits start now."""
    known = known_targets(ctx)
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        was_paused = store.resume(target)  # also one that is no longer configured
        if not was_paused and not _is_target(target, known, store):
            raise no_such_target(target, dict.fromkeys((*(known or ()), *store.paused())))
    wake_daemon(folder)
    output.remark(f'target "{target}" {"goes on" if was_paused else "was not paused"}')


def _is_target(name: str, known: Collection[str] | None, store: "Store") -> bool:
    """Tell whether there is such a target; where no configuration tells, one that ever ran."""
    return bool(store.runs(target=name, limit=1)) if known is None else name in known
