"""No kill, restart or stop loses a push, runs two commands of a lane at once, or leaves a process behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daemon import WEBHOOKD, Daemon
from harness import is_alive, read_pids, wait_for

Start = Callable[..., Daemon]


def command(folder: Path) -> str:
    """Return a rule for main. Its command writes its pid, waits for `go`, and detects a second one."""
    return (
        f"    main: {{cwd: {folder}, grace: 1s, run: 'mkdir busy || touch overlap; echo $$ > pid; "
        'echo "$WEBHOOKD_RUN $WEBHOOKD_ATTEMPT" >> begun; until [ -e go ]; do sleep 0.02; done; rmdir busy\'}'
    )


def begun(folder: Path) -> list[str]:
    path = folder / "begun"
    return path.read_text().splitlines() if path.exists() else []


def start_a_run(daemon: Daemon, folder: Path) -> int:
    """Push, wait until the command runs, and return its pid."""
    assert daemon.push().status == 202
    wait_for(lambda: (folder / "pid").exists() and (folder / "pid").read_text().strip(), what="the command")
    return int((folder / "pid").read_text())


def kill_daemon(daemon: Daemon) -> None:
    assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL


def fork_server(daemon: Daemon) -> int:
    assert daemon.process is not None
    listed = subprocess.run(
        ["pgrep", "-P", str(daemon.process.pid)], capture_output=True, text=True, check=True
    )
    return int(listed.stdout.split()[0])


def states(runs: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(run["state"], run["attempt"]) for run in runs]


def test_a_run_outlives_its_daemon_and_the_next_daemon_records_it(start: Start, tmp_path: Path) -> None:
    daemon = start(command(tmp_path))
    start_a_run(daemon, tmp_path)
    kill_daemon(daemon)
    daemon.start()
    assert states(daemon.runs()) == [("running", 1)]
    (tmp_path / "go").touch()
    assert states(daemon.wait_until_idle()) == [("succeeded", 1)]
    assert begun(tmp_path) == ["1 1"]


def test_a_result_written_without_a_daemon_is_recorded_later(start: Start, tmp_path: Path) -> None:
    daemon = start(command(tmp_path))
    start_a_run(daemon, tmp_path)
    kill_daemon(daemon)
    (tmp_path / "go").touch()
    wait_for((daemon.state_dir / "runs/1/1/result.json").exists)
    daemon.start()
    assert states(daemon.wait_until_idle()) == [("succeeded", 1)]
    assert begun(tmp_path) == ["1 1"]


def test_a_run_whose_supervisor_was_killed_starts_again_after_its_command_has_ended(
    start: Start, tmp_path: Path
) -> None:
    daemon = start(command(tmp_path))
    first = start_a_run(daemon, tmp_path)
    os.kill(daemon.supervisors()[0], signal.SIGKILL)
    wait_for(lambda: begun(tmp_path) == ["1 1", "1 2"], what="a second attempt")
    assert not is_alive(first)
    (tmp_path / "go").touch()
    assert states(daemon.wait_until_idle()) == [("succeeded", 2)]


def test_a_run_starts_again_after_daemon_supervisor_and_fork_server_are_killed(
    start: Start, tmp_path: Path
) -> None:
    daemon = start(command(tmp_path))
    first = start_a_run(daemon, tmp_path)
    victims = [fork_server(daemon), daemon.supervisors()[0]]
    kill_daemon(daemon)
    for pid in victims:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
    assert is_alive(first)
    daemon.start()
    wait_for(lambda: begun(tmp_path) == ["1 1", "1 2"], what="a second attempt")
    assert not is_alive(first)
    (tmp_path / "go").touch()
    assert states(daemon.wait_until_idle()) == [("succeeded", 2)]


def test_the_daemon_replaces_a_killed_fork_server(start: Start, tmp_path: Path) -> None:
    daemon = start(command(tmp_path))
    start_a_run(daemon, tmp_path)
    os.kill(fork_server(daemon), signal.SIGKILL)
    (tmp_path / "go").touch()
    assert states(daemon.wait_until_idle()) == [("succeeded", 1)]
    assert daemon.push().status == 202
    assert [run["state"] for run in daemon.wait_until_idle()] == ["succeeded", "succeeded"]


def test_a_stop_waits_for_the_command_and_stores_new_pushes(start: Start, tmp_path: Path) -> None:
    daemon = start(command(tmp_path))
    start_a_run(daemon, tmp_path)
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "stopping" in daemon.log)
    assert daemon.push().status == 202
    (tmp_path / "go").touch()
    assert daemon.process.wait(timeout=30) == 0
    assert states(daemon.runs()) == [("succeeded", 1), ("queued", 0)]
    daemon.start()
    assert states(daemon.wait_until_idle()) == [("succeeded", 1), ("succeeded", 1)]


def test_a_second_signal_ends_the_command_and_its_run_starts_again_later(
    start: Start, tmp_path: Path
) -> None:
    daemon = start(command(tmp_path))
    pid = start_a_run(daemon, tmp_path)
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "stopping" in daemon.log)
    assert daemon.stop(signal.SIGINT) == 0
    assert not is_alive(pid)
    (run,) = daemon.runs()
    assert (run["state"], run["reason"]) == ("queued", "attempt 1 was interrupted: the daemon was stopped")
    (tmp_path / "busy").rmdir()
    (tmp_path / "go").touch()
    daemon.start()
    assert states(daemon.wait_until_idle()) == [("succeeded", 2)]
    assert not (tmp_path / "overlap").exists()


def test_drain_timeout_limits_a_stop(start: Start, tmp_path: Path) -> None:
    daemon = start(command(tmp_path), settings="drain_timeout: 1s")
    pid = start_a_run(daemon, tmp_path)
    assert daemon.stop() == 0
    assert not is_alive(pid)
    assert states(daemon.runs()) == [("queued", 1)]


@pytest.mark.parametrize("broken", ["turn", "drain"])
def test_a_daemon_that_fails_ends_all_its_threads_and_leaves_its_command(
    start: Start, tmp_path: Path, broken: str
) -> None:
    daemon = start(command(tmp_path))
    start_a_run(daemon, tmp_path)
    kill_daemon(daemon)
    script = (
        f"import runpy, sys, webhookd.web.server as module; module.Server.{broken} = None; del sys.argv[0]"
    )
    daemon.start(
        command=[sys.executable, "-c", f"{script}; runpy.run_path(sys.argv[0], run_name='__main__')"]
    )
    if broken == "drain":
        (tmp_path / "go").touch()
        assert daemon.stop() == 1
    else:
        assert daemon.exit_code() == 1
    assert "TypeError" in daemon.log
    assert not (daemon.state_dir / "control.sock").exists()
    (tmp_path / "go").touch()
    assert states(daemon.start().wait_until_idle()) == [("succeeded", 1)]


def test_a_second_daemon_on_the_same_state_directory_is_refused(start: Start) -> None:
    daemon = start("    main: echo deployed")
    assert daemon.process is not None
    second = subprocess.run(
        [WEBHOOKD, "serve", "--config", daemon.config],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert f"another webhookd (pid {daemon.process.pid}) works on state_dir" in second.stderr
    assert daemon.push().status == 202


def test_cancel_ends_a_running_run_from_another_process(start: Start, tmp_path: Path) -> None:
    daemon = start(command(tmp_path))
    pid = start_a_run(daemon, tmp_path)
    assert daemon.run_command("cancel", "1").stdout == "run 1 is being cancelled\n"
    (run,) = daemon.wait_until_idle()
    assert run["state"] == "cancelled"
    assert not is_alive(pid)
    assert daemon.run_command("cancel", "1", check=False).returncode == 1


def test_cancel_removes_a_queued_run(start: Start, tmp_path: Path) -> None:
    daemon = start(command(tmp_path))
    start_a_run(daemon, tmp_path)
    daemon.push()
    assert daemon.run_command("cancel", "2").stdout == "run 2 is cancelled\n"
    (tmp_path / "go").touch()
    assert [run["state"] for run in daemon.wait_until_idle()] == ["succeeded", "cancelled"]


def test_rerun_queues_the_same_push_again(start: Start) -> None:
    daemon = start('    main: echo "$WEBHOOKD_COMMIT"')
    daemon.push(commit="b" * 40)
    daemon.wait_until_idle()
    assert daemon.run_command("rerun", "1").stdout == "2\n"
    assert states(daemon.wait_until_idle()) == [("succeeded", 1), ("succeeded", 1)]
    assert daemon.run_command("logs", "2").stdout == "b" * 40 + "\n"


def test_restart_ends_the_running_command_for_a_newer_push(start: Start, tmp_path: Path) -> None:
    daemon = start(command(tmp_path).replace("grace", "overlap: restart, grace"))
    start_a_run(daemon, tmp_path)
    daemon.push()
    wait_for(lambda: begun(tmp_path) == ["1 1", "2 1"], what="the newer run")
    (tmp_path / "go").touch()
    runs = daemon.wait_until_idle()
    assert [(run["state"], run["superseded_by"]) for run in runs] == [("cancelled", 2), ("succeeded", None)]


def test_a_failing_command_is_tried_again(start: Start, tmp_path: Path) -> None:
    script = "echo x >> tries; test $(wc -l < tries) = 3"
    daemon = start(f'    main: {{cwd: {tmp_path}, retries: 2, retry_delay: 1s, run: "{script}"}}')
    daemon.push()
    assert states(daemon.wait_until_idle()) == [("succeeded", 3)]
    wait_for(lambda: daemon.log.count("run ended run=1 ") == 1, what="a log line about the end")
    assert daemon.log.count("run waits again run=1 ") == 2


def test_settle_waits_for_a_time_without_pushes(start: Start, tmp_path: Path) -> None:
    daemon = start(f"    main: {{cwd: {tmp_path}, settle: 1s, run: 'echo $WEBHOOKD_COMMIT >> done'}}")
    for letter in "abc":
        daemon.push(commit=letter * 40)
    runs = daemon.wait_until_idle()
    assert [run["state"] for run in runs] == ["superseded", "superseded", "succeeded"]
    assert (tmp_path / "done").read_text() == "c" * 40 + "\n"


def test_targets_with_one_lock_do_not_run_at_once(start: Start, tmp_path: Path) -> None:
    script = "mkdir busy || touch overlap; sleep 0.2; rmdir busy; echo x >> done"
    rules = "\n".join(
        f"    {name}: {{cwd: {tmp_path}, lock: build, run: '{script}'}}" for name in ("one", "two")
    )
    daemon = start(rules)
    daemon.push(branch="one")
    daemon.push(branch="two")
    assert [run["state"] for run in daemon.wait_until_idle()] == ["succeeded", "succeeded"]
    assert not (tmp_path / "overlap").exists()
    assert {run["lane"] for run in daemon.runs()} == {"lock build"}


def test_runs_says_that_background_processes_were_ended(start: Start, tmp_path: Path) -> None:
    daemon = start(f"    main: for i in 1 2; do nohup setsid sleep 600 & echo $! > {tmp_path}/$i.pid; done")
    daemon.push()
    (run,) = daemon.wait_until_idle()
    assert (run["state"], run["reason"]) == ("succeeded", "2 background processes ended")
    assert "2 background processes ended" in daemon.run_command("runs").stdout
    assert [pid for pid in read_pids(tmp_path) if is_alive(pid)] == []
