import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from configfiles import write_secret

from webhookd import __version__
from webhookd.cli import COMMANDS, main
from webhookd.cli.group import CommandGroup, LazyCommand
from webhookd.errors import ConfigError, NotFound, Problem, WebhookdError

HEAVY = ("flask", "waitress", "pydantic", "sqlite3", "yaml", "asyncio", "ssl", "http.client", "structlog")
PROBLEMS = tuple(
    Problem(file="w.yaml", line=line, column=1, key="repos", message="is no mapping", hint="write a name")
    for line in (3, 7)
)

TALKER = """
import click
from webhookd.cli.group import CommandGroup

@click.group(cls=CommandGroup)
@click.option("--debug", is_flag=True)
def group(debug): pass

@group.command()
def talk():
    for _ in range(20_000): click.echo("Zoë 山")

group(["talk"])
"""


def run_program(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "webhookd", *args]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, text=True, check=False, timeout=30, **streams)  # type: ignore[call-overload,no-any-return]


def ending_with(error: BaseException, *args: str) -> tuple[int, str]:
    """Run a command that raises *error* under a command group; return exit code and stderr."""

    @click.command()
    def fail() -> None:
        raise error

    @click.group(cls=CommandGroup)
    @click.option("--debug", is_flag=True)
    def group(*, debug: bool) -> None:
        """A group instead of `webhookd`."""

    group.add_command(fail)
    result = CliRunner().invoke(group, [*args, "fail"])
    assert result.stdout == ""
    return result.exit_code, result.stderr


def test_an_error_is_reported_as_a_sentence_and_a_hint() -> None:
    error = NotFound("there is no run 12", hint="`webhookd runs` lists them")
    assert ending_with(error) == (1, "error: there is no run 12\nhint: `webhookd runs` lists them\n")


def test_a_traceback_moves_no_cursor() -> None:
    _, said = ending_with(RuntimeError("x\n\x1b[2J"), "--debug")
    assert "Traceback" in said
    assert all(line.isprintable() for line in said.splitlines())


def test_an_error_without_a_hint_is_one_line() -> None:
    assert ending_with(WebhookdError("the disk is full")) == (1, "error: the disk is full\n")


def test_a_bad_configuration_lists_every_problem_and_exits_with_78() -> None:
    assert ending_with(ConfigError(PROBLEMS)) == (
        78,
        "w.yaml:3:1: repos: is no mapping (write a name)\nw.yaml:7:1: repos: is no mapping (write a name)\n",
    )


def test_an_unexpected_error_is_reported_as_a_sentence() -> None:
    assert ending_with(KeyError("x")) == (
        1,
        "error: KeyError: 'x'\nhint: `webhookd --debug COMMAND` shows the traceback\n",
    )


def test_an_error_of_the_operating_system_names_the_file() -> None:
    code, said = ending_with(PermissionError(13, "Permission denied", "/etc/webhookd/webhookd.yaml"))
    assert (code, said.strip()) == (1, 'error: permission denied: "/etc/webhookd/webhookd.yaml"')


def test_debug_shows_the_traceback() -> None:
    code, said = ending_with(KeyError("x"), "--debug")
    assert code == 1
    assert said.startswith("Traceback (most recent call last):")
    assert said.endswith("\nerror: KeyError: 'x'\n")


def test_an_interrupt_prints_nothing_and_exits_with_130() -> None:
    assert ending_with(KeyboardInterrupt()) == (130, "")


@pytest.mark.parametrize(
    ("args", "error", "hint"),
    [
        (["--colour"], 'no such option "--colour"', "see `webhookd --help`"),
        (["frobnicate"], 'no such command "frobnicate"', "see `webhookd --help`"),
        (["serv"], 'no such command "serv". Did you mean "serve"?', "see `webhookd --help`"),
        (
            ["runs", "--stat"],
            'no such option "--stat". (Did you mean one of: "--state", "--state-dir", "--target"?)',
            "see `webhookd runs --help`",
        ),
        (["check", "extra"], "got unexpected extra argument (extra)", "see `webhookd check --help`"),
        (
            ["logs", "x"],
            'RUN: "x" is not a whole number from 1 up with at most 18 digits',
            "see `webhookd logs --help`",
        ),
        (
            ["sign", "--format", "x"],
            '--format: "x" is not one of "headers", "curl", "json"',
            "see `webhookd sign --help`",
        ),
        (["logs"], 'missing argument "RUN"', "see `webhookd logs --help`"),
    ],
)
def test_a_wrong_command_line_is_reported_like_any_other_error(
    args: list[str], error: str, hint: str
) -> None:
    result = CliRunner().invoke(main, args, prog_name="webhookd")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {error}\nhint: {hint}\n"


def test_without_a_command_the_help_is_shown() -> None:
    result = CliRunner().invoke(main, [], prog_name="webhookd")
    assert result.exit_code == 2
    assert result.output.startswith("Usage: webhookd ")


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(main, ["--version"], prog_name="webhookd").stdout == f"webhookd {__version__}\n"


def test_help_lists_every_command_in_its_order() -> None:
    section = CliRunner().invoke(main, ["--help"]).stdout.partition("Commands:\n")[2]
    assert [line.split()[0] for line in section.splitlines()] == [command.name for command in COMMANDS]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_every_listed_command_exists_and_has_a_short_help(command: LazyCommand) -> None:
    real = command.load()
    assert real.name == command.name
    assert real.get_short_help_str(limit=1000)


def imported_by(*args: object) -> set[str]:
    """Return the modules that a command line imports."""
    code = f"""
import sys
before = set(sys.modules)  # whatever measures coverage has imported
import webhookd.cli
try:
    webhookd.cli.main({[*map(str, args)]})
except SystemExit:
    print()
    print(*sys.modules.keys() - before)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(shown.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arg", ["--help", "--version", "nonsense"])
def test_help_version_and_a_wrong_command_import_nothing_heavy(arg: str) -> None:
    modules = imported_by(arg)
    assert "click" in modules
    assert modules.isdisjoint({*HEAVY, "webhookd.models"})


@pytest.mark.parametrize("command", ["sign", "verify"])
def test_nothing_heavy_is_imported_for_a_forge_and_a_secret(command: str, tmp_path: Path) -> None:
    (tmp_path / "payload").write_text("{}")
    modules = imported_by(command, tmp_path / "payload", "--secret-file", write_secret(tmp_path))
    assert "webhookd.models.settings" in modules
    assert modules.isdisjoint({*HEAVY, "urllib.request", "webhookd.models.run"})


def test_a_reader_that_closes_the_pipe_early_is_no_error() -> None:
    pipeline = f'set -o pipefail; {sys.executable} -c "$PROGRAM" | head -n 1'
    shown = subprocess.run(
        ["bash", "-c", pipeline],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PROGRAM": TALKER},
    )
    assert (shown.stdout, shown.stderr, shown.returncode) == ("Zoë 山\n", "", 141)


def test_a_full_disk_behind_stdout_is_reported_once() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", TALKER], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "error: no space left on device\n"


def test_a_full_disk_behind_the_help_is_reported_too() -> None:
    with Path("/dev/full").open("w") as full:
        done = run_program("--help", stdout=full)
    assert (done.returncode, done.stderr) == (1, "error: no space left on device\n")


def test_a_character_the_terminal_cannot_show_is_escaped() -> None:
    env = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    shown = subprocess.run([sys.executable, "-c", TALKER], capture_output=True, check=True, env=env)
    assert shown.stdout.splitlines()[0] == b"Zo\xeb \\u5c71"


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("webhookd stat", "plain,status"),
        ("webhookd runs --st", "plain,--state-dir\nplain,--state"),
        ("webhookd check --config /etc", "file,/etc"),
        ("webhookd verify /etc", "file,/etc"),
    ],
)
def test_the_shell_completes_commands_options_and_files(line: str, completed: str) -> None:
    place = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    env = {**os.environ, "_WEBHOOKD_COMPLETE": "bash_complete", **place}
    assert run_program(env=env).stdout == f"{completed}\n"
