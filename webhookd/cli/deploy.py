"""`webhookd deploy`, `rerun`, `replay`, `cancel`, `pause` and `resume`: start and end runs by hand."""

import shlex
from datetime import UTC, datetime

import click

from webhookd.cli import output
from webhookd.cli.configuration import find_target, needed_config, no_such_target, readable_config
from webhookd.cli.daemon_link import announce, check_in_force, known_targets, wake_daemon
from webhookd.cli.group import FAILED
from webhookd.cli.options import number, state_options
from webhookd.cli.state import enter_state_dir, open_writer
from webhookd.errors import NotFound, NotPossible, UsageError
from webhookd.models.delivery import Match, PushEvent
from webhookd.models.run import RunState
from webhookd.models.settings import Forge, Target


@click.command()
@click.argument("target")
@click.option("--ref", metavar="REF", help="The branch or tag, for a target whose pattern matches many.")
@click.option("--repo", metavar="REPO", help="The repository, for a target whose pattern matches many.")
@state_options
@click.pass_context
def deploy(ctx: click.Context, *, target: str, ref: str | None, repo: str | None) -> None:
    """Queue a run of TARGET by hand, and print its number.

    For pushes that the forge did not send, such as many tags at once. The command gets the
    repository and the ref, but no commit: it deploys the newest.
    """
    found = find_target(ctx, target)
    check_in_force(ctx, target)
    push = push_by_hand(found, repo=repo, ref=ref)
    forge = _check(ctx, found, push)
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        match = Match(push=push, target=found, reason="deployed by hand")
        run = store.enqueue(match, forge=forge, now=datetime.now(UTC)).run
        announce(
            store,
            folder,
            f"run {run} deploys {push.ref} of {push.repo}; `webhookd logs -f {run}` shows it",
            [run],
        )
    click.echo(str(run))  # last: if stdout cannot be written, stderr has the number


def push_by_hand(target: Target, *, repo: str | None, ref: str | None) -> PushEvent:
    """Return the push event for a deploy by hand; what only a forge knows is unknown."""
    from webhookd.intake.refs import complete_ref, full_ref, push_event

    kind = target.ref_kind
    full = complete_ref(ref, kind=kind) if ref else full_ref(kind, _only(target.pattern, "--ref"))
    return push_event(repo=repo or _only(target.repo, "--repo"), ref=full, before=None, after=None)


def _only(pattern: str, option: str) -> str:
    """Return the one name that *pattern* matches; raise UsageError if it matches many."""
    from webhookd.intake.globs import is_pattern

    if is_pattern(pattern):
        raise UsageError(f'"{pattern}" matches many', hint=f"name one with {option}")
    return pattern


def _check(ctx: click.Context, target: Target, push: PushEvent) -> Forge:
    """Return the forge of the target's hook; raise UsageError if such a push would not run the target."""
    from webhookd.intake import explain

    config = needed_config(ctx)
    verdicts = explain(config.repositories, hook=target.hook, repo=push.repo, ref=push.ref)
    verdict = next((verdict for verdict in verdicts if verdict.target == target), None)
    if verdict is None or not verdict.matched:
        reason = verdict.reason if verdict else "it belongs to another repository"
        message = f'a push to {push.ref} of {push.repo} would not run "{target.name}": {reason}'
        raise UsageError(
            message, hint=f"see `webhookd check --explain {shlex.quote(push.repo)} {shlex.quote(push.ref)}`"
        )
    return next(hook.forge for hook in config.hooks if hook.name == target.hook)


@click.command()
@click.argument("run", type=number)
@state_options
@click.pass_context
def rerun(ctx: click.Context, *, run: int) -> None:
    """Queue the push of a finished run again, and print the number of the new run.

    The target's rules are those of the configuration as it is now.
    """
    config = readable_config(ctx)  # before root becomes another user, who may not be allowed to read the file
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        name = store.run(run).target
        target = None if config is None else config.target(name)  # None: the run keeps the rules that it had
        if config is not None and target is None:
            message = f'target "{name}" of run {run} is no longer configured'
            raise NotPossible(message, hint="`webhookd status` lists the configured ones")
        again = store.rerun(run, now=datetime.now(UTC), target=target).run
        announce(
            store, folder, f"run {run} runs again as {again}; `webhookd logs -f {again}` shows it", [again]
        )
    click.echo(str(again))  # last, as for `deploy`


@click.command()
@click.argument("delivery")
@state_options
@click.pass_context
def replay(ctx: click.Context, *, delivery: str) -> None:
    """Process a stored delivery again, and print the numbers of the new runs.

    DELIVERY is the forge's id or a NUMBER, as `webhookd deliveries` lists them. If several deliveries have
    that id, the newest is used. The rules are those of the configuration as it is now. Runs that wait, run or
    have just succeeded are not queued twice, as with a redelivery by the forge. A push that a newer one
    followed does not run: use `rerun`.
    """
    from webhookd.intake import receive_again

    config = needed_config(ctx)
    hooks = {hook.name: hook for hook in config.hooks}
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        stored = store.delivery(delivery, hooks=[*hooks])
        if stored.hook not in hooks:
            raise NotFound(f'the delivery came in by hook "{stored.hook}", which is no longer configured')
        decision = receive_again(stored, hook=hooks[stored.hook], repositories=config.repositories)
        acceptance = store.accept(decision, now=datetime.now(UTC))
        runs = [accepted.run for accepted in acceptance.runs]
        reason = f": {acceptance.reason}" if acceptance.reason else ""
        announce(store, folder, f"{acceptance.status.value}{reason}", runs)
    for run in runs:
        click.echo(str(run))
    ctx.exit(0 if runs else FAILED)


@click.command()
@click.argument("run", type=number)
@state_options
@click.pass_context
def cancel(ctx: click.Context, *, run: int) -> None:
    """Cancel a queued run, or end a running command: TERM, then KILL after its grace period."""
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        after = store.cancel(run, now=datetime.now(UTC))
    is_up = wake_daemon(folder)
    if after.state is RunState.CANCELLED:
        click.echo(f"run {run} is cancelled")
    elif is_up:
        click.echo(f"run {run} is being cancelled")
    else:
        output.remark(f"run {run} will be cancelled when the daemon is up again")


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
