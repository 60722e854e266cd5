"""The daemon as PID 1, as in a container without an init."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import Daemon
from harness import wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace takes root")

NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def contained(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, "  octocat/blog:\n    main: sleep 0.5")
    yield daemon.start(command=NAMESPACE)
    assert daemon.process is not None
    daemon.process.kill()  # and with it everything in the namespace
    daemon.process.wait()


def test_orphans_are_reaped_and_signals_reach_the_daemon(contained: Daemon) -> None:
    assert contained.process is not None
    (init,) = children(contained.process.pid)
    (daemon,) = children(init)
    script = "sh -c 'exec >/dev/null; sleep 0.3' & sh -c 'exec >/dev/null; sleep 0.3' &"
    entered = ["nsenter", "--target", str(init), "--pid", "--mount", "sh", "-c", script]
    subprocess.run(entered, check=True, timeout=60)
    wait_for(lambda: len(children(init)) == 3, what="two orphans")
    wait_for(lambda: children(init) == [daemon], what="the end of both")
    assert contained.push().status == 202
    wait_for(lambda: [run["state"] for run in contained.runs()] == ["running"])
    os.kill(init, signal.SIGTERM)
    assert contained.process.wait(60) == 0
    assert [run["state"] for run in contained.runs()] == ["succeeded"]
    assert "stopped" in contained.log


def test_the_exit_code_is_the_daemons(contained: Daemon) -> None:
    assert contained.process is not None
    (init,) = children(contained.process.pid)
    (daemon,) = children(init)
    os.kill(daemon, signal.SIGKILL)
    assert contained.process.wait(60) == 128 + signal.SIGKILL
