"""What `webhookd doctor` found, for people and programs. Pure."""

from collections.abc import Sequence
from typing import Any

from webhookd.models.run import Finding, Level
from webhookd.report.text import printable, table

_MARKS = {Level.OK: "+", Level.WARNING: "!", Level.PROBLEM: "x"}  # distinct without colour
_COLOURS = {Level.OK: "32", Level.WARNING: "33", Level.PROBLEM: "31"}  # SGR codes


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return what `doctor --json` prints."""
    return {
        "ok": not any(finding.level is Level.PROBLEM for finding in findings),
        "findings": [
            {
                "check": finding.check,
                "level": finding.level.value,
                "message": finding.message,
                "hint": finding.hint or None,
            }
            for finding in findings
        ],
    }


def findings_text(findings: Sequence[Finding], *, color: bool = False) -> str:
    """Write a line for each finding, its hint below it, and the number of bad ones at the end."""
    heads = list(table([(_MARKS[found.level], found.level.value, found.check) for found in findings]))
    width = max(map(len, heads), default=0)
    lines: list[str] = []
    for found, head in zip(findings, heads, strict=True):
        mark = f"\x1b[{_COLOURS[found.level]}m{head[0]}\x1b[0m" if color else head[0]
        lines.append(f"{mark}{head[1:]:{width - 1}}  {printable(found.message)}")
        if found.hint:
            lines.append(f"{' ' * width}  -> {printable(found.hint)}")
    return "\n".join([*lines, "", _summary(findings)])


def _summary(findings: Sequence[Finding]) -> str:
    problems, warnings = (
        sum(finding.level is level for finding in findings) for level in (Level.PROBLEM, Level.WARNING)
    )
    return _number(problems, "problem") + (f", {_number(warnings, 'warning')}" if warnings else "")


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}" if count else f"no {what}"
