r"""Text that is safe and aligned on a terminal, whoever wrote it. Pure.

A deploy prints commit messages and branch names that strangers wrote. Colours stay; sequences that move the
cursor, rename the window, fill the clipboard or query the terminal become visible text (``^[``).
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator, Sequence

WIDE = frozenset({"W", "F"})  # east-asian widths that take two columns
CUT = "..."
GAP = "  "

# Kept: SGR (colour) and "erase line", which progress bars use, and tab, newline, carriage return.
_SEQUENCE = re.compile(r"(\x1b\[[0-9;:]{0,32}m|\x1b\[[0-2]?K)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INCOMPLETE = re.compile(r"\x1b(\[[0-9;:]{0,32})?\Z")  # the rest of it has not been read yet


def printable(text: str) -> str:
    r"""Escape what a terminal would act on (\x1b, newlines, marks that change the writing direction)."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def columns(text: str) -> int:
    """Return how many terminal columns printable *text* takes."""
    return sum(map(_columns, text))


def cut(text: str, width: int) -> str:
    """Shorten *text* to *width* columns, and show that something is missing."""
    if columns(text) <= width:
        return text
    kept, room = "", width - len(CUT)
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return (kept + CUT)[:width] if width < len(CUT) else kept + CUT


def table(rows: Sequence[Sequence[str]], *, width: int | None = None) -> Iterator[str]:
    """Align *rows* in columns and yield a line for each; with *width*, no line is wider."""
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (size - columns(cell)) for cell, size in zip(row, widths, strict=True))
        line = GAP.join(cells).rstrip()
        yield line if width is None else cut(line, width)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in WIDE else 1


class TerminalFilter:
    """Makes the output of a command safe, piece by piece; keeps back a character or colour cut in two."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._kept = ""

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """Return what can be shown so far; with *final*, everything."""
        text = self._kept + self._decoder.decode(data, final)
        incomplete = None if final else _INCOMPLETE.search(text)
        end = incomplete.start() if incomplete else len(text)
        self._kept = text[end:]
        return _SEQUENCE.sub(_visible, text[:end])


def _visible(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    code = ord(found[0])
    return f"^{chr(code ^ 0x40)}" if code < 0x80 else f"\\x{code:02x}"  # noqa: PLR2004 - the end of ASCII
