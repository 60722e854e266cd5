"""Output: data to stdout in the width and colours of the terminal, remarks to stderr."""

import json
import os
import shutil
import sys
from typing import Any, TextIO

import click

from webhookd.errors import printable


def is_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return sys.stdout.isatty()


def color() -> bool:
    """Return whether stdout takes colour and the user wants it (https://no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int | None:
    """Return the number of columns of the terminal; None if stdout is no terminal and lines may be long."""
    return shutil.get_terminal_size().columns if is_terminal() else None


def print_json(value: Any) -> None:
    """Print *value* for a program."""
    click.echo(json.dumps(value, indent=2))


def remark(text: str) -> None:
    """Print *text*, which is not data, as one line on stderr.

    A command does not fail because stderr is full.
    """
    try:
        click.echo(printable(text), err=True)
    except OSError:
        discard(sys.stderr)


def prepare_streams() -> None:
    """Make the standard streams usable if one is closed, or if its encoding lacks a character.

    A closed stream becomes /dev/null: otherwise the next opened file would get its number. `sys.stdin` stays
    None then, so that a command that has to read it can report that.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            os.set_inheritable(null, True)  # noqa: FBT003 - the signature of os
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a name in a payload must not end a command


def discard(stream: TextIO) -> None:
    """Drop what is still buffered, so that the interpreter's last flush does not fail as well."""
    try:
        stream.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
