from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner, Result
from configfiles import REPOS, SECRET, as_nobody, write_config
from stores import StateFolder

from webhookd.cli import main


def make_place(folder: Path, name: str, *, settings: str = "") -> Path:
    """Make a state directory with one run, and a configuration with an unreadable secret."""
    state = StateFolder(folder / name)
    state.push(pusher=name)
    state.store.close()
    file = folder / f"{name}.yaml"
    file.write_text(
        f"secret: {{file: /nonexistent/secret}}\nstate_dir: {folder / name}\n{settings}\n"
        "repos:\n  octocat/blog:\n    main: make deploy\n"
    )
    return file


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return make_place(tmp_path, "one"), make_place(tmp_path, "two")


def webhookd(*args: str, config: Path | None = None) -> Result:
    env = {"WEBHOOKD_CONFIG": str(config) if config else None, "HOME": "/nonexistent"}
    return CliRunner().invoke(main, args, env=env)


def test_the_config_may_be_before_or_after_the_command(places: tuple[Path, Path]) -> None:
    one, _ = places
    for args in (("--config", str(one), "runs"), ("runs", "--config", str(one))):
        shown = webhookd(*args)
        assert (shown.exit_code, shown.stderr) == (0, "")
        assert " one " in shown.stdout


def test_the_config_after_the_command_wins(places: tuple[Path, Path]) -> None:
    one, two = places
    assert " two " in webhookd("--config", str(one), "runs", "--config", str(two)).stdout


def test_the_config_on_the_command_line_wins_over_the_variable(places: tuple[Path, Path]) -> None:
    one, two = places
    assert " one " in webhookd("runs", config=one).stdout
    assert " two " in webhookd("runs", "--config", str(two), config=one).stdout


def test_the_state_dir_wins_over_the_config(places: tuple[Path, Path]) -> None:
    one, two = places
    assert " two " in webhookd("runs", "--state-dir", str(two.with_suffix("")), config=one).stdout


def test_the_status_lists_every_target_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    file = make_place(tmp_path, "one")
    file.write_text(file.read_text() + "    next: make next\n")
    last = webhookd("status", config=file).stdout.partition("last run of each target\n")[2]
    assert [line.split()[1:4] for line in last.splitlines()] == [
        [".", "queued", "octocat/blog@main"],
        ["never", "octocat/blog@next"],
    ]


@pytest.mark.parametrize("command", ["runs", "deliveries", "cancel 1"])
def test_a_mistake_in_the_configuration_does_not_hide_the_store(tmp_path: Path, command: str) -> None:
    (tmp_path / "one").mkdir()
    shown = webhookd(*command.split(), config=make_place(tmp_path, "one", settings="workrs: 3"))
    assert "workrs" not in shown.output
    assert shown.exit_code == 0


def test_the_status_reports_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    file = make_place(tmp_path, "one", settings="workrs: 3\nmax_bdy: 1MiB")
    shown = webhookd("status", config=file)
    assert shown.exit_code == 1  # the daemon is down
    assert f'config   refused: {file}:3:1: workrs: unknown key (did you mean "workers"?) (and 1 more)' in (
        shown.stdout.splitlines()
    )
    assert " . queued " in shown.stdout


@pytest.mark.parametrize("command", ["runs", "runs 1", "logs 1", "deliveries", "status", "cancel 1"])
def test_a_file_that_is_no_yaml_does_not_hide_the_store(tmp_path: Path, command: str) -> None:
    (tmp_path / "one").mkdir()
    file = make_place(tmp_path, "one")
    file.write_text(file.read_text() + "workers: [\n")
    shown = webhookd(*command.split(), config=file)
    assert "cannot" not in shown.output
    assert ("not valid YAML" in shown.output) == (command == "status")
    assert shown.exit_code == (1 if command == "status" else 0)  # no daemon runs


@pytest.mark.parametrize(
    "arguments",
    [
        "runs --state failed --state queued",
        "check --explain a/b x --explain a/b y",
        "runs --limit 1 --limit 2",
    ],
)
def test_an_option_that_is_given_twice_is_refused(places: tuple[Path, Path], arguments: str) -> None:
    shown = webhookd(*arguments.split(), config=places[0])
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert f'"{arguments.split()[1]}" is given twice' in shown.stderr


@pytest.mark.parametrize("text", ["state_dir: here\n", "state_dir: [\n", "- a list\n"])
def test_if_the_file_has_no_usable_state_dir_the_hint_is_the_option(tmp_path: Path, text: str) -> None:
    file = tmp_path / "webhookd.yaml"
    file.write_text(text)
    shown = webhookd("runs", config=file)
    assert shown.exit_code == 78
    assert shown.stderr.splitlines()[0].startswith(f"{file}:")
    assert shown.stderr.splitlines()[-1] == "hint: name the state directory instead: --state-dir DIR"


def test_a_missing_configuration_is_refused(tmp_path: Path) -> None:
    shown = webhookd("runs", config=tmp_path / "gone.yaml")
    assert shown.exit_code == 78
    assert str(tmp_path / "gone.yaml") in shown.stderr


def test_a_file_that_this_user_may_not_read_is_refused_as_a_configuration() -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = write_config(Path(folder), SECRET + REPOS)
        file.chmod(0)
        webhookd("check", "--config", str(file))  # imports all that another user may not read
        with as_nobody():
            shown = webhookd("check", "--config", str(file))
    assert shown.exit_code == 78
    assert "may not read this file" in shown.stderr


@pytest.mark.parametrize("option", ["--config", "--state-dir"])
def test_an_empty_name_is_refused(places: tuple[Path, Path], option: str) -> None:
    shown = webhookd("runs", option, "", config=places[0])
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert f"{option}: the name is empty\n" in shown.stderr.replace('"', "")


@pytest.mark.parametrize(
    ("args", "command"),
    [
        (["check", "--explain"], "webhookd check"),
        (["init", "--repo"], "webhookd init"),
        (["--config"], "webhookd"),
    ],
)
def test_for_an_option_without_its_value_the_hint_is_the_commands_help(args: list[str], command: str) -> None:
    shown = CliRunner().invoke(main, args, prog_name="webhookd")
    assert (shown.exit_code, shown.stderr.splitlines()[1]) == (2, f"hint: see `{command} --help`")


HUGE = "9" * 20  # more than 2**63, which is where the numbers of the store end
INVALID = (HUGE, "9" * 5000, "x", "0", "01", "-1", "1.5", "1_0", "", "\x1b[2J", "\N{ARABIC-INDIC DIGIT ONE}")


@pytest.mark.parametrize(
    ("args", "place"),
    [
        *(([command, HUGE], "RUN") for command in ("runs", "logs", "cancel", "rerun")),
        (["runs", "--before", HUGE], "--before"),
        (["deliveries", "--before", HUGE], "--before"),
        (["deliveries", "--limit", HUGE], "--limit"),
        (["logs", "1", "--attempt", HUGE], "--attempt"),
        *((["runs", "--limit", text], "--limit") for text in INVALID),
    ],
)
def test_an_invalid_number_is_reported_with_its_place(
    state: StateFolder, args: list[str], place: str
) -> None:
    shown = state.webhookd(*args)
    assert (shown.exit_code, shown.stdout) == (2, "")
    seen = args[-1].replace("\x1b", "\\x1b")
    problem = f'"{seen}" is not a whole number from 1 up with at most 18 digits'
    assert shown.stderr.splitlines()[0] == f"error: {place}: {problem}"
