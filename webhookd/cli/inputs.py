"""What a command is given to read: a file, or standard input."""

import sys
from contextlib import nullcontext
from pathlib import Path

from webhookd.errors import UsageError, in_words

_LARGEST = 256 * 1024**2  # bytes; no daemon takes a larger payload


def read_input(name: str, what: str, *, most: int = _LARGEST) -> bytes:
    """Read the file called *name*, which is to hold *what*, of *most* bytes; "-" is standard input."""
    if name == "-" and sys.stdin is None:
        raise UsageError(
            f"{what} cannot be read: standard input is closed", hint="name a file, or give it: < FILE"
        )
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            content: bytes = file.read(most + 1)
    except OSError as exc:
        raise UsageError(f'{what} "{name}" cannot be read: {in_words(exc)}') from exc
    if len(content) > most:
        raise UsageError(f'{what} "{name}" is longer than {most} bytes', hint="is it the right one?")
    return content
