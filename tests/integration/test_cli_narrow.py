"""The lists on terminals of 80 and 40 columns: nothing is lost, nothing is wider."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from configfiles import write_config
from factories import make_decision, make_delivery, make_push
from stores import StateFolder

from webhookd.report.text import columns

REASON = "timed out after 30m00s, 2 background processes ended"


def on_terminal(*args: str, width: int) -> list[str]:
    """Return the lines that a command prints on a terminal of *width* columns, without colours."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(width), "NO_COLOR": "1"}
    with os.fdopen(ours, "rb", buffering=0) as screen:
        process = subprocess.Popen([sys.executable, "-m", "webhookd", *args], stdout=theirs, env=environ)
        os.close(theirs)
        shown = b""
        try:
            while piece := screen.read(65536):
                shown += piece
        except OSError:  # EIO: the other end is closed
            pass
        process.wait(60)
    return shown.decode().splitlines()


def squeezed(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


@pytest.fixture
def busy(state: StateFolder) -> StateFolder:
    """Return a state directory with a run that failed at length, and a delivery that ran nothing."""
    state.push(message="Write the whole of the front page again\n\nAnd more")
    state.end(state.start(), 3)
    ignored = make_delivery(
        delivery_id="72d3162e-cc78-11e3-81ab-4c9367dc0958",
        pushes=(make_push(repo="octocat/handbook", ref="refs/tags/v1.2", branch=None, tag="v1.2"),),
    )
    reason = "no target for octocat/handbook refs/tags/v1.2"
    state.store.accept(make_decision(delivery=ignored, matches=(), reason=reason), now=state.tick())
    return state


@pytest.mark.parametrize("width", [80, 40])
def test_the_list_of_runs_keeps_reason_title_and_times(busy: StateFolder, width: int) -> None:
    lines = on_terminal("runs", "--state-dir", str(busy.path), width=width)
    assert max(map(columns, lines)) <= width
    for kept in ("octocat/blog@main", "ago", "1.00s", "exited with 3", "Write the whole"):
        assert kept in squeezed(lines)


@pytest.mark.parametrize("width", [80, 40])
def test_the_list_of_deliveries_keeps_repository_ref_and_reason(busy: StateFolder, width: int) -> None:
    lines = on_terminal("deliveries", "--state-dir", str(busy.path), width=width)
    assert max(map(columns, lines)) <= width
    for kept in ("octocat/handbook", "tags/v1.2", "octocat/blog", "no target for octocat/handbook"):
        assert kept in squeezed(lines)


@pytest.mark.parametrize("width", [80, 40])
def test_the_status_keeps_the_reason_of_the_last_run(busy: StateFolder, width: int) -> None:
    lines = on_terminal("status", "--state-dir", str(busy.path), width=width)
    assert max(map(columns, lines)) <= width
    assert "exited with 3" in squeezed(lines)


@pytest.mark.parametrize("width", [80, 40])
def test_doctor_keeps_every_word(tmp_path: Path, width: int) -> None:
    state = tmp_path / "state"
    state.mkdir()
    file = write_config(tmp_path, f"state_dir: {state}\n")
    command = [sys.executable, "-m", "webhookd", "doctor", "--config", str(file), "--json"]
    findings = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)["findings"]
    lines = on_terminal("doctor", "--config", str(file), width=width)
    assert max(map(columns, lines)) <= width
    shown = "".join(squeezed(lines).split())
    for finding in findings:
        if finding["check"] not in {"clock", "disk"}:  # these have changed by now
            assert "".join(finding["message"].split()) in shown
