"""Target names on the command line: known, unknown and removed ones."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from configfiles import SECRET, write_config, write_secret
from stores import StateFolder

from webhookd.cli import main

REPOS = """
repos:
  octocat/blog: {main: make, next: make, "preview/*": make}
"""


@pytest.fixture
def config(state: StateFolder) -> Path:
    write_secret(state.path)
    return write_config(state.path, f"state_dir: {state.path}\n{SECRET}{REPOS}")


def webhookd(config: Path, *args: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(config), *args])


@pytest.mark.parametrize("command", [["deploy"], ["pause"], ["resume"], ["runs", "--target"]])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("octocat/blog@mian", 'did you mean "octocat/blog@main"?'),
        ("Octocat/Blog@main", 'did you mean "octocat/blog@main"?'),
        ("nosuch", "`webhookd status` lists them"),
    ],
)
def test_for_an_unknown_target_the_nearest_name_is_suggested(
    config: Path, command: list[str], name: str, hint: str
) -> None:
    refused = webhookd(config, *command, name)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f'error: there is no target "{name}"\nhint: {hint}\n'


def test_resuming_a_target_that_was_not_paused_is_no_error(config: Path) -> None:
    shown = webhookd(config, "resume", "octocat/blog@main")
    assert (shown.exit_code, shown.stderr) == (0, 'target "octocat/blog@main" was not paused\n')


def test_a_paused_target_can_be_resumed_after_it_was_removed_from_the_configuration(
    state: StateFolder, config: Path
) -> None:
    state.store.pause("octocat/gone@main", now=state.tick())
    near = webhookd(config, "resume", "octocat/gone@mian")
    assert (near.exit_code, 'did you mean "octocat/gone@main"?' in near.stderr) == (1, True)
    shown = webhookd(config, "resume", "octocat/gone@main")
    assert (shown.exit_code, shown.stderr) == (0, 'target "octocat/gone@main" is resumed\n')
    assert state.store.paused() == ()


def test_without_a_configuration_a_target_is_known_if_it_ever_ran(state: StateFolder) -> None:
    state.push()
    state.store.pause("octocat/shop@main", now=state.tick())
    assert state.webhookd("resume", "octocat/shop@main").exit_code == 0
    assert state.webhookd("resume", "octocat/blog@main").exit_code == 0
    assert state.webhookd("resume", "octocat/nowhere@main").exit_code == 1


def test_runs_of_a_target_that_was_removed_from_the_configuration_are_listed(
    state: StateFolder, config: Path
) -> None:
    state.push()
    config.write_text(config.read_text().replace("octocat/blog", "octocat/log"))
    assert "octocat/blog@main" in webhookd(config, "runs", "--target", "octocat/blog@main").stdout
    none = webhookd(config, "runs", "--target", "octocat/blog@main", "--state", "failed")
    assert (none.exit_code, none.stderr) == (0, "no runs\n")


def test_a_configured_target_without_runs_is_an_empty_list(config: Path) -> None:
    shown = webhookd(config, "runs", "--target", "octocat/blog@next", "--json")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "[]\n", "")


def test_without_a_readable_configuration_no_target_is_called_unknown(config: Path) -> None:
    config.write_text(config.read_text() + "workrs: 1\n")
    shown = webhookd(config, "runs", "--target", "octocat/blog@mian")
    assert (shown.exit_code, shown.stderr) == (0, "no runs\n")


def test_for_a_refused_configuration_state_dir_is_not_suggested_to_deploy(config: Path) -> None:
    config.write_text(config.read_text() + "workrs: 1\n")
    refused = webhookd(config, "deploy", "octocat/blog@main")
    assert (refused.exit_code, "--state-dir" in refused.stderr) == (78, False)
