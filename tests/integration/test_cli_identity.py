"""As root these tests start child processes that become another user; otherwise they are skipped."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from statefolder import StateFolder

NOBODY = 65534
UNLISTED = 54_321  # no such user

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users can reach; those of pytest cannot be reached."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


def ids_after_becoming_owner(folder: Path) -> list[str]:
    code = (
        "import os, sys; from pathlib import Path; from webhookd.cli.state import become_owner;"
        "become_owner(Path(sys.argv[1])); print(*os.getresuid(), *os.getresgid(), *os.getgroups())"
    )
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@needs_root
def test_root_becomes_the_owner_for_good_and_keeps_no_group(folder: Path) -> None:
    os.chown(folder, NOBODY, NOBODY)
    assert ids_after_becoming_owner(folder) == [str(NOBODY)] * 7


@needs_root
def test_an_owner_without_a_name_works_too(folder: Path) -> None:
    os.chown(folder, UNLISTED, UNLISTED)
    assert ids_after_becoming_owner(folder) == [str(UNLISTED)] * 7


def test_on_an_own_folder_nothing_changes(folder: Path) -> None:
    before = [str(number) for number in (*os.getresuid(), *os.getresgid(), *os.getgroups())]
    assert ids_after_becoming_owner(folder) == before


@needs_root
def test_a_command_of_root_leaves_nothing_of_roots_in_the_folder(folder: Path) -> None:
    state = StateFolder(folder)
    state.push()
    state.store.close()
    for path in (folder, *folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    command = [sys.executable, "-m", "webhookd", "runs", "--state-dir", str(folder)]
    subprocess.run(command, capture_output=True, check=True, timeout=30)
    assert {path.stat().st_uid for path in folder.iterdir()} == {NOBODY}
