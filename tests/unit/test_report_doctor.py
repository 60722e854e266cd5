"""The findings of `doctor` as text and as JSON."""

from webhookd.models.run import Finding, Level
from webhookd.report.doctor_view import findings_json, findings_text

FINDINGS = [
    Finding(check="configuration", level=Level.OK, message="it is accepted"),
    Finding(check="store", level=Level.WARNING, message="it is\nlarge", hint="webhookd prune"),
    Finding(check="clock", level=Level.PROBLEM, message="it is wrong", hint="set it"),
]


def test_each_finding_is_a_line_with_its_hint_below() -> None:
    assert findings_text(FINDINGS).splitlines() == [
        "+  ok       configuration  it is accepted",
        "!  warning  store          it is\\nlarge",
        "                           -> webhookd prune",
        "x  problem  clock          it is wrong",
        "                           -> set it",
        "",
        "1 problem, 1 warning",
    ]


def test_without_findings_there_is_no_problem() -> None:
    assert findings_text([]) == "\nno problem, no warning"
    assert findings_json([]) == {"ok": True, "findings": []}


def test_only_the_mark_is_coloured() -> None:
    assert findings_text(FINDINGS[:1], color=True).startswith("\x1b[32m+\x1b[0m  ok  configuration")


def test_a_problem_makes_the_json_not_ok() -> None:
    found = findings_json(FINDINGS[2:])
    finding = {"check": "clock", "level": "problem", "message": "it is wrong", "hint": "set it"}
    assert found == {"ok": False, "findings": [finding]}
