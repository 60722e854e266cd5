"""A daemon for each test, ended with it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import Daemon


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Daemon]]:
    """Start daemons for octocat/blog with the branch rules given, each in a folder of its own."""
    started: list[Daemon] = []

    def start(rules: str, *, settings: str = "") -> Daemon:
        folder: Path = tmp_path_factory.mktemp("daemon")
        started.append(Daemon(folder, f"  octocat/blog:\n{rules}", settings=settings))
        return started[-1].start()

    yield start
    for daemon in started:
        daemon.close()
