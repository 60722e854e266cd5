"""`webhookd deploy`: run a target without a push."""

import shlex
from datetime import UTC, datetime

import click

from webhookd.cli.options import peek_config, state_options
from webhookd.cli.state import enter_state_dir, open_writer
from webhookd.cli.targets import find_target
from webhookd.cli.waiting import announce
from webhookd.errors import UsageError
from webhookd.intake import explain
from webhookd.intake.globs import is_pattern
from webhookd.intake.refs import complete_ref, full_ref, push_event
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
        run = store.enqueue(match, forge=forge, now=datetime.now(UTC)).run
        said = f"run {run} deploys {push.ref} of {push.repo}; `webhookd logs -f {run}` shows it"
        announce(store, folder, said, [run])
    click.echo(str(run))  # last: where stdout takes nothing, the number was told all the same


def _check(ctx: click.Context, target: Target, push: PushEvent) -> Forge:
    """Refuse a ref that a push would not bring to this target; give the forge of its hook."""
    config = peek_config(ctx)
    assert config is not None  # noqa: S101 - the target was found in it
    verdicts = explain(config.repositories, hook=target.hook, repo=push.repo, ref=push.ref)
    verdict = next((verdict for verdict in verdicts if verdict.target == target), None)
    if verdict is None or not verdict.matched:
        reason = verdict.reason if verdict else "its repository is another"
        message = f'a push to {push.ref} of {push.repo} would not run "{target.name}": {reason}'
        raise UsageError(
            message, hint=f"see `webhookd check --explain {shlex.quote(push.repo)} {shlex.quote(push.ref)}`"
        )
    return next(hook.forge for hook in config.hooks if hook.name == target.hook)


def push_for(target: Target, *, repo: str | None, ref: str | None) -> PushEvent:
    """Make the event of a deploy by hand; what only a forge knows is unknown."""
    kind = target.ref_kind
    full = complete_ref(ref, kind=kind) if ref else full_ref(kind, _only(target.pattern, "--ref"))
    return push_event(repo=repo or _only(target.repo, "--repo"), ref=full, before=None, after=None)


def _only(pattern: str, option: str) -> str:
    """Give the one name that *pattern* stands for."""
    if is_pattern(pattern):
        raise UsageError(f'"{pattern}" stands for many', hint=f"say which one with {option}")
    return pattern
