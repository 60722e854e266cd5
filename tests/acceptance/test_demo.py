import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import wait_for

from webhookd.cli import demo

WEBHOOKD = str(Path(sys.executable).with_name("webhookd"))


def environment(folder: Path) -> dict[str, str]:
    """The variables that the demo needs: no HOME, no configuration."""
    return {"PATH": os.environ["PATH"], "TMPDIR": str(folder)}


def start(folder: Path, *args: str, **env: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [WEBHOOKD, "demo", *args],
        cwd="/",
        env=environment(folder) | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_in(folder: Path) -> list[str]:
    """Return the command lines of the processes that work in *folder* or have it as an argument."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = str((process / "cwd").readlink())
        except OSError:  # it has ended, or is a kernel thread
            continue
        if str(folder) in command or str(folder) in where:
            found.append(command)
    return found


def test_the_demo_deploys_a_commit_and_leaves_nothing(tmp_path: Path) -> None:
    process = start(tmp_path)
    shown, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    for words in (
        "main: git pull --ff-only",
        "signed push sent over HTTP",
        "run stored",
        "answered 202: run 1 of demo/site@main is queued",
        "run claimed",
        "command started",
        "command ended: succeeded",
        "Fast-forward",
    ):
        assert words in shown
    assert re.search(r"the working copy is at [0-9a-f]{8}: deployed\n\Z", shown)
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


def test_the_folder_is_kept_when_asked_for(tmp_path: Path) -> None:
    process = start(tmp_path, "--keep")
    process.communicate(timeout=60)
    (folder,) = tmp_path.iterdir()
    assert "Hello from webhookd" in (folder / "site" / "index.html").read_text()
    assert processes_in(tmp_path) == []


def test_git_settings_do_not_affect_the_demo(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[commit]\n\tgpgSign = true\n[pull]\n\trebase = true\n[core]\n\thooksPath = /\n"
    )
    process = start(tmp_path, HOME=str(home), GIT_DIR="/nowhere", GIT_AUTHOR_DATE="nonsense")
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_without_git_the_demo_names_what_is_missing(tmp_path: Path) -> None:
    process = start(tmp_path, PATH="/nonexistent")
    shown, errors = process.communicate(timeout=60)
    assert (process.returncode, shown) == (1, "")
    assert errors == "error: the demo needs git, which is not installed\nhint: apt-get install git\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_demo_and_its_daemon(tmp_path: Path, signum: signal.Signals) -> None:
    process = start(tmp_path)
    wait_for(lambda: any("serve" in command for command in processes_in(tmp_path)), what="the demo's daemon")
    process.send_signal(signum)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signum
    assert processes_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_commit_in_the_repository_alone_is_not_deployed(tmp_path: Path) -> None:
    demo.create_repositories(tmp_path)
    commit = demo.commit_page(tmp_path, "Not pulled yet")
    at, page = demo.deployed(tmp_path)
    assert at != commit
    assert "Not pulled yet" not in page
