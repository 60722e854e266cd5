"""Parts of messages: quoted values, lists of words, near names (pure)."""

import difflib
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from webhookd.errors import printable

_LONGEST = 60  # characters of a value that a message repeats


def quoted(text: str) -> str:
    """Put *text* in double quotes, shortened, with control characters escaped."""
    return f'"{printable(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")}"'


def quoted_path(path: Path) -> str:
    """Put a path in double quotes without shortening it."""
    return f'"{printable(str(path))}"'


def pasted(path: Path) -> str:
    """Quote a path for a command line that somebody pastes into a shell."""
    return shlex.quote(str(path))


def either(words: Sequence[str]) -> str:
    """Join *words* as a choice: ``a, b or c``."""
    return ", ".join([*words[:-2], " or ".join(words[-2:])])


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the hint ``did you mean "x"?`` for a near name, else an empty string."""
    by_folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_folded, n=1)
    return f'did you mean "{by_folded[near[0]]}"?' if near else ""


def shape(value: object) -> str:
    """Return the kind of a value from YAML, in the words of a message."""
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else "a string"
