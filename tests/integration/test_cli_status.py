import fcntl
import json
from pathlib import Path

from stores import StateFolder, locked, webhookd_on


def test_while_the_lock_file_is_locked_the_daemon_is_up(state: StateFolder) -> None:
    with locked(state.path, "4711\n"):
        shown = state.webhookd("status")
    assert shown.stdout.splitlines()[:3] == [
        "daemon   up (pid 4711)",
        f"state    {state.path}",
        "store    ok",
    ]
    assert shown.exit_code == 0


def test_while_the_lock_file_is_not_locked_the_daemon_is_down(state: StateFolder) -> None:
    with locked(state.path, "4711\n"):
        pass
    shown = state.webhookd("status")
    assert shown.stdout.splitlines()[0] == "daemon   down"
    assert shown.exit_code == 1


def test_the_status_does_not_keep_the_lock(state: StateFolder) -> None:
    with locked(state.path, "4711"):
        pass
    assert state.webhookd("status").stdout.splitlines()[0] == "daemon   down"
    with (state.path / "daemon.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while another holds it


def test_a_daemon_without_a_process_id_yet_is_up(state: StateFolder) -> None:
    with locked(state.path, ""):
        assert state.webhookd("status").stdout.splitlines()[0] == "daemon   up"


def test_the_json_has_counts_active_runs_and_the_last_run_of_each_target(state: StateFolder) -> None:
    done = state.push()
    state.start()
    state.end(done)
    running = state.push(ref="refs/heads/main")
    state.start()
    waiting = state.push()
    values = json.loads(state.webhookd("status", "--json").stdout)
    assert (values["queued"], values["running"]) == (1, 1)
    assert [run["run"] for run in values["runs"]] == [running, waiting]
    assert [(row["target"], row["last"]["run"]) for row in values["targets"]] == [
        ("octocat/blog@main", waiting)
    ]
    assert values["daemon"] == {"up": False, "pid": None, "stopping": False}
    assert values["store"] == {"ok": True, "problem": None}


def test_a_missing_or_damaged_store_is_a_line_of_the_report(tmp_path: Path) -> None:
    assert f'store   no store in "{tmp_path}"' in webhookd_on(tmp_path, "status").stdout
    (tmp_path / "webhookd.db").write_bytes(b"no database at all" * 1000)
    shown = webhookd_on(tmp_path, "status", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["store"]["ok"] is False


def test_a_missing_state_directory_is_a_line_of_the_report(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    shown = webhookd_on(gone, "status")
    assert (shown.exit_code, shown.stderr) == (1, "")
    assert shown.stdout.splitlines() == [
        "daemon  down",
        f"state   {gone}",
        f'store   no state directory "{gone}"',
    ]
    told = json.loads(webhookd_on(gone, "status", "--json").stdout)
    assert told["daemon"] == {"up": False, "pid": None, "stopping": False}
    assert told["store"] == {"ok": False, "problem": f'no state directory "{gone}"'}
