"""How the package logs: a fixed phrase, then fields by name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import webhookd

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
RESERVED = {"time", "level", "message", "event", "traceback", "exception"}  # what every line may have
ROOT = Path(webhookd.__file__).parent


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in LEVELS and ast.unparse(
                    value
                ) in ("log", "self._log"):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


CALLS = list(calls())


@pytest.mark.parametrize(("where", "call"), CALLS, ids=[where for where, _ in CALLS])
def test_every_call_has_a_fixed_phrase_and_then_fields_by_name(where: str, call: ast.Call) -> None:
    phrase, *places = call.args
    assert isinstance(phrase, ast.Constant), where
    assert re.fullmatch(r"[a-z -]+(%s)?", str(phrase.value)), where
    assert str(phrase.value).count("%s") == len(places), where
    assert not RESERVED & {str(keyword.arg) for keyword in call.keywords}, where
