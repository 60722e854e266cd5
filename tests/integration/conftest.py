"""The backends on which the contract of the store is tested."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from webhookd.queue import Store

BACKENDS: dict[str, Callable[[Path], Store]] = {
    "sqlite": lambda folder: Store.open(folder / "webhookd.db"),
}


@pytest.fixture(params=sorted(BACKENDS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with BACKENDS[request.param](tmp_path) as opened:
        yield opened
