"""Options of the whole suite."""

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings
from structlog.testing import LogCapture
from structlog.typing import EventDict

# Slow machines do not fail a test, and every machine tries the same examples. Random ones are for --long.
settings.register_profile("unhurried", deadline=None, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=20_000)  # --hypothesis-profile=long
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-seconds", type=int, default=2, help="seconds for each coverage-guided fuzzer (2: quick)"
    )
    parser.addoption(
        "--torture-kills", type=int, default=6, help="kills in the torture test (6: quick, 100: a night)"
    )


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    """The log of all threads during the test: fields, `event` and `log_level`."""
    capture = LogCapture()
    structlog.configure(processors=[structlog.processors.format_exc_info, capture])
    yield capture.entries
    structlog.reset_defaults()
