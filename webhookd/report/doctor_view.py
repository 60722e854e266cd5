"""What `webhookd doctor` found, for people and programs. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from webhookd.errors import printable
from webhookd.models.run import Finding, Level
from webhookd.report.text import table

_MARKS = {Level.OK: "+", Level.WARNING: "!", Level.PROBLEM: "x"}  # distinct without colour
_COLOURS = {Level.OK: "32", Level.WARNING: "33", Level.PROBLEM: "31"}  # SGR codes


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return what `doctor --json` prints."""
    return {
        "ok": not any(finding.level is Level.PROBLEM for finding in findings),
        "findings": [asdict(finding) | {"hint": finding.hint or None} for finding in findings],
    }


def findings_text(findings: Sequence[Finding], *, width: int | None = None, color: bool = False) -> str:
    """Write a line for each finding, its hint below it, and the number of bad ones at the end."""
    rows = []
    for found in findings:
        rows.append(
            (_MARKS[found.level], found.level.value, printable(found.check), printable(found.message))
        )
        if found.hint:
            rows.append(("", "", "", f"-> {printable(found.hint)}"))
    codes = {mark: _COLOURS[level] for level, mark in _MARKS.items()}
    lines = [
        f"\x1b[{codes[line[0]]}m{line[0]}\x1b[0m{line[1:]}" if color and line[0] in codes else line
        for line in table(rows, width=width)
    ]
    counted = Counter(finding.level for finding in findings)
    summary = (_number(counted[level], level.value) for level in (Level.PROBLEM, Level.WARNING))
    return "\n".join([*lines, "", ", ".join(summary)])


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}" if count else f"no {what}"
