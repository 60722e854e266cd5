"""A daemon for each test, and a booted systemd for each module that needs one."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from booted import NEEDED, Booted, CannotBootError, build_opt, require
from daemon import Daemon


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Daemon]]:
    """Return a function that starts daemons for octocat/blog with given rules, each in its own folder."""
    started: list[Daemon] = []

    def start(rules: str, *, settings: str = "") -> Daemon:
        folder: Path = tmp_path_factory.mktemp("daemon")
        started.append(Daemon(folder, f"  octocat/blog:\n{rules}", settings=settings))
        return started[-1].start()

    yield start
    for daemon in started:
        daemon.close()


@pytest.fixture(scope="session")
def opt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that becomes /opt in a booted system: this project, installed from its wheel."""
    require(os.geteuid() == 0, "booting systemd takes root")
    missing = [path for path in NEEDED if not Path(path).exists()]
    require(not missing, f"booting systemd takes {', '.join(missing)}")
    base = tmp_path_factory.getbasetemp()
    return build_opt((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "systemd")


@pytest.fixture(scope="module")
def booted(opt: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    """A booted systemd with webhookd installed but not configured, for all tests of a module."""
    try:
        system = Booted(tmp_path_factory.mktemp("booted"), opt)
    except CannotBootError as error:
        require(condition=False, reason=str(error))
    try:
        system.install()
        yield system
    finally:
        system.close()
