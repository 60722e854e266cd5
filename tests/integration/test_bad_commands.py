"""Commands that misbehave, and supervisors and fork servers that are stopped: no attempt is lost over it."""

import signal
import sys
from pathlib import Path

import pytest
from harness import is_alive, read_pids, wait_for
from supervision import finish, log, start

from webhookd.deploy.launcher import Launcher


@pytest.mark.parametrize("ask", ["cancel", "interrupt"])
def test_a_command_that_has_ended_stays_so_whatever_is_asked_for_then(
    launcher: Launcher, tmp_path: Path, ask: str
) -> None:
    watched = start(launcher, "sh", "-c", f"sleep 600 & echo $$ > {tmp_path}/main.pid")
    (main,) = wait_for(lambda: read_pids(tmp_path))
    wait_for(lambda: not is_alive(main))
    getattr(watched, ask)()
    result = finish(launcher, watched)
    assert (result.ending, result.exit_code, result.reason) == ("exited", 0, "1 left-over process ended")


def test_a_command_ignores_no_signal_whatever_its_daemon_ignores(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    launcher = Launcher(tmp_path / "state")
    try:
        launcher.start()
        finish(launcher, start(launcher, "grep", "-E", "SigIgn|SigBlk", "/proc/self/status"))
    finally:
        signal.signal(signal.SIGHUP, before)
        launcher.stop()
    assert log(launcher).split()[1::2] == [b"0" * 16, b"0" * 16]


HEADLESS = """
import ctypes, os, pathlib, sys, threading
threading.Thread(target=os.pause if hasattr(os, "pause") else threading.Event().wait).start()
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_whose_first_thread_has_ended_is_ended(launcher: Launcher, tmp_path: Path) -> None:
    watched = start(launcher, sys.executable, "-c", HEADLESS, str(tmp_path / "main.pid"))
    (main,) = wait_for(lambda: read_pids(tmp_path))
    wait_for(lambda: not is_alive(main))  # it looks like a zombie
    watched.cancel()
    assert finish(launcher, watched).ending == "cancelled"
    assert not Path(f"/proc/{main}").exists()
