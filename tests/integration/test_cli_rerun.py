"""`webhookd rerun` goes by the rules of now."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from configfiles import SECRET, write_config
from statefolder import StateFolder

from webhookd.cli import main


def rerun(state: StateFolder, folder: Path, text: str) -> Result:
    file = write_config(folder, f"{text}state_dir: {state.path}\n")
    return CliRunner().invoke(main, ["rerun", "1", "--config", str(file)])


@pytest.fixture
def ended(state: StateFolder) -> StateFolder:
    """One run, which has failed."""
    state.push()
    state.end(state.start(), 3)
    return state


def test_a_rerun_is_in_the_lane_that_its_target_has_now(ended: StateFolder, tmp_path: Path) -> None:
    said = rerun(ended, tmp_path, SECRET + "repos: {octocat/blog: {main: {run: make, lock: web}}}\n")
    assert (said.exit_code, said.stdout) == (0, "2\n")
    assert ended.store.run(2).lane == "lock web"


def test_a_run_whose_target_is_gone_is_not_run_again(ended: StateFolder, tmp_path: Path) -> None:
    said = rerun(ended, tmp_path, SECRET + "repos: {octocat/blog: {next: make}}\n")
    assert said.exit_code == 1
    assert said.stderr.splitlines() == [
        'error: target "octocat/blog@main" of run 1 is no longer configured',
        "hint: `webhookd status` lists those that are",
    ]
    assert len(ended.store.runs()) == 1


def test_beside_a_configuration_with_a_mistake_a_run_keeps_its_rules(
    ended: StateFolder, tmp_path: Path
) -> None:
    said = rerun(ended, tmp_path, SECRET + "repos: {octocat/blog: {main: {run: make, lok: web}}}\n")
    assert (said.exit_code, said.stdout) == (0, "2\n")
    assert ended.store.run(2).lane == ended.store.run(1).lane
