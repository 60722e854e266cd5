"""Commands that misbehave, and supervisors and fork servers that are stopped: no attempt is lost over it."""

import errno
import fcntl
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import is_alive, read_pids, wait_for
from workers import INVOCATION, Run, finish, log, spare, start

from webhookd.deploy import processes
from webhookd.deploy.job import Job, Result
from webhookd.deploy.launcher import Launcher
from webhookd.deploy.locks import RunningSupervisor
from webhookd.models.layout import StateLayout


@pytest.mark.parametrize("ask", ["cancel", "interrupt"])
def test_the_result_of_an_ended_command_stays_whatever_is_asked_for_then(
    launcher: Launcher, tmp_path: Path, ask: str
) -> None:
    supervisor = start(launcher, "sh", "-c", f"sleep 600 & echo $$ > {tmp_path}/main.pid")
    (main,) = wait_for(lambda: read_pids(tmp_path))
    wait_for(lambda: not is_alive(main))
    getattr(supervisor, ask)()
    result = finish(launcher, supervisor)
    assert (result.ending, result.exit_code, result.reason) == ("exited", 0, "1 background process ended")


def test_a_command_ignores_no_signal_whatever_its_daemon_ignores(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    launcher = Launcher(StateLayout(tmp_path / "state"))
    try:
        launcher.start()
        finish(launcher, start(launcher, "grep", "-E", "SigIgn|SigBlk", "/proc/self/status"))
    finally:
        signal.signal(signal.SIGHUP, before)
        launcher.stop()
    masks = [int(word, 16) for word in log(launcher).split()[1::2]]
    # The C library keeps signals 32 and 33 to itself; its posix_spawn leaves the first one ignored.
    settable = sum(1 << signum - 1 for signum in signal.valid_signals())
    assert [mask & settable for mask in masks] == [0, 0]


HEADLESS = """
import ctypes, os, pathlib, sys, threading
threading.Thread(target=os.pause if hasattr(os, "pause") else threading.Event().wait).start()
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_whose_first_thread_has_ended_is_ended(launcher: Launcher, tmp_path: Path) -> None:
    supervisor = start(launcher, sys.executable, "-c", HEADLESS, str(tmp_path / "main.pid"))
    (main,) = wait_for(lambda: read_pids(tmp_path))
    wait_for(lambda: not is_alive(main))  # it looks like a zombie
    supervisor.cancel()
    assert finish(launcher, supervisor).ending == "cancelled"
    assert not Path(f"/proc/{main}").exists()


def test_a_command_may_remove_the_folder_of_its_run(launcher: Launcher, run: Run) -> None:
    result = run("rm", "-r", str(launcher.layout.run(1)))
    assert (result.ending, result.exit_code) == ("exited", 0)


def test_what_is_in_the_way_of_a_log_and_a_payload_is_removed(launcher: Launcher) -> None:
    files = launcher.layout.attempt(1, 1)
    (files.log / "folder").mkdir(parents=True)
    os.mkfifo(files.payload)
    assert finish(launcher, start(launcher, "echo", "printed")).exit_code == 0
    assert files.log.read_bytes() == b"printed\n"


def test_a_command_may_stop_its_supervisor_and_is_ended_in_time(launcher: Launcher) -> None:
    result = finish(launcher, start(launcher, "sh", "-c", "kill -STOP $PPID; sleep 600", timeout=0.3))
    assert result.ending == "timed_out"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter that can be removed."""
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    return link


def launch(launcher: Launcher, *argv: str, payload: bytes | None = None) -> RunningSupervisor | None:
    """Launch run 1 once its lane is free."""
    lock = wait_for(lambda: launcher.locks.take("lane"), what="the end of the supervisor before")
    assert lock is not None
    folder = str(launcher.layout.attempt(1, 1).path)
    job = Job(run=1, attempt=1, invocation=INVOCATION, folder=folder, argv=argv, env=dict(os.environ))
    try:
        return launcher.launch(job, payload=payload, lock=lock)
    finally:
        os.close(lock)


@pytest.fixture
def hasty(tmp_path: Path, python: Path) -> Iterator[Launcher]:
    """A launcher that waits for nobody for long."""
    hasty = Launcher(StateLayout(tmp_path / "state"), python=str(python), patience=0.5)
    hasty.start()
    yield hasty
    hasty.stop()


def stop_fork_server(launcher: Launcher) -> tuple[int, int]:
    """Stop its fork server; give its pid and the spare's."""
    waiting, pid = spare(launcher), launcher.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    return pid, waiting


def test_a_fork_server_that_was_stopped_is_replaced(hasty: Launcher) -> None:
    pid, waiting = stop_fork_server(hasty)
    os.kill(waiting, signal.SIGKILL)
    wait_for(lambda: not is_alive(waiting), what="the end of the spare")
    assert launch(hasty, "true") is None
    assert not is_alive(pid)
    assert finish(hasty, start(hasty, "true", run=2), run=2).exit_code == 0


def test_a_supervisor_that_is_killed_before_it_answers_delays_nothing(launcher: Launcher) -> None:
    before = launcher.pid

    def is_first() -> bool:
        """Whether the command was faster than the answer."""
        supervisor = launch(launcher, "sh", "-c", "kill -KILL $PPID")
        if supervisor is not None:
            supervisor.close()
        return supervisor is None

    wait_for(is_first, what="a command that is faster than the answer")
    assert launcher.pid == before  # nobody had to run out of patience
    assert finish(launcher, start(launcher, "true", run=2), run=2).exit_code == 0


def is_cleaned_up(launcher: Launcher) -> bool:
    """Whether no payload is left, and the lane is free."""
    lock = launcher.locks.take("lane")
    if lock is None:
        return False
    os.close(lock)
    return not launcher.layout.attempt(1, 1).payload.is_file()


def test_nothing_is_left_where_no_supervisor_can_be_started(hasty: Launcher, python: Path) -> None:
    hasty.stop()
    python.unlink()
    with pytest.raises(FileNotFoundError, match=str(python)):
        launch(hasty, "true", payload=b"{}")
    assert is_cleaned_up(hasty)


def test_a_file_in_place_of_the_spare_folder_is_removed(tmp_path: Path) -> None:
    spare_folder = tmp_path / "state" / "runs" / ".spare"
    spare_folder.parent.mkdir(parents=True)
    spare_folder.touch()
    launcher = Launcher(StateLayout(tmp_path / "state"))
    launcher.start()
    try:
        assert finish(launcher, start(launcher, "true")).exit_code == 0
    finally:
        launcher.stop()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_an_order_that_cannot_be_written_leaves_nothing_open(launcher: Launcher) -> None:
    before = open_descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # Python ignores SIGXFSZ
    try:
        with pytest.raises(OSError, match="File too large"):
            launch(launcher, "true", payload=b"{}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert open_descriptors() == before
    assert is_cleaned_up(launcher)


def test_a_lock_that_the_system_refuses_leaves_nothing_open(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    before = open_descriptors()
    with monkeypatch.context() as patch:  # only a network's file system would do it by itself
        patch.setattr(fcntl, "flock", refuse)
        with pytest.raises(OSError, match="No locks available"):
            launcher.locks.take("lane")
    assert open_descriptors() == before


def test_an_order_that_may_have_arrived_is_not_withdrawn(hasty: Launcher, python: Path) -> None:
    _, waiting = stop_fork_server(hasty)  # it would let a stopped spare go on
    os.kill(waiting, signal.SIGSTOP)
    python.unlink()
    assert launch(hasty, "true") is None
    os.kill(waiting, signal.SIGCONT)
    wait_for(lambda: Result.read(hasty.layout.attempt(1, 1), INVOCATION), what="its result")


def test_an_ended_command_is_not_found_by_a_cleanup() -> None:
    command = subprocess.Popen(["true"])
    command.wait()
    assert processes.remains("no such invocation", processes.identity(command.pid)) == []


def fill_disk(launcher: Launcher, folder: Path) -> RunningSupervisor:
    """Run a command that leaves no byte of room, and wait for its end."""
    payload = launcher.layout.attempt(1, 1).payload
    script = f"rm {payload}; echo $$ > {folder}/main.pid; cat /dev/zero > {folder}/ballast"
    supervisor = start(launcher, "sh", "-c", f"{script}; exit 3")
    (main,) = wait_for(lambda: read_pids(folder))
    wait_for(lambda: not is_alive(main))
    return supervisor


def test_a_result_waits_for_disk_space(small_disk: Path, launcher: Launcher) -> None:
    supervisor = fill_disk(launcher, small_disk)
    assert not select.select([supervisor.pidfd], [], [], 0)[0]
    (small_disk / "ballast").unlink()
    result = finish(launcher, supervisor)
    assert (result.ending, result.exit_code) == ("exited", 3)


def test_a_supervisor_that_waits_for_disk_space_can_be_ended(small_disk: Path, launcher: Launcher) -> None:
    supervisor = fill_disk(launcher, small_disk)
    supervisor.interrupt()
    assert select.select([supervisor.pidfd], [], [], 30)[0]
    supervisor.close()
    assert Result.read(launcher.layout.attempt(1, 1), INVOCATION) is None
