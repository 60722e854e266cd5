"""Options of the whole suite."""

import pytest
from hypothesis import settings

# A slow machine is no failure, and a change that passes here passes elsewhere: chance has its place at night.
settings.register_profile("unhurried", deadline=None, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=20_000)  # --hypothesis-profile=long: a night
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-seconds", type=int, default=2, help="seconds for each coverage-guided fuzzer (2: quick)"
    )
    parser.addoption(
        "--torture-kills", type=int, default=6, help="kills in the torture test (6: quick, 100: a night)"
    )
