"""What is removed from the state directory, and that one thing that cannot be removed keeps no other."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from configfiles import REPOS, SECRET, load
from harness import wait_for
from stores import push
from structlog.typing import EventDict
from workers import finish, start

from webhookd.daemon.housekeeping import Housekeeping
from webhookd.deploy.launcher import Launcher
from webhookd.queue import Store

LONG_AGO = (0, 0)
RUNS = ("1", "2", "3")

Age = Callable[[str], Path]


@pytest.fixture
def old(launcher: Launcher) -> Age:
    """Make a folder among those of the runs that nobody has touched for long."""
    runs = launcher.layout.runs

    def make(name: str) -> Path:
        (runs / name / "1").mkdir(parents=True)
        os.utime(runs / name, LONG_AGO)
        return runs / name

    return make


@pytest.fixture
def keep_house(store: Store, launcher: Launcher, tmp_path: Path) -> Iterator[Callable[[], None]]:
    config = replace(load(tmp_path, SECRET + REPOS), state_dir=launcher.layout.root)
    housekeeping = Housekeeping(store=store, launcher=launcher, config=lambda: config)
    thread = threading.Thread(target=housekeeping.run)
    yield thread.start
    housekeeping.stop()
    thread.join()


def test_only_old_folders_of_removed_runs_are_removed(
    store: Store, old: Age, keep_house: Callable[[], None]
) -> None:
    push(store, "d-1")
    known, gone, young = old("1"), old("2"), old("3")
    os.utime(young)
    odd = [old(name) for name in ("99999999999999999999", "²", "05", "0", "name")]
    keep_house()
    wait_for(lambda: not gone.exists(), what="the end of the stray")
    assert [folder for folder in (known, young, *odd) if not folder.exists()] == []


def test_what_a_command_has_put_in_the_place_of_folders_and_locks_is_removed(
    launcher: Launcher, keep_house: Callable[[], None]
) -> None:
    link = launcher.layout.run(1)
    link.symlink_to("nowhere")
    fifos = [launcher.layout.run(2), launcher.layout.locks / "unused.lock"]
    for fifo in fifos:
        os.mkfifo(fifo)
    for path in (link, *fifos):
        os.utime(path, LONG_AGO, follow_symlinks=False)
    keep_house()
    wait_for(lambda: not any(map(os.path.lexists, (link, *fifos))), what="their end")


def test_a_folder_that_cannot_be_removed_does_not_keep_others(
    launcher: Launcher, old: Age, keep_house: Callable[[], None], logged: list[EventDict]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folders = [old(name) for name in RUNS]
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folders[1] / "1"], check=True)
    lock = launcher.layout.locks / "unused.lock"
    lock.touch()
    for path in (*folders, lock):
        os.utime(path, LONG_AGO)
    keep_house()
    wait_for(lambda: not lock.exists(), what="the end of the lock")
    subprocess.run(["umount", folders[1] / "1"], check=True)
    assert [folder.name for folder in folders if folder.exists()] == ["2"]
    assert [entry["folder"] for entry in logged if entry["event"] == "folder not removed"] == [folders[1]]


def test_an_old_spare_folder_that_is_used_is_no_stray(launcher: Launcher) -> None:
    os.utime(launcher.layout.spare_run, LONG_AGO)
    supervisor = start(launcher, "true")
    assert launcher.layout.run(1).stat().st_mtime != LONG_AGO[0]
    finish(launcher, supervisor)
