"""The backends on which the contract of the store is tested, and a state directory for commands to read."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from statefolder import StateFolder

from webhookd.queue import Store

BACKENDS: dict[str, Callable[[Path], Store]] = {
    "sqlite": lambda folder: Store.open(folder / "webhookd.db"),
}


@pytest.fixture(params=sorted(BACKENDS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with BACKENDS[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFolder]:
    folder = StateFolder(tmp_path)
    with folder.store:
        yield folder
