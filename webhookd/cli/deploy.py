"""`webhookd deploy`: run a target without a push."""

from datetime import UTC, datetime

import click

from webhookd.cli import output
from webhookd.cli.options import peek_config, state_options
from webhookd.cli.state import enter_state_dir, open_writer, wake_daemon
from webhookd.cli.targets import find_target, push_for
from webhookd.errors import UsageError
from webhookd.intake import explain
from webhookd.models import Forge, Match, PushEvent, Target


@click.command()
@click.argument("target")
@click.option("--ref", metavar="REF", help="Branch or tag, where the target's pattern stands for many.")
@click.option("--repo", metavar="REPO", help="Repository, where the target's pattern stands for many.")
@state_options
@click.pass_context
def deploy(ctx: click.Context, *, target: str, ref: str | None, repo: str | None) -> None:
    """Queue a run of TARGET by hand, and print its number.

    For pushes that no forge sent, such as many tags at once. The command is told the
    repository and the ref, but no commit: it deploys what is there.
    """
    found = find_target(ctx, target)
    push = push_for(found, repo=repo, ref=ref)
    forge = _check(ctx, found, push)
    folder = enter_state_dir(ctx)
    with open_writer(folder) as store:
        match = Match(push=push, target=found, reason="deployed by hand")
        run = store.enqueue(match, forge=forge, now=datetime.now(UTC))
    awake = wake_daemon(folder)
    output.remark(f"run {run.run} deploys {push.ref} of {push.repo}; `webhookd logs -f {run.run}` shows it")
    if not awake:
        output.remark("the daemon is down: it will run when the daemon is up again")
    click.echo(str(run.run))  # last: where stdout takes nothing, the number was told all the same


def _check(ctx: click.Context, target: Target, push: PushEvent) -> Forge:
    """Refuse a ref that a push would not bring to this target; give the forge of its hook."""
    config = peek_config(ctx)
    assert config is not None  # noqa: S101 - the target was found in it
    verdicts = explain(config.repositories, hook=target.hook, repo=push.repo, ref=push.ref)
    verdict = next((verdict for verdict in verdicts if verdict.target == target), None)
    if verdict is None or not verdict.matched:
        reason = verdict.reason if verdict else "its repository is another"
        message = f'a push to {push.ref} of {push.repo} would not run "{target.name}": {reason}'
        raise UsageError(message, hint=f"webhookd check --explain {push.repo} {push.ref}")
    return next(hook.forge for hook in config.hooks if hook.name == target.hook)
