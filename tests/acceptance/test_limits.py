"""Conditions of real machines: other users, full disks, damaged databases, many repositories."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import WEBHOOKD, Answer, Daemon
from harness import wait_for

Start = Callable[..., Daemon]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the user or mount a file system")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter; only its own user can enter those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        yield Path(name)


@as_root
def test_a_command_of_another_user_has_only_that_users_rights(open_folder: Path) -> None:
    script = "id -un; id -Gn; echo $HOME $USER $LOGNAME; umask; nice; head -c 1 $WEBHOOKD_PAYLOAD; echo"
    rule = f"    main: {{user: nobody, group: daemon, umask: '027', nice: 5, cwd: /, run: '{script}'}}"
    daemon = Daemon(open_folder, f"  octocat/blog:\n{rule}").start()
    try:
        daemon.push()
        daemon.wait_until_idle()
        lines = daemon.run_command("logs", "1").stdout.splitlines()
    finally:
        daemon.close()
    assert lines == ["nobody", "daemon", "/nonexistent nobody nobody", "0027", "5", "{"]


@as_root
def test_a_command_of_another_user_is_ended_with_all_its_processes(start: Start, open_folder: Path) -> None:
    script = f"setsid sleep 600 & echo $! > {open_folder}/left.pid; sleep 600"
    daemon = start(f"    main: {{user: nobody, timeout: 1s, grace: 1s, cwd: /, run: '{script}'}}")
    daemon.push()
    (run,) = daemon.wait_until_idle()
    assert run["state"] == "timed_out"
    assert not Path(f"/proc/{(open_folder / 'left.pid').read_text().strip()}").exists()


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@as_root
def test_a_full_disk_is_a_503_until_there_is_space_again(small_disk: Path) -> None:
    daemon = Daemon(small_disk, "  octocat/blog:\n    main: echo deployed").start()
    try:
        assert daemon.push().status == 202
        daemon.wait_until_idle()
        fill(small_disk / "ballast")
        answer = wait_for(lambda: refused(daemon.push()), what="a full disk")
        assert answer
        assert (answer.status, answer.body["status"], answer.headers["Retry-After"]) == (
            503,
            "unavailable",
            "30",
        )
        (small_disk / "ballast").unlink()
        assert daemon.push().status == 202
        assert {run["state"] for run in daemon.wait_until_idle()} <= {"succeeded", "superseded"}
        assert daemon.stop() == 0
    finally:
        daemon.close()


@as_root
def test_a_daemon_starts_on_a_full_disk_and_recovers(small_disk: Path) -> None:
    daemon = Daemon(small_disk, "  octocat/blog: {main: exit 0, gone: exit 0}").start()
    try:
        daemon.run_command("pause", "octocat/blog@gone")
        assert daemon.push(branch="gone").status == 202
        assert daemon.stop() == 0
        daemon.repos = "  octocat/blog: {main: exit 0}"
        daemon.write_config()
        fill(small_disk / "ballast")
        daemon.start()
        assert (daemon.push().status, daemon.request("GET", "/healthz").status) == (503, 503)
        (small_disk / "ballast").unlink()
        wait_for(lambda: daemon.push().status == 202, what="an accepted push")
        states = {run["target"]: run["state"] for run in daemon.wait_until_idle()}
        assert states == {"octocat/blog@gone": "cancelled", "octocat/blog@main": "succeeded"}
        wait_for(lambda: daemon.request("GET", "/healthz").status == 200, what="health")
    finally:
        daemon.close()


@as_root
def test_a_daemon_starts_on_a_disk_that_an_orphan_has_filled_and_makes_room(
    small_disk: Path, tmp_path: Path
) -> None:
    rule = f'cat {tmp_path}/go > /dev/null; trap "" TERM; exec cat /dev/zero'
    rules = f"  octocat/blog: {{main: {{grace: 1s, run: '{rule}'}}, other: 'true'}}"
    daemon = Daemon(small_disk, rules, settings="history: {log_limit: 100KiB}").start()
    os.mkfifo(tmp_path / "go")
    try:
        assert daemon.push().status == 202
        (supervisor,) = wait_for(daemon.supervisors, what="a supervisor")
        assert daemon.process is not None
        for pid in (daemon.process.pid, supervisor):
            os.kill(pid, signal.SIGKILL)
        daemon.process.wait()
        (tmp_path / "go").write_text("go")
        wait_for(lambda: os.statvfs(small_disk).f_bavail == 0, what="a full disk")
        daemon.start()
        wait_for(lambda: daemon.push(branch="other").status == 202, what="an accepted push")
        wait_for(lambda: daemon.request("GET", "/healthz").status == 200, what="health")
        assert "degraded" in daemon.log
        wait_for(lambda: daemon.runs()[0]["attempt"] == 2, what="the end of the orphan")
    finally:
        daemon.close()


def refused(answer: Answer) -> Answer | None:
    return answer if answer.status != 202 else None


def fill(path: Path) -> None:
    """Fill the disk to the last byte."""
    with path.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(b"\0" * 4096)


def serve(daemon: Daemon) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WEBHOOKD, "serve", "--config", daemon.config],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_damaged_database_is_refused_with_one_message(start: Start) -> None:
    daemon = start("    main: echo deployed")
    daemon.stop()
    (daemon.state_dir / "webhookd.db").write_bytes(b"no database at all" * 1000)
    refused = serve(daemon)
    assert refused.returncode == 1
    assert "webhookd.db" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_database_of_a_newer_version_is_refused_and_not_changed(start: Start) -> None:
    daemon = start("    main: echo deployed")
    daemon.stop()
    with contextlib.closing(sqlite3.connect(daemon.state_dir / "webhookd.db")) as database:
        database.execute("PRAGMA user_version = 99")
    refused = serve(daemon)
    assert refused.returncode == 1
    assert "newer" in refused.stderr
    with contextlib.closing(sqlite3.connect(daemon.state_dir / "webhookd.db")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_busy_repository_does_not_starve_another(tmp_path: Path) -> None:
    script = f"until [ -e {tmp_path}/go ]; do sleep 0.02; done"
    rules = f"  a/busy: {{main: {{overlap: queue, run: '{script}'}}}}\n  b/quiet: {{main: 'true'}}"
    daemon = Daemon(tmp_path, rules, settings="workers: 1").start()
    try:
        for _ in range(10):
            daemon.push(repo="a/busy")
        daemon.push(repo="b/quiet")
        (tmp_path / "go").touch()
        runs = daemon.wait_until_idle()
    finally:
        daemon.close()
    started = sorted((run["started_at"], run["repo"]) for run in runs)
    assert [repo for _, repo in started].index("b/quiet") <= 2


def test_no_more_commands_run_at_once_than_workers(start: Start, tmp_path: Path) -> None:
    rule = f"    '*': until [ -e {tmp_path}/go ]; do sleep 0.02; done"
    daemon = start(rule, settings="workers: 2")
    for number in range(5):
        daemon.push(branch=f"b{number}")

    def states() -> list[str]:
        return sorted(run["state"] for run in daemon.runs())

    wait_for(lambda: states() == ["queued"] * 3 + ["running"] * 2)
    (tmp_path / "go").touch()
    assert {run["state"] for run in daemon.wait_until_idle()} == {"succeeded"}


def test_a_long_history_is_pruned_with_its_logs(start: Start) -> None:
    daemon = start("    main: {overlap: queue, run: 'true'}", settings="history: {runs_per_target: 3}")
    for _ in range(6):
        daemon.push()
    daemon.wait_until_idle()
    daemon.stop()
    daemon.start()
    wait_for(lambda: len(daemon.runs()) == 3, what="a pruned history")
    kept = {str(run["run"]) for run in daemon.runs()}
    wait_for(lambda: {path.name for path in (daemon.state_dir / "runs").glob("[0-9]*")} == kept)
    assert json.loads(daemon.run_command("status", "--json").stdout)


def test_pushes_are_refused_when_the_state_directory_is_removed(start: Start) -> None:
    daemon = start("    main: exit 0")
    shutil.rmtree(daemon.state_dir)
    answer = daemon.push()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    assert daemon.request("GET", "/healthz").status == 503
    wait_for(lambda: "was removed or replaced" in daemon.log, what="a log line about it")


@pytest.mark.parametrize("place", ["state", "state/runs", "state/locks", "webhookd.yaml", "."])
def test_what_every_user_can_change_is_refused_by_serve_check_and_doctor(start: Start, place: str) -> None:
    daemon = start("    main: exit 0")
    (daemon.folder / place).chmod(0o777)
    told = f'"{(daemon.folder / place)}" can be changed by every user of this machine'
    assert told in daemon.run_command("doctor", check=False).stdout
    assert daemon.run_command("reload", check=False).returncode == 78
    daemon.stop()
    for command in ("serve", "check"):
        refused = daemon.run_command(command, check=False)
        assert (refused.returncode, told in refused.stderr) == (78, True)


@as_root
def test_root_does_not_serve_on_the_state_directory_of_another_user(start: Start) -> None:
    daemon = start("    main: exit 0")
    daemon.stop()
    os.chown(daemon.state_dir, pwd.getpwnam("nobody").pw_uid, -1)
    refused = daemon.run_command("serve", check=False)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-2:] == [
        f'error: state_dir "{daemon.state_dir}" belongs to user "nobody", and this is "root"',
        f"hint: start webhookd as that user, or change the owner: chown -R root: {daemon.state_dir}",
    ]
