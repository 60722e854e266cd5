r"""Text that is safe and aligned on a terminal, and moments and spans of time in words. Pure.

A deploy prints commit messages and branch names that strangers wrote. Colours stay; sequences that move the
cursor, rename the window, fill the clipboard or query the terminal become visible text (``^[``).
"""

import codecs
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from webhookd.errors import printable

UNITS = ((86400, "d"), (3600, "h"), (60, "m"))

GAP = "  "
LEAST = 20  # columns in which a last cell can be read; with fewer, the cells of a row are one text
INDENT = 4  # columns before the second line of that text

_WIDE = frozenset({"W", "F"})  # east-asian widths that take two columns

# Kept: SGR (colour) and "erase line", which progress bars use, and tab, newline, carriage return.
_SEQUENCE = re.compile(
    r"(\x1b\[[0-9;:]{0,32}m|\x1b\[[0-2]?K)"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"  # the last ones: bidirectional
)
_INCOMPLETE = re.compile(r"\x1b(\[[0-9;:]{0,32})?\Z")  # the rest of it has not been read yet


def table(
    rows: Sequence[Sequence[str]], *, width: int | None = None, dispensable: Iterable[int] = ()
) -> list[str]:
    """Align *rows* of printable cells and return the text of each, no line of it wider than *width*.

    If there is no room, the *dispensable* columns are left out, in this order and as few as possible. Then
    the last cell is wrapped, or the whole row. Nothing is cut.
    """
    left = list(range(len(rows[0]))) if rows else []
    for column in (None, *dispensable):
        left = [other for other in left if other != column]
        shown = [[row[at] for at in left] for row in rows]
        *widths, last = [max(map(columns, column)) for column in zip(*shown, strict=True)] or [0]
        if width is None or sum(widths) + len(GAP) * len(widths) + min(last, LEAST) <= width:
            break
    else:
        widths = [min(size, (width or 0) // 4) for size in widths]  # one long name does not align all rows
    return [_row(row, widths, width) for row in shown]


def _row(cells: Sequence[str], widths: Sequence[int], width: int | None) -> str:
    *first, last = cells
    padded = [cell + " " * (size - columns(cell)) for cell, size in zip(first, widths, strict=True)]
    head = GAP.join([*padded, ""])
    line = f"{head}{last}".rstrip()
    if width is None or columns(line) <= width:
        return line
    words, indent = last.split(" "), columns(head)
    if width - indent < LEAST:
        words, head, indent = list(filter(None, [*first, *words])), "", INDENT
    return head + f"\n{' ' * indent}".join(_wrapped(words, width - indent))


def _wrapped(words: Iterable[str], width: int) -> list[str]:
    """Join *words* to lines of at most *width* columns; a longer word is broken."""
    lines = [""]
    for word in words:
        if lines[-1] and columns(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
            continue
        if lines[-1]:
            lines.append("")
        for character in word:
            if columns(lines[-1] + character) > max(width, 2):
                lines.append("")
            lines[-1] += character
    return lines


def columns(text: str) -> int:
    """Return how many terminal columns printable *text* takes."""
    sizes = (1 + (unicodedata.east_asian_width(c) in _WIDE) for c in text if not unicodedata.combining(c))
    return sum(sizes)


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
    return f"^{chr(code ^ 0x40)}" if code < 0x80 else ascii(found[0])[1:-1]  # noqa: PLR2004 - the end of ASCII


def rfc3339(moment: datetime) -> str:
    """Write *moment* as RFC 3339 in UTC, always to the millisecond: 2026-11-24T02:48:38.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """Write a span in at most two units: 0.24s, 12s, 3m05s, 2h10m, 4d03h."""
    if seconds < 9.995:  # noqa: PLR2004 - short spans need hundredths; and 9.995 rounds to 10
        return f"{max(seconds, 0):.2f}s"
    whole = round(seconds)
    for (size, unit), (smaller, smaller_unit) in zip(UNITS, (*UNITS[1:], (1, "s")), strict=True):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // smaller:02d}{smaller_unit}"
    return f"{whole}s"


def age(moment: datetime, *, now: datetime) -> str:
    """Write how long ago *moment* was, in one unit: 12s ago, 3m ago, 4d ago."""
    whole = max(int((now - moment).total_seconds()), 0)
    for size, unit in UNITS:
        if whole >= size:
            return f"{whole // size}{unit} ago"
    return f"{whole}s ago"


def timeline_text(steps: Sequence[tuple[datetime, str]]) -> str:
    """Write what happened when, oldest first, each line with the milliseconds since the first."""
    ordered = sorted(steps, key=lambda step: step[0])
    milliseconds = [((at - ordered[0][0]).total_seconds() * 1000, what) for at, what in ordered]
    return "\n".join(f"{passed:>6.0f} ms  {printable(what)}" for passed, what in milliseconds)
