"""Targets as a person names them on the command line."""

from collections.abc import Collection

import click

from webhookd.cli.options import peek_config
from webhookd.errors import ConfigError, NotFound, UsageError
from webhookd.models import Config, Target

_FEW = 6  # targets that a hint lists


def find_target(ctx: click.Context, name: str) -> Target:
    """Give the configured target called *name*, or say which one is meant."""
    config = peek_config(ctx)
    if config is None:
        raise UsageError("a target is looked up in the configuration: --state-dir alone does not name it")
    target = config.target(name)
    if target is None:
        raise no_such_target(name, target_names(config))
    return target


def known_targets(ctx: click.Context) -> tuple[str, ...] | None:
    """Name the configured targets; None where no configuration tells them. Root has to ask first of all."""
    config = readable_config(ctx)
    return None if config is None else target_names(config)


def readable_config(ctx: click.Context) -> Config | None:
    """Give the configuration, or None where there is none to go by: it is refused, or not asked for."""
    try:
        return peek_config(ctx)
    except ConfigError:
        return None


def target_names(config: Config) -> tuple[str, ...]:
    """Name all targets, in the order of the file."""
    return tuple(target.name for target in config.targets)


def no_such_target(name: str, known: Collection[str]) -> NotFound:
    """Say that *name* is none of the targets that are *known*, and which may be meant."""
    from webhookd.config.wording import either, nearest, quoted  # noqa: PLC0415 - only for a name that is wrong

    below = [
        target for target in known if target.lower().startswith((f"{name.lower()}@", f"{name.lower()}:"))
    ]
    if 0 < len(below) <= _FEW:  # a repository, or the branch of several targets
        hint = f"did you mean {either(map(quoted, below))}?"
    else:
        hint = "" if below else nearest(name, known)
    return NotFound(f'there is no target "{name}"', hint=hint or "`webhookd status` lists them")
