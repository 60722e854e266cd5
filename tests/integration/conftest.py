"""Stores of every backend, a state directory for commands to read, supervisors and a worker, a small disk."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from postgres import PostgresServer
from stores import StateFolder
from workers import AtWork, Run, finish, start

from webhookd.deploy.launcher import Launcher
from webhookd.models.layout import StateLayout
from webhookd.models.settings import Secret
from webhookd.queue import Store


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the store itself on every backend, all others on SQLite."""
    if "store" in metafunc.fixturenames:
        is_about_it = metafunc.module.__name__.startswith("test_store_")
        metafunc.parametrize("store", ["sqlite", "postgres"] if is_about_it else ["sqlite"], indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        opened = Store.open(tmp_path / "webhookd.db")
    else:
        opened = Store.connect(request.getfixturevalue("postgres").emptied_store())
    with opened:
        yield opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def database_url(postgres: PostgresServer) -> Secret:
    """The URL of an empty database on the server that all tests of this process share."""
    return postgres.empty_database()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFolder]:
    folder = StateFolder(tmp_path)
    with folder.store:
        yield folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A home for a user who may not read pytest's folders."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        yield Path(name)


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(StateLayout(tmp_path / "state"))
    launcher.start()
    yield launcher
    launcher.stop()


@pytest.fixture
def run(launcher: Launcher) -> Run:
    """Run a command as run 1, and give its result."""
    return lambda *argv, **over: finish(launcher, start(launcher, *argv, **over))


@pytest.fixture
def at_work(store: Store, launcher: Launcher, tmp_path: Path) -> Iterator[AtWork]:
    made = AtWork(store, launcher, tmp_path)
    yield made
    made.end()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for 4 MiB, in the place of `tmp_path`."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket in the place of journald's, which never waits."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "journal"))
        sock.settimeout(0)
        yield sock
