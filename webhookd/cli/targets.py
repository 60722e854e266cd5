"""Targets as a person names them on the command line."""

import click

from webhookd.cli.options import peek_config
from webhookd.errors import NotFound, UsageError
from webhookd.intake.globs import is_pattern
from webhookd.intake.refs import complete_ref, full_ref, push_event
from webhookd.models import PushEvent, Target


def find_target(ctx: click.Context, name: str) -> Target:
    """Give the configured target called *name*, or say which one is meant."""
    from webhookd.config.wording import nearest  # noqa: PLC0415 - only for a name that is there to be looked up

    config = peek_config(ctx)
    if config is None:
        raise UsageError("a target is looked up in the configuration: --state-dir alone does not name it")
    target = config.target(name)
    if target is None:
        names = [target.name for repository in config.repositories for target in repository.targets]
        raise NotFound(f'there is no target "{name}"', hint=nearest(name, names) or 'see "webhookd check"')
    return target


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
