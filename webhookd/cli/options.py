"""Options that several commands share, and what they lead to: the configuration and the state directory."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from webhookd.errors import ConfigError

if TYPE_CHECKING:
    from webhookd.models import Config

Function = TypeVar("Function", bound=Callable[..., Any])

_CONFIG = "webhookd.config"  # keys of click's meta, which a command shares with the group above it
_STATE_DIR = "webhookd.state_dir"
_PEEKED = "webhookd.peeked"


class _Named(click.Path):
    """A file or folder: completed by the shell, judged by whoever opens it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty name, which would be taken for the current folder."""
        if not value:
            self.fail("the name is empty", param, ctx)
        return super().convert(value, param, ctx)


NAMED = _Named(readable=False)


def config_option(command: Function) -> Function:
    """Add `--config FILE`; behind the command's name it overrides the one before it."""
    return click.option(
        "--config",
        type=NAMED,
        metavar="FILE",
        expose_value=False,
        callback=_remember_config,
        help="Configuration file; also $WEBHOOKD_CONFIG.",
    )(command)


def state_options(command: Function) -> Function:
    """Add `--config FILE` and `--state-dir DIR`, for a command that reads the store."""
    option = click.option(
        "--state-dir",
        type=NAMED,
        metavar="DIR",
        expose_value=False,
        callback=_remember_state_dir,
        help="State directory, instead of the configuration's.",
    )
    return config_option(option(command))


def config_file(ctx: click.Context) -> Path:
    """Find the configuration file that this command line means."""
    from webhookd import config  # noqa: PLC0415 - not every command needs it

    return config.find(_named(ctx), env=os.environ, uid=os.getuid())


def new_config_file(ctx: click.Context) -> Path:
    """Find the place for a configuration file that is to be written."""
    from webhookd import config  # noqa: PLC0415 - as above

    return config.find_new(_named(ctx), env=os.environ, uid=os.getuid())


def load_config(ctx: click.Context) -> "Config":
    """Load the configuration that this command line means."""
    from webhookd import config  # noqa: PLC0415 - as above

    return config.load(config_file(ctx), env=os.environ, uid=os.getuid())


def peek_config(ctx: click.Context) -> "Config | None":
    """Load the configuration, without its secrets, once; None where `--state-dir` stands in for it."""
    from webhookd import config  # noqa: PLC0415 - as above

    if ctx.meta.get(_STATE_DIR) is not None:
        return None
    if _PEEKED not in ctx.meta:
        ctx.meta[_PEEKED] = config.peek(config_file(ctx), env=os.environ, uid=os.getuid())
    peeked: Config = ctx.meta[_PEEKED]
    return peeked


def state_dir(ctx: click.Context) -> Path:
    """Give `--state-dir`, else the configuration's: mistakes elsewhere in the file are not the store's."""
    from webhookd import config  # noqa: PLC0415 - as above

    if (named := ctx.meta.get(_STATE_DIR)) is not None:
        return Path(named)
    try:
        return config.state_dir(config_file(ctx), env=os.environ, uid=os.getuid())
    except ConfigError as exc:
        exc.hint = "to read the store, its folder is enough: --state-dir DIR"
        raise


def daemon_dir(ctx: click.Context) -> Path:
    """Give the state directory of the daemon that works with this configuration, whatever is wrong there."""
    from webhookd import config  # noqa: PLC0415 - as above

    try:
        return state_dir(ctx)
    except ConfigError:
        return config.default_state_dir(env=os.environ, uid=os.getuid())


def named_config(ctx: click.Context) -> Path | None:
    """Give the file that somebody has named; by $WEBHOOKD_CONFIG only where no state directory is named."""
    named, variable = _named(ctx), os.environ.get("WEBHOOKD_CONFIG")
    if named is None and variable and ctx.meta.get(_STATE_DIR) is None:
        named = Path(variable)
    return None if named is None else named.absolute()


def _named(ctx: click.Context) -> Path | None:
    named = ctx.meta.get(_CONFIG)
    return None if named is None else Path(named)


def _remember_config(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[_CONFIG] = value


def _remember_state_dir(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    ctx.meta[_STATE_DIR] = value
