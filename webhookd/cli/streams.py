"""The three standard streams, made fit for use in whatever state they were handed over."""

import os
import sys
from typing import TextIO


def prepare() -> None:
    """Let no stream fail that is closed, or whose encoding lacks a character.

    A closed one leads nowhere: its number would otherwise go to the next file that is opened. Standard input
    stays None then, so that whoever is to read it can say so.
    """
    for number in range(3):
        _open_if_closed(number)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a pusher's name must not end a command


def discard(stream: TextIO) -> None:
    """Send what is still buffered nowhere, so that the interpreter's last flush does not fail as well."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _open_if_closed(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        nowhere = os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        os.set_inheritable(nowhere, True)  # noqa: FBT003 - the system's signature
