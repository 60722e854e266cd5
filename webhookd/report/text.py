"""Text that is safe and aligned on a terminal, whoever wrote it. Pure."""

import unicodedata
from collections.abc import Iterable, Sequence

WIDE = frozenset({"W", "F"})  # east-asian widths that take two columns
CUT = "..."
GAP = "  "


def printable(text: str) -> str:
    r"""Escape what a terminal would act on (\x1b, newlines, marks that turn the writing direction)."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def columns(text: str) -> int:
    """Count the terminal columns that printable *text* takes."""
    return sum(_columns(c) for c in text)


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


def table(rows: Sequence[Sequence[str]], *, width: int | None = None) -> Iterable[str]:
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
