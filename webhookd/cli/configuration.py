"""The configuration that a command line means, and what is looked up in it: state directory and targets."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webhookd.cli.options import CONFIG, STATE_DIR
from webhookd.errors import ConfigError, NotFound, UsageError

if TYPE_CHECKING:
    from webhookd.config import SecretAccess
    from webhookd.models.settings import Config, Target

_PEEKED = "webhookd.peeked"  # a key of click's meta


def config_file(ctx: click.Context) -> Path:
    """Find the configuration file that this command line means."""
    from webhookd import config

    return config.find(ctx.meta.get(CONFIG), env=os.environ, uid=os.getuid())


def load_config(ctx: click.Context, access: "SecretAccess | None" = None) -> "Config":
    """Load the configuration that this command line means, with the credentials of its unit."""
    from webhookd import config
    from webhookd.cli import units

    file = config_file(ctx)
    return config.load(
        file,
        env=os.environ,
        uid=os.getuid(),
        access=access or config.SecretAccess.ALL,
        credential=lambda name: units.credentials(units.unit_of(file.absolute())).get(name),
    )


def peek_config(ctx: click.Context) -> "Config | None":
    """Load the configuration, without its secrets, once; None if `--state-dir` replaces it."""
    from webhookd import config

    if STATE_DIR in ctx.meta:
        return None
    if _PEEKED not in ctx.meta:
        file, unread = config_file(ctx), config.SecretAccess.NONE
        ctx.meta[_PEEKED] = config.load(file, env=os.environ, uid=os.getuid(), access=unread)
    peeked: Config = ctx.meta[_PEEKED]
    return peeked


def readable_config(ctx: click.Context) -> "Config | None":
    """Load the configuration as `peek_config` does; None also if it is refused."""
    try:
        return peek_config(ctx)
    except ConfigError:
        return None


def state_dir(ctx: click.Context) -> Path:
    """Return `--state-dir`, else the configuration's, even if other keys of the file are wrong."""
    from webhookd import config

    if STATE_DIR in ctx.meta:
        return Path(ctx.meta[STATE_DIR])
    try:
        return config.load_state_dir(config_file(ctx), env=os.environ, uid=os.getuid())
    except ConfigError as exc:
        exc.hint = "name the state directory instead: --state-dir DIR"
        raise


def needed_config(ctx: click.Context) -> "Config":
    """Load the configuration as `peek_config` does; raise UsageError if `--state-dir` replaces it."""
    config = peek_config(ctx)
    if config is None:
        hint = "use --config FILE instead"
        raise UsageError("targets are in the configuration, which --state-dir replaces", hint=hint)
    return config


def find_target(ctx: click.Context, name: str) -> "Target":
    """Return the configured target called *name*; if there is none, raise NotFound with a near name."""
    config = needed_config(ctx)
    target = config.target(name)
    if target is None:
        raise no_such_target(name, target_names(config))
    return target


def target_names(config: "Config") -> tuple[str, ...]:
    """Return the names of all targets, in the order of the file."""
    return tuple(target.name for target in config.targets)


def no_such_target(name: str, known: Collection[str]) -> NotFound:
    """Return the error for a *name* that is not among the *known* targets; its hint has the nearest one."""
    from webhookd.config.wording import nearest

    hint = nearest(name, known) or "`webhookd status` lists them"
    return NotFound(f'there is no target "{name}"', hint=hint)
