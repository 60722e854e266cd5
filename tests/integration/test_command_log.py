"""The log of a command stays within its limit, whatever the command does to it."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest
from harness import read_pids, wait_for
from workers import Run, finish, log, start

from webhookd.deploy.command_log import CommandLog
from webhookd.deploy.launcher import Launcher

LIMIT = 100_000


def on_disk(path: Path) -> int:
    return path.stat().st_blocks * 512


def test_a_log_is_kept_within_its_limit_while_its_command_is_being_ended(
    launcher: Launcher, tmp_path: Path
) -> None:
    script = (
        f"echo $$ > {tmp_path}/main.pid; trap 'head -c 3000000 /dev/zero' TERM; while :; do sleep 0.02; done"
    )
    supervisor = start(launcher, "sh", "-c", script, log_limit=LIMIT, timeout=0.2, grace=60.0)
    path = launcher.layout.attempt(1, 1).log
    wait_for(lambda: path.stat().st_size >= 3_000_000 and on_disk(path) < 3 * LIMIT, what="a hole in the log")
    os.kill(read_pids(tmp_path)[0], signal.SIGKILL)
    assert finish(launcher, supervisor).ending == "timed_out"


def test_a_log_with_a_small_limit_has_a_head_and_a_tail(launcher: Launcher, run: Run) -> None:
    run("sh", "-c", "echo first; head -c 5000 /dev/zero | tr '\\0' x; echo; echo last", log_limit=1024)
    head, tail = b"first\n" + b"x" * 506, b"x" * 506 + b"\nlast\n"
    note = b"\n[webhookd: 3988 bytes cut here, the log may hold 1024]\n"
    assert log(launcher) == head + note + tail


def test_a_log_that_cannot_be_cut_does_not_fail_its_command(launcher: Launcher, run: Run) -> None:
    script = f"head -c {3 * LIMIT} /dev/zero; rm -r {launcher.layout.attempt(1, 1).path}"
    result = run("sh", "-c", script, log_limit=LIMIT)
    assert (result.ending, result.exit_code) == ("exited", 0)


def test_a_log_that_its_command_has_truncated_is_still_kept_within_its_limit(tmp_path: Path) -> None:
    output = CommandLog(tmp_path / "log", limit=LIMIT)
    for _ in range(2):
        os.write(output.fd, b"x" * 3_000_000)
        output.keep_within_limit()
        assert on_disk(tmp_path / "log") < 3 * LIMIT
        os.truncate(output.fd, 0)
        output.keep_within_limit()
    os.write(output.fd, b"last\n")
    output.close()
    assert (tmp_path / "log").read_bytes() == b"last\n"


@pytest.mark.parametrize("offset", [0, 50_000, 3_000_000])
def test_space_that_a_command_reserves_for_its_log_is_freed(tmp_path: Path, offset: int) -> None:
    output = CommandLog(tmp_path / "log", limit=LIMIT)
    os.write(output.fd, b"x" * 60_000)
    reserve = [
        "fallocate",
        "--keep-size",
        "--offset",
        str(offset),
        "--length",
        "5000000",
        str(tmp_path / "log"),
    ]
    subprocess.run(reserve, check=True)
    output.keep_within_limit()
    assert on_disk(tmp_path / "log") < 3 * LIMIT
    subprocess.run(reserve, check=True)
    output.close()
    assert on_disk(tmp_path / "log") <= 2 * LIMIT
    assert (tmp_path / "log").read_bytes() == b"x" * 60_000


def test_space_that_a_command_reserves_in_the_freed_middle_is_freed_again(tmp_path: Path) -> None:
    output = CommandLog(tmp_path / "log", limit=LIMIT)
    os.write(output.fd, b"x" * 3_000_000)
    for _ in range(2):
        output.keep_within_limit()
        assert on_disk(tmp_path / "log") < 3 * LIMIT
        os.posix_fallocate(output.fd, 0, 3_000_000)
    output.close()


def test_a_log_that_has_filled_the_disk_can_still_be_cut(small_disk: Path) -> None:
    path = small_disk / "log"
    output = CommandLog(path, limit=LIMIT)
    os.write(output.fd, b"first\n")
    with contextlib.suppress(OSError):
        while os.write(output.fd, bytes(65536)):
            pass
    assert os.statvfs(small_disk).f_bavail == 0
    output.close()
    assert LIMIT < path.stat().st_size < LIMIT + 100
    assert path.read_bytes().startswith(b"first\n")
