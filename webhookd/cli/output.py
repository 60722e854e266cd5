"""Where output goes: data to stdout in the width and colours of the terminal, remarks to stderr."""

import json
import os
import shutil
import sys
from typing import Any

import click

from webhookd.cli import streams


def is_terminal() -> bool:
    """Tell whether a person looks at stdout."""
    return sys.stdout.isatty()


def color() -> bool:
    """Tell whether stdout takes colour and its reader wants it (https://no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int | None:
    """Give the columns of the terminal; None where lines may be as long as they are."""
    return shutil.get_terminal_size().columns if is_terminal() else None


def print_json(value: Any) -> None:
    """Print *value* for a program."""
    click.echo(json.dumps(value, indent=2))


def remark(text: str) -> None:
    """Say something that is not the data asked for; that it cannot be said is no reason to fail."""
    try:
        click.echo(text, err=True)
    except OSError:
        streams.discard(sys.stderr)
