"""How a log call is read: the phrase and the names from its template, the values from its arguments."""

import ast
import logging
import re
from pathlib import Path

import pytest

import webhookd
from webhookd.daemon.events import Event, event_of, journal_fields, line_of

SHAPE = re.compile(r"[a-z -]+(%s)?( [a-z_]+=%[sd])*")
LEVELS = {"debug": 0, "info": 0, "warning": 0, "error": 0, "critical": 0, "log": 1}  # where the template is


def templates() -> list[tuple[str, int]]:
    """The template of every call of a logger in the package, and how many values it is given."""
    found = []
    for path in sorted(Path(webhookd.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level), args=args) if (
                    level in LEVELS
                ):
                    template = args[LEVELS[level]]
                    assert isinstance(template, ast.Constant), f"{path}:{node.lineno}"
                    found.append((str(template.value), len(args) - LEVELS[level] - 1))
    return found


@pytest.mark.parametrize(("template", "values"), templates())
def test_every_call_says_a_phrase_and_then_fields_by_name(template: str, values: int) -> None:
    assert SHAPE.fullmatch(template)
    assert len(re.findall("%", template)) == values


@pytest.mark.parametrize(("template", "_values"), templates())
def test_no_field_takes_the_place_of_what_every_json_line_has(template: str, _values: int) -> None:
    assert not {"time", "level", "message", "traceback"} & set(re.findall("([a-z_]+)=%", template))


def test_names_come_from_the_template_and_values_from_the_arguments() -> None:
    event = event_of("run started run=%d target=%s", (12, "octocat/blog@main"))
    assert event == Event(phrase="run started", fields=(("run", 12), ("target", "octocat/blog@main")))


def test_a_value_that_looks_like_a_field_is_none() -> None:
    event = event_of("request rejected cause=%s detail=%s", ("x run=1", "a=b c=%s"))
    assert event.fields == (("cause", "x run=1"), ("detail", "a=b c=%s"))


def test_a_place_without_a_name_belongs_to_the_phrase() -> None:
    event = event_of("delivery %s hook=%s", ("queued", "github"))
    assert event == Event(phrase="delivery queued", fields=(("hook", "github"),))


def test_what_there_is_none_of_is_no_field() -> None:
    assert event_of("stopping running=%s", ("-",)) == Event(phrase="stopping")


@pytest.mark.parametrize(
    ("template", "args", "phrase"),
    [
        ("stopped", (), "stopped"),
        ("100% done", (), "100% done"),
        ("%d%% of space=%s", (5, "x"), "5% of space=x"),
        ("%(a)s", {"a": 1}, "1"),
        (ValueError("odd"), (), "odd"),
    ],
)
def test_a_call_of_another_shape_is_all_phrase(template: object, args: object, phrase: str) -> None:
    assert event_of(template, args) == Event(phrase=phrase)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("octocat/blog@main", "octocat/blog@main"),
        (12, "12"),
        ("exit code 3", '"exit code 3"'),
        ("", '""'),
        ("a=b", '"a=b"'),
        ('say "hi"', r'"say \"hi\""'),
        ("C:\\temp", r'"C:\\temp"'),
        ("x\nERROR forged=1", r'"x\x0aERROR forged=1"'),
        ("\x1b[2J", r'"\x1b[2J"'),
        ("line\u2028separator", r'"line\u2028separator"'),
        ("Zürich", "Zürich"),
    ],
)
def test_a_line_has_quotes_around_what_is_no_single_word(value: object, written: str) -> None:
    assert line_of(event_of("run ended run=%d reason=%s", (1, value))) == f"run ended run=1 reason={written}"


def test_a_phrase_cannot_begin_a_second_line() -> None:
    assert line_of(event_of("odd\nline", ())) == r"odd\x0aline"


def test_the_journal_has_each_field_under_a_name_of_ours() -> None:
    event = event_of("run ended run=%d state=%s", (12, "failed"))
    assert list(journal_fields(event)) == [("WEBHOOKD_RUN", "12"), ("WEBHOOKD_STATE", "failed")]


def test_several_runs_are_found_under_each() -> None:
    event = event_of("delivery queued runs=%s", ("12,13",))
    assert list(journal_fields(event)) == [("WEBHOOKD_RUN", "12"), ("WEBHOOKD_RUN", "13")]


def test_the_reading_agrees_with_the_logging_module() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "a b=%r c=%5.1f", ("q", 1.25), None)
    assert record.getMessage() == "a b='q' c=  1.2"
    assert event_of(record.msg, record.args) == Event(phrase="a", fields=(("b", "q"), ("c", 1.25)))
