"""What `webhookd doctor` found, for people and programs. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from webhookd.models import Finding, Level
from webhookd.report.text import printable, table

_MARKS = {Level.OK: "+", Level.WARNING: "!", Level.PROBLEM: "x"}  # told apart without colour
_COLOURS = {Level.OK: "32", Level.WARNING: "33", Level.PROBLEM: "31"}  # SGR codes


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Give what `doctor --json` prints."""
    return {
        "ok": not count(findings, Level.PROBLEM),
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
    """Write a line for each finding, its hint below it, and how many are bad at the end."""
    rows = [(_MARKS[found.level], found.level.value, found.check) for found in findings]
    lines: list[str] = []
    for found, head in zip(findings, _aligned(rows), strict=True):
        mark = f"\x1b[{_COLOURS[found.level]}m{head[0]}\x1b[0m" if color else head[0]
        lines.append(f"{mark}{head[1:]}  {printable(found.message)}")
        if found.hint:
            lines.append(f"{' ' * len(head)}  -> {printable(found.hint)}")
    return "\n".join([*lines, "", _summary(findings)])


def count(findings: Sequence[Finding], level: Level) -> int:
    """Count the findings of a level."""
    return sum(finding.level is level for finding in findings)


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    lines = list(table(rows))
    width = max(map(len, lines), default=0)
    yield from (line.ljust(width) for line in lines)


def _summary(findings: Sequence[Finding]) -> str:
    problems, warnings = count(findings, Level.PROBLEM), count(findings, Level.WARNING)
    told = [_number(problems, "problem")] + ([_number(warnings, "warning")] if warnings else [])
    return ", ".join(told)


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}" if count else f"no {what}"
