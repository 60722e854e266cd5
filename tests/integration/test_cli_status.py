import fcntl
import json
from pathlib import Path

from statefolder import StateFolder, locked, webhookd_on


def test_a_daemon_that_holds_the_lock_is_up(state: StateFolder) -> None:
    with locked(state.path, "4711\n"):
        shown = state.webhookd("status")
    assert shown.stdout.splitlines()[:3] == [
        "daemon   up (pid 4711)",
        f"state    {state.path}",
        "store    ok",
    ]
    assert shown.exit_code == 0


def test_a_lock_that_nobody_holds_means_down(state: StateFolder) -> None:
    with locked(state.path, "4711\n"):
        pass
    shown = state.webhookd("status")
    assert shown.stdout.splitlines()[0] == "daemon   down"
    assert shown.exit_code == 1


def test_looking_does_not_keep_the_lock(state: StateFolder) -> None:
    with locked(state.path, "4711"):
        pass
    assert state.webhookd("status").stdout.splitlines()[0] == "daemon   down"
    with (state.path / "daemon.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while another holds it


def test_a_daemon_that_has_not_written_its_number_yet_is_up(state: StateFolder) -> None:
    with locked(state.path, ""):
        assert state.webhookd("status").stdout.splitlines()[0] == "daemon   up"


def test_the_json_tells_what_waits_what_runs_and_how_it_went(state: StateFolder) -> None:
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
    assert values["daemon"] == {"up": False, "pid": None}
    assert values["store"] == {"ok": True, "problem": None}


def test_a_store_that_is_not_there_or_damaged_is_a_line_and_no_crash(tmp_path: Path) -> None:
    assert f'store   no store in "{tmp_path}"' in webhookd_on(tmp_path, "status").stdout
    (tmp_path / "webhookd.db").write_bytes(b"no database at all" * 1000)
    shown = webhookd_on(tmp_path, "status", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["store"]["ok"] is False


def test_a_state_directory_that_is_not_there_is_a_line_of_the_report(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    shown = webhookd_on(gone, "status")
    assert (shown.exit_code, shown.stderr) == (1, "")
    assert shown.stdout.splitlines() == [
        "daemon  down",
        f"state   {gone}",
        f'store   no state directory "{gone}"',
    ]
    told = json.loads(webhookd_on(gone, "status", "--json").stdout)
    assert told["daemon"] == {"up": False, "pid": None}
    assert told["store"] == {"ok": False, "problem": f'no state directory "{gone}"'}
