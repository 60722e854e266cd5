"""`webhookd rerun` uses the current rules; a daemon that does not answer is no error."""

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from configfiles import SECRET, write_config
from stores import StateFolder
from structlog.typing import EventDict

from webhookd.cli import main
from webhookd.daemon.control import Control


def rerun(state: StateFolder, folder: Path, text: str) -> Result:
    file = write_config(folder, f"{text}state_dir: {state.path}\n")
    return CliRunner().invoke(main, ["rerun", "1", "--config", str(file)])


@pytest.fixture
def ended(state: StateFolder) -> StateFolder:
    """One run, which has failed."""
    state.push()
    state.end(state.start(), 3)
    return state


def test_a_rerun_uses_the_targets_lane_as_it_is_now(ended: StateFolder, tmp_path: Path) -> None:
    said = rerun(ended, tmp_path, SECRET + "repos: {octocat/blog: {main: {run: make, lock: web}}}\n")
    assert (said.exit_code, said.stdout) == (0, "2\n")
    assert ended.store.run(2).lane == "lock web"


def test_a_run_of_a_removed_target_is_not_rerun(ended: StateFolder, tmp_path: Path) -> None:
    said = rerun(ended, tmp_path, SECRET + "repos: {octocat/blog: {next: make}}\n")
    assert said.exit_code == 1
    assert said.stderr.splitlines() == [
        'error: target "octocat/blog@main" of run 1 is no longer configured',
        "hint: `webhookd status` lists the configured ones",
    ]
    assert len(ended.store.runs()) == 1


def test_if_the_configuration_has_a_mistake_a_rerun_keeps_its_rules(
    ended: StateFolder, tmp_path: Path
) -> None:
    said = rerun(ended, tmp_path, SECRET + "repos: {octocat/blog: {main: {run: make, lok: web}}}\n")
    assert (said.exit_code, said.stdout) == (0, "2\n")
    assert ended.store.run(2).lane == ended.store.run(1).lane


@pytest.fixture
def mute(state: StateFolder, logged: list[EventDict]) -> Iterator[None]:  # noqa: ARG001 - keeps the log off stdout
    """A daemon that closes every connection without an answer."""

    def go_away() -> Mapping[str, Any]:
        raise OSError

    control = Control(state.path, {"wake": go_away})
    thread = threading.Thread(target=control.run)
    thread.start()
    yield
    control.stop()
    thread.join()
    control.close()


@pytest.mark.usefixtures("mute")
@pytest.mark.parametrize("command", ["rerun 1", "deploy octocat/blog@main"])
def test_the_number_is_printed_although_the_daemon_does_not_answer(
    ended: StateFolder, tmp_path: Path, command: str
) -> None:
    rules = SECRET + "repos: {octocat/blog: {main: make}}\n"
    file = write_config(tmp_path, f"{rules}state_dir: {ended.path}\n")
    said = CliRunner().invoke(main, [*command.split(), "--config", str(file)])
    assert (said.exit_code, said.stdout) == (0, "2\n")
    assert "gave no answer: it has closed the connection; it will find the change in the store" in said.stderr


@pytest.mark.usefixtures("mute")
def test_a_run_is_cancelled_although_the_daemon_does_not_answer(state: StateFolder) -> None:
    run = state.push()
    said = state.webhookd("cancel", str(run))
    assert (said.exit_code, said.stdout) == (0, f"run {run} is cancelled\n")
