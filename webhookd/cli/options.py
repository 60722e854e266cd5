"""Options and argument types that several commands share."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from webhookd.errors import no_run

Function = TypeVar("Function", bound=Callable[..., Any])

CONFIG = "webhookd.config"  # keys of click's meta, which a command shares with the group above it
STATE_DIR = "webhookd.state_dir"

_WHOLE = re.compile(r"0*([1-9][0-9]*)")
_DIGITS = 18  # SQLite can look for every number of up to so many digits


class _PathName(click.Path):
    """A file or folder: completed by the shell, checked by the code that opens it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty name, which would mean the current folder."""
        if not value:
            self.fail("the name is empty", param, ctx)
        return super().convert(value, param, ctx)


PATH_NAME = _PathName(readable=False)


def config_option(command: Function) -> Function:
    """Add `--config FILE`; after the command's name it wins over one before it."""
    return click.option(
        "--config",
        type=PATH_NAME,
        metavar="FILE",
        expose_value=False,
        callback=_remember(CONFIG),
        help="Configuration file; also $WEBHOOKD_CONFIG.",
    )(command)


def state_options(command: Function) -> Function:
    """Add `--config FILE` and `--state-dir DIR`, for a command that reads the store."""
    option = click.option(
        "--state-dir",
        type=PATH_NAME,
        metavar="DIR",
        expose_value=False,
        callback=_remember(STATE_DIR),
        help="State directory, instead of the one in the configuration.",
    )
    return config_option(option(command))


def json_option(what: str) -> Callable[[Function], Function]:
    """Add `--json`, which prints *what*."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what}.")


def number(value: str | int) -> int:
    """Read a whole number from 1 up; click also passes the default, which is an int."""
    digits = _digits(value)
    if len(digits) > _DIGITS:
        raise click.BadParameter(f'"{digits}" is too large')
    return int(digits)


def run_number(value: str) -> int:
    """Read the number of a run; a number too large for any run raises NotFound."""
    digits = _digits(value)
    if len(digits) > _DIGITS:
        raise no_run(digits)
    return int(digits)


def _digits(value: str | int) -> str:
    found = _WHOLE.fullmatch(str(value))
    if found is None:
        from webhookd.report.text import printable

        raise click.BadParameter(f'"{printable(str(value))}" is not a whole number from 1 up')
    return found[1]


def _remember(key: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def remember(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.meta[key] = value

    return remember
