"""Options of the whole suite."""

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # a slow machine is no failure
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--torture-kills", type=int, default=6, help="kills in the torture test (6: quick, 100: a night)"
    )
