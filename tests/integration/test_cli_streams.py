"""Commands whose standard streams are closed or full, as real processes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from configfiles import REPOS, SECRET, write_config, write_secret
from stores import StateFolder

PROGRAM = f"{sys.executable} -m webhookd"


@pytest.fixture
def config(state: StateFolder) -> Path:
    write_secret(state.path)
    return write_config(state.path, f"state_dir: {state.path}\n{SECRET}{REPOS}")


def shell(line: str, config: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell command line in which `webhookd` is this program, with *config*."""
    env = {"WEBHOOKD_CONFIG": str(config), "PATH": "/usr/bin:/bin"}
    script = f'webhookd() {{ {PROGRAM} "$@"; }}; {line}'
    command = ["/bin/sh", "-c", script]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize(
    "command",
    ["runs", "check", "schema", "deliveries", "pause octocat/blog@main", "deploy octocat/blog@main"],
)
def test_a_closed_stdout_is_no_error(config: Path, command: str) -> None:
    done = shell(f"webhookd {command} >&-", config)
    assert done.returncode == 0
    assert "error" not in done.stderr


def test_a_closed_stderr_is_no_error(config: Path) -> None:
    done = shell("webhookd deploy octocat/blog@main 2>&-", config)
    assert (done.returncode, done.stdout) == (0, "1\n")


def test_with_all_streams_closed_no_file_gets_their_numbers(state: StateFolder, config: Path) -> None:
    assert shell("webhookd deploy octocat/blog@main <&- >&- 2>&-", config).returncode == 0
    assert [run.target for run in state.store.runs()] == ["octocat/blog@main"]
    assert state.store.check() == ()


@pytest.mark.parametrize("command", ["sign", "verify"])
def test_a_closed_stdin_is_reported_if_it_has_to_be_read(config: Path, command: str) -> None:
    done = shell(f"webhookd {command} - <&-", config)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the payload cannot be read: standard input is closed\n"
        "hint: name a file, or redirect one: < FILE\n"
    )


def test_a_closed_stdin_does_not_matter_if_nothing_is_read(config: Path) -> None:
    assert json.loads(shell("webhookd runs --json <&-", config).stdout) == []


@pytest.mark.parametrize("command", ["deploy octocat/blog@main", "rerun 1"])
def test_if_stdout_is_full_the_run_number_is_on_stderr(
    state: StateFolder, config: Path, command: str
) -> None:
    state.push()
    state.start()
    state.end(1)
    done = shell(f"webhookd {command} >/dev/full", config)
    assert done.returncode == 1
    assert "`webhookd logs -f 2` shows it\n" in done.stderr
    assert done.stderr.endswith("error: no space left on device\n")


def test_a_full_stderr_does_not_suppress_the_data(config: Path) -> None:
    done = shell("webhookd deploy octocat/blog@main 2>/dev/full", config)
    assert (done.returncode, done.stdout) == (0, "1\n")
