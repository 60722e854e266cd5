"""Targets by name on the command line: which are taken, and what is said of one that is not there."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from configfiles import SECRET, write_config, write_secret
from statefolder import StateFolder

from webhookd.cli import main

REPOS = """
repos:
  octocat/blog: {main: make, next: make, "preview/*": make}
  octocat/shop: {branches: {main: [{name: site, run: make}, {name: docs, run: make}]}}
  octocat/many: {a: x, b: x, c: x, d: x, e: x, f: x, g: x}
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
        (
            "Octocat/blog",
            'did you mean "octocat/blog@main", "octocat/blog@next" or "octocat/blog@preview/*"?',
        ),
        ("octocat/shop@main", 'did you mean "octocat/shop@main:site" or "octocat/shop@main:docs"?'),
        ("octocat/many", "`webhookd status` lists them"),
        ("nosuch", "`webhookd status` lists them"),
    ],
)
def test_of_a_target_that_is_not_there_the_nearest_are_named(
    config: Path, command: list[str], name: str, hint: str
) -> None:
    refused = webhookd(config, *command, name)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f'error: there is no target "{name}"\nhint: {hint}\n'


def test_a_target_that_was_not_paused_can_be_resumed_in_vain(config: Path) -> None:
    shown = webhookd(config, "resume", "octocat/blog@main")
    assert (shown.exit_code, shown.stderr) == (0, 'target "octocat/blog@main" was not paused\n')


def test_a_paused_target_can_be_resumed_after_it_has_left_the_configuration(
    state: StateFolder, config: Path
) -> None:
    state.store.pause("octocat/gone@main", now=state.tick())
    near = webhookd(config, "resume", "octocat/gone@mian")
    assert (near.exit_code, 'did you mean "octocat/gone@main"?' in near.stderr) == (1, True)
    shown = webhookd(config, "resume", "octocat/gone@main")
    assert (shown.exit_code, shown.stderr) == (0, 'target "octocat/gone@main" is resumed\n')
    assert state.store.paused() == ()


def test_without_a_configuration_a_target_is_one_that_ever_ran(state: StateFolder) -> None:
    state.push()
    state.store.pause("octocat/shop@main", now=state.tick())
    assert state.webhookd("resume", "octocat/shop@main").exit_code == 0
    assert state.webhookd("resume", "octocat/blog@main").exit_code == 0
    assert state.webhookd("resume", "octocat/nowhere@main").exit_code == 1


def test_runs_of_a_target_that_has_left_the_configuration_are_listed(
    state: StateFolder, config: Path
) -> None:
    state.push()
    config.write_text(config.read_text().replace("octocat/blog", "octocat/log"))
    assert "octocat/blog@main" in webhookd(config, "runs", "--target", "octocat/blog@main").stdout
    none = webhookd(config, "runs", "--target", "octocat/blog@main", "--state", "failed")
    assert (none.exit_code, none.stderr) == (0, "no runs\n")


def test_a_configured_target_without_runs_has_none(config: Path) -> None:
    shown = webhookd(config, "runs", "--target", "octocat/blog@next", "--json")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "[]\n", "")


def test_a_configuration_that_cannot_be_read_tells_of_no_target_that_it_is_not_there(config: Path) -> None:
    config.write_text(config.read_text() + "workrs: 1\n")
    shown = webhookd(config, "runs", "--target", "octocat/blog@mian")
    assert (shown.exit_code, shown.stderr) == (0, "no runs\n")


def test_a_refused_configuration_is_not_helped_by_naming_the_state_directory(config: Path) -> None:
    config.write_text(config.read_text() + "workrs: 1\n")
    refused = webhookd(config, "deploy", "octocat/blog@main")
    assert (refused.exit_code, "--state-dir" in refused.stderr) == (78, False)
