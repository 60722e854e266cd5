"""The files of the SQLite store: who may read them, which are refused, how they are read beside a daemon."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import NOW, make_decision
from stores import push, states

from webhookd.errors import NotFound, StoreError, StoreRefused, StoreUnavailable
from webhookd.queue import Store, migrations


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "webhookd.db"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def pragma(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_its_files_are_private_whatever_the_umask(path: Path, umask: int) -> None:
    path.parent.mkdir()
    before = os.umask(umask)
    try:
        with Store.open(path) as store:
            push(store, "a")
            files = {name.name: mode(name) for name in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert files == {"webhookd.db": 0o600, "webhookd.db-wal": 0o600, "webhookd.db-shm": 0o600}


def test_its_folder_is_private(path: Path) -> None:
    before = os.umask(0)
    try:
        Store.open(path).close()
    finally:
        os.umask(before)
    assert mode(path.parent) == 0o700


def test_what_was_stored_is_there_after_the_next_start(path: Path) -> None:
    with Store.open(path) as store:
        push(store, "a")
    with Store.open(path) as store:
        assert states(store) == {1: "queued"}


def test_a_store_that_was_closed_is_one_file(path: Path) -> None:
    with Store.open(path) as store:
        push(store, "a")
        assert states(store) == {1: "queued"}
    assert [file.name for file in path.parent.iterdir()] == ["webhookd.db"]


def test_its_folder_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c%41 d" / "webhookd.db"
    with Store.open(path) as store:
        push(store, "a")
    assert path.exists()


# refused


def open_files() -> set[Path]:
    """The files that this process has open, while a caught error still holds the frames it came from."""
    links = list(Path("/proc/self/fd").iterdir())
    return {link.readlink() for link in links if link.is_symlink()}


def refusal(path: Path) -> StoreError:
    errors = []
    for way in (Store.open, Store.open_reader):
        with pytest.raises(StoreError) as caught:
            way(path)
        assert path not in open_files(), "a refused file stays open"
        errors.append(caught.value)
    assert str(errors[0]) == str(errors[1])
    assert all(error.hint for error in errors)
    return errors[0]


def test_a_newer_database_is_refused(path: Path) -> None:
    Store.open(path).close()
    pragma(path, f"PRAGMA user_version = {len(migrations.MIGRATIONS) + 1}")
    error = refusal(path)
    assert isinstance(error, StoreRefused)
    assert "was written by a newer webhookd" in str(error)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    pragma(path, "CREATE TABLE bookmarks (url)")
    error = refusal(path)
    assert isinstance(error, StoreRefused)
    assert str(error) == f'"{path}" is another program\'s database'


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "webhookd.db"
    path.write_bytes(b"not a database " * 1000)
    error = refusal(path)
    assert isinstance(error, StoreRefused)
    assert f'"{path}" is damaged or no database' in str(error)
    assert path.read_bytes().startswith(b"not a database")


def test_damage_in_the_middle_is_found_and_reported(path: Path) -> None:
    with Store.open(path) as store:
        for number in range(50):
            push(store, f"push-{number}")
    with path.open("r+b") as file:
        for page in range(2, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 512)
    with Store.open_reader(path) as store:
        with pytest.raises(StoreRefused, match="is damaged or no database"):
            store.runs()
        with pytest.raises(StoreRefused, match="is damaged or no database"):
            store.run(50)
    with Store.open(path) as store, pytest.raises(StoreRefused, match="is damaged or no database"):
        store.accept(make_decision(), now=NOW)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_takes_no_files_is_reported(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnavailable, match="cannot create"):
        Store.open(tmp_path / "webhookd.db")


def test_a_folder_that_is_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreUnavailable, match=r"webhookd\.db"):
        Store.open(tmp_path / "state" / "webhookd.db")


# reading beside a daemon, after it, without it


def test_without_a_database_there_are_no_runs_yet(path: Path) -> None:
    with pytest.raises(NotFound, match="no runs yet: there is no"):
        Store.open_reader(path)
    assert not path.parent.exists()


def test_an_empty_file_has_no_runs_yet(tmp_path: Path) -> None:
    (tmp_path / "webhookd.db").touch()
    with pytest.raises(NotFound, match="no runs yet"):
        Store.open_reader(tmp_path / "webhookd.db")


def test_a_reader_sees_what_the_daemon_commits(path: Path) -> None:
    with Store.open(path) as daemon, Store.open_reader(path) as reader:
        push(daemon, "a")
        assert states(reader) == {1: "queued"}
        push(daemon, "b")
        assert states(reader) == {1: "superseded", 2: "queued"}


def test_a_reader_works_when_the_daemon_is_down(path: Path) -> None:
    with Store.open(path) as daemon:
        push(daemon, "a")
    with Store.open_reader(path) as reader:
        assert states(reader) == {1: "queued"}


def test_a_reader_works_after_a_crash(path: Path, tmp_path: Path) -> None:
    crashed = tmp_path / "crashed"
    with Store.open(path) as daemon:
        push(daemon, "a")
        shutil.copytree(path.parent, crashed)
    assert (crashed / "webhookd.db-wal").stat().st_size > 0
    with Store.open_reader(crashed / "webhookd.db") as reader:
        assert states(reader) == {1: "queued"}


def test_a_reader_changes_nothing(path: Path) -> None:
    with Store.open(path) as daemon:
        push(daemon, "a")
    with Store.open_reader(path) as reader:
        for change in (lambda: push(reader, "b"), lambda: reader.cancel(1, now=NOW)):
            with pytest.raises(StoreUnavailable, match="opened for reading only"):
                change()
        assert states(reader) == {1: "queued"}


def test_an_older_database_is_brought_up_to_date_by_the_daemon_only(path: Path) -> None:
    Store.open(path).close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, ()))
        with pytest.raises(StoreRefused, match="was written by an older webhookd"):
            Store.open_reader(path)
        Store.open(path).close()
        Store.open_reader(path).close()


def test_a_closed_store_raises_an_error(path: Path) -> None:
    store = Store.open(path)
    store.close()
    for use in (store.runs, lambda: store.probe(now=NOW)):
        with pytest.raises(StoreUnavailable, match="the store is closed"):
            use()
    store.close()


READ = """
import os, sys
from pathlib import Path
from webhookd.errors import WebhookdError
from webhookd.queue import Store, sqlite_files  # loaded while it may still be read
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    with Store.open_reader(Path(sys.argv[1])) as store:
        print(*(run.state for run in store.runs()))
except WebhookdError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def public_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that everybody may look into, with all those above it."""
    above = [folder for folder in tmp_path.parents if mode(folder) & 0o001 == 0]
    before = {folder: mode(folder) for folder in above}
    for folder in above:
        folder.chmod(before[folder] | 0o001)
    tmp_path.chmod(0o755)
    yield tmp_path
    for folder in above:
        folder.chmod(before[folder])


def read_as_nobody(path: Path) -> str:
    child = subprocess.run(
        [sys.executable, "-B", "-c", READ, path], capture_output=True, text=True, check=True, cwd="/"
    )
    return child.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_read_permission_is_enough_to_read_the_store_of_a_daemon(public_folder: Path) -> None:
    path = public_folder / "webhookd.db"
    with Store.open(path) as daemon:
        push(daemon, "a")
        for file in public_folder.iterdir():
            file.chmod(0o644)
        assert read_as_nobody(path) == "queued"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_without_access_to_the_newest_changes_no_older_state_is_shown(public_folder: Path) -> None:
    original, crashed = public_folder / "daemon", public_folder / "crashed"
    with Store.open(original / "webhookd.db") as daemon:
        push(daemon, "a")
        shutil.copytree(original, crashed)
    (crashed / "webhookd.db-shm").unlink()
    for file in (crashed, *crashed.iterdir()):
        file.chmod(mode(file) | 0o055)
    assert read_as_nobody(crashed / "webhookd.db").startswith("StoreUnavailable")
    with Store.open_reader(crashed / "webhookd.db") as owner:
        assert states(owner) == {1: "queued"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_stranger_cannot_read_the_store(public_folder: Path) -> None:
    path = public_folder / "state" / "webhookd.db"
    Store.open(path).close()
    assert read_as_nobody(path).startswith(f'StoreUnavailable cannot read "{path}": ')
    path.parent.chmod(0o755)
    assert read_as_nobody(path).startswith(f'StoreUnavailable "{path}": ')
