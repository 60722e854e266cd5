"""Options and argument types that several commands share."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from webhookd.errors import printable

Function = TypeVar("Function", bound=Callable[..., Any])

CONFIG = "webhookd.config"  # keys of click's meta, which a command shares with the group above it
STATE_DIR = "webhookd.state_dir"

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")  # SQLite can look for every number of so many digits


class _PathName(click.Path):
    """A file or folder: completed by the shell, checked by the code that opens it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty name, which would mean the current folder."""
        if not value:
            self.fail("the name is empty", param, ctx)
        return super().convert(value, param, ctx)


PATH_NAME = _PathName(readable=False)


def _path_option(name: str, metavar: str, key: str, text: str) -> Callable[[Function], Function]:
    """Return an option whose value is kept in click's meta, under *key*."""

    def remember(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.meta[key] = Path(value)

    return click.option(
        name, type=PATH_NAME, metavar=metavar, expose_value=False, callback=remember, help=text
    )


# After the command's name it wins over one before it.
config_option = _path_option("--config", "FILE", CONFIG, "Configuration file; also $WEBHOOKD_CONFIG.")


def state_options(command: Function) -> Function:
    """Add `--config FILE` and `--state-dir DIR`, for a command that reads the store."""
    text = "State directory, instead of the one in the configuration."
    return config_option(_path_option("--state-dir", "DIR", STATE_DIR, text)(command))


def json_option(what: str) -> Callable[[Function], Function]:
    """Add `--json`, which prints *what*."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what}.")


def number(value: str | int) -> int:
    """Read a whole number from 1 up; click also passes the default, which is an int."""
    if not _NUMBER.fullmatch(str(value)):
        problem = f'"{printable(str(value))}" is not a whole number from 1 up with at most 18 digits'
        raise click.BadParameter(problem)
    return int(value)
