"""SECURITY.md names tests; they have to exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
NAMED = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (TESTS.parent / "SECURITY.md").read_text())


def test_the_page_names_tests() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_of_them_exists(file: str, name: str) -> None:
    (path,) = TESTS.rglob(file)
    assert re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE)
