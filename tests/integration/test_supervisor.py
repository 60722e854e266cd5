"""Real supervisors from a real fork server, supervisor from outside."""

import os
import re
import select
import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from harness import is_alive, read_pids, wait_for
from workers import INVOCATION, Run, finish, log, spare, start

from webhookd.deploy.job import ENDINGS, Result
from webhookd.deploy.launcher import Launcher
from webhookd.models.layout import StateLayout
from webhookd.models.run import Ending


def test_a_supervisor_knows_every_ending() -> None:
    assert set(Ending) == ENDINGS


def test_output_of_both_streams_is_in_the_log_in_order(launcher: Launcher, run: Run) -> None:
    result = run("sh", "-c", "echo one; echo two >&2; echo three")
    assert (result.ending, result.exit_code, result.reason) == ("exited", 0, "")
    assert log(launcher) == b"one\ntwo\nthree\n"


def test_an_exit_code_is_reported(run: Run) -> None:
    result = run("sh", "-c", "exit 7")
    assert (result.ending, result.exit_code, result.reason) == ("exited", 7, "exit code 7")


def test_a_signal_from_elsewhere_is_reported(run: Run) -> None:
    result = run("sh", "-c", "kill -KILL $$")
    assert (result.ending, result.exit_code, result.signal) == ("signaled", None, signal.SIGKILL)
    assert result.reason == "ended by signal SIGKILL"


@pytest.mark.parametrize(
    ("argv", "over", "reason"),
    [
        (["no-such-program"], {}, 'command "no-such-program": no such file or directory'),
        (["/etc/passwd"], {}, 'command "/etc/passwd": permission denied'),
        (["true"], {"cwd": "/no/such/folder"}, 'working folder "/no/such/folder": no such file or directory'),
    ],
)
def test_a_command_that_cannot_start_says_why(
    run: Run, argv: list[str], over: dict[str, Any], reason: str
) -> None:
    result = run(*argv, **over)
    assert (result.ending, result.reason) == ("not_started", reason)


def test_the_time_limit_ends_a_command(run: Run) -> None:
    result = run("sh", "-c", "sleep 600", timeout=0.2)
    assert (result.ending, result.signal) == ("timed_out", signal.SIGTERM)
    assert result.reason == "ran into its time limit of 0.2 s"


def test_a_command_that_ignores_term_is_killed(run: Run) -> None:
    result = run("sh", "-c", "trap '' TERM; while :; do sleep 600; done", timeout=0.2)
    assert (result.ending, result.signal) == ("timed_out", signal.SIGKILL)


TREE = """
echo $$ > main.pid
sleep 600 & echo $! > background.pid
setsid sh -c 'echo $$ > session.pid; exec sleep 600' &
(setsid sh -c 'echo $$ > orphan.pid; trap "" TERM; while :; do sleep 600; done' &)
env -i setsid sleep 600 & echo $! > nameless.pid
while [ ! -s session.pid ] || [ ! -s orphan.pid ]; do sleep 0.01; done
"""


@pytest.mark.parametrize(("end", "ending"), [("sleep 600", "timed_out"), ("exit 0", "exited")])
def test_no_process_is_left_however_it_left_the_tree(run: Run, tmp_path: Path, end: str, ending: str) -> None:
    result = run("sh", "-c", TREE + end, timeout=1.5, cwd=str(tmp_path))
    assert result.ending == ending
    pids = read_pids(tmp_path)
    assert len(pids) == 5
    assert [pid for pid in pids if is_alive(pid)] == []


def test_processes_ended_after_their_command_are_reported(run: Run) -> None:
    assert run("sh", "-c", "sleep 600 & exit 3").reason == "exit code 3, 1 background process ended"


def test_other_processes_may_finish_shortly_after_the_command(launcher: Launcher, run: Run) -> None:
    assert run("sh", "-c", "(sleep 0.2; echo late) & echo early").reason == ""
    assert log(launcher) == b"early\nlate\n"


def test_cancel_ends_the_command(launcher: Launcher) -> None:
    supervisor = start(launcher, "sh", "-c", "echo up; sleep 600")
    wait_for(lambda: log(launcher) == b"up\n")
    supervisor.cancel()
    assert finish(launcher, supervisor).ending == "cancelled"


def test_interrupt_ends_the_command_with_its_reason(launcher: Launcher) -> None:
    supervisor = start(launcher, "sh", "-c", "echo up; sleep 600")
    wait_for(lambda: log(launcher) == b"up\n")
    supervisor.interrupt()
    assert finish(launcher, supervisor).ending == "interrupted"


def test_the_lane_is_held_until_the_supervisor_ends_and_not_by_the_command(launcher: Launcher) -> None:
    supervisor = start(launcher, "sh", "-c", "ls -l /proc/self/fd; sleep 600")
    wait_for(lambda: b"/proc" in log(launcher))
    assert launcher.locks.take("lane") is None
    assert b".lock" not in log(launcher)
    supervisor.cancel()
    finish(launcher, supervisor)
    descriptor = launcher.locks.take("lane")
    assert descriptor is not None
    os.close(descriptor)


def test_a_lock_file_is_removed_only_while_nobody_holds_it(launcher: Launcher, tmp_path: Path) -> None:
    def is_left(since: float) -> bool:
        launcher.locks.remove_unused(since=since)
        return any((tmp_path / "state/locks").iterdir())

    supervisor = start(launcher, "sh", "-c", "sleep 600")
    later = time.time() + 1
    assert is_left(later)
    supervisor.cancel()
    finish(launcher, supervisor)
    assert is_left(0)
    assert not is_left(later)
    descriptor = launcher.locks.take("lane")
    assert descriptor is not None
    assert is_left(later)
    os.close(descriptor)


def test_a_command_inherits_only_its_standard_streams(launcher: Launcher, run: Run) -> None:
    run("sh", "-c", "ls /proc/$$/fd")
    assert log(launcher).split() == [b"0", b"1", b"2"]


def test_a_command_reads_nothing(launcher: Launcher, run: Run) -> None:
    assert run("cat").exit_code == 0
    assert log(launcher) == b""


def test_a_long_log_keeps_its_head_and_its_tail(launcher: Launcher, run: Run) -> None:
    script = """
        echo first; head -c 3000000 /dev/zero | tr '\\0' x; sleep 0.6
        head -c 300000 /dev/zero | tr '\\0' y; echo; echo last
    """
    run("sh", "-c", script, log_limit=100_000)
    text = log(launcher)
    assert text.startswith(b"first\nxxx")
    assert text.endswith(b"yyy\nlast\n")
    assert b"bytes cut here, the log may hold 100000]" in text
    assert len(text) < 100_200
    assert b"\0" not in text


def test_log_and_result_are_private(launcher: Launcher, run: Run) -> None:
    run("true")
    folder = launcher.layout.attempt(1, 1).path
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"log": 0o600, "result.json": 0o600}


def test_the_payload_exists_while_the_command_runs(launcher: Launcher, run: Run) -> None:
    payload = launcher.layout.attempt(1, 1).payload
    run("sh", "-c", f"stat -c %a {payload}; cat {payload}")
    assert log(launcher) == b'600\n{"ref":"refs/heads/main"}'
    assert not payload.exists()


def test_the_result_of_another_attempt_in_the_same_place_does_not_count(launcher: Launcher, run: Run) -> None:
    run("true")
    assert Result.read(launcher.layout.attempt(1, 1), "0" * 32) is None


def test_a_supervisor_outlives_the_fork_server(launcher: Launcher) -> None:
    supervisor = start(launcher, "sh", "-c", "echo up; sleep 600")
    wait_for(lambda: log(launcher) == b"up\n")
    assert launcher.pid is not None
    pid = launcher.pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid))
    second = start(launcher, "true", run=2, lane="other")
    assert finish(launcher, second, run=2).exit_code == 0
    supervisor.cancel()
    assert finish(launcher, supervisor).ending == "cancelled"


def test_a_spare_that_was_killed_is_replaced(launcher: Launcher) -> None:
    first = spare(launcher)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: spare(launcher) != first)
    assert finish(launcher, start(launcher, "true")).exit_code == 0


def test_a_signal_that_reached_the_spare_does_not_end_its_later_job(launcher: Launcher) -> None:
    handles_term = re.compile(r"^SigCgt:\s*[0-9a-f]*[4567cdef][0-9a-f]{3}$", re.MULTILINE)  # bit 15: SIGTERM
    waiting = spare(launcher)
    wait_for(lambda: handles_term.search(Path(f"/proc/{waiting}/status").read_text()))
    os.kill(waiting, signal.SIGTERM)
    assert finish(launcher, start(launcher, "true")).exit_code == 0


def test_a_supervisor_is_found_again_by_its_lane(launcher: Launcher, tmp_path: Path) -> None:
    supervisor = start(launcher, "sh", "-c", "echo up; sleep 600")
    wait_for(lambda: log(launcher) == b"up\n")
    launcher.stop()
    later = Launcher(StateLayout(tmp_path / "state"))
    found = later.locks.find("lane", INVOCATION)
    assert found is not None
    assert later.locks.find("lane", "another") is None
    found.cancel()
    assert finish(later, found).ending == "cancelled"
    assert later.locks.find("lane", INVOCATION) is None
    supervisor.close()


def test_processes_of_a_killed_supervisor_are_ended(launcher: Launcher, tmp_path: Path) -> None:
    supervisor = start(launcher, "sh", "-c", TREE + "sleep 600", cwd=str(tmp_path))
    wait_for(lambda: len(read_pids(tmp_path)) == 5)
    pid = int(next(iter((tmp_path / "state/locks").iterdir())).read_text().split()[1])
    os.kill(pid, signal.SIGKILL)
    assert select.select([supervisor.pidfd], [], [], 30)[0]
    supervisor.close()
    assert all(is_alive(pid) for pid in read_pids(tmp_path))
    result = finish(launcher, start(launcher, env={}))
    assert (result.ending, result.reason[:20]) == ("interrupted", "its supervisor died,")
    assert [pid for pid in read_pids(tmp_path) if is_alive(pid)] == []


def test_out_of_memory_a_command_is_killed_before_the_daemon(launcher: Launcher, run: Run) -> None:
    run("cat", "/proc/self/oom_score_adj")
    own = int(Path("/proc/self/oom_score_adj").read_text())
    assert int(log(launcher)) == min(own + 200, 1000)
