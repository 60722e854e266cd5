"""What `webhookd init` prints: the next steps, with commands for a shell."""

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from configfiles import as_nobody

from webhookd import config
from webhookd.cli import main
from webhookd.models.settings import Config


def init(file: Path, *args: str) -> Result:
    return CliRunner().invoke(main, ["init", "--config", str(file), *args])


def loaded(file: Path) -> Config:
    return config.load(file, env={}, uid=os.getuid())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "webhookd.yaml"


def test_the_next_steps_are_printed(file: Path) -> None:
    result = init(file, "--url", "https://deploy.example.org/")
    assert (result.exit_code, result.stderr) == (0, "")
    secret = file.parent / "secret"
    assert result.stdout.splitlines() == [
        f"wrote a new secret to {secret}, mode 600",
        f"wrote {file.parent}/webhookd.schema.json, for editors",
        f"wrote {file}",
        "",
        "In GitHub, open https://github.com/octocat/blog/settings/hooks/new and fill in:",
        "",
        "  Payload URL   https://deploy.example.org/github-webhook",
        "  Content type  application/json",
        f"  Secret        what this prints: cat {secret}",
        "  Events        Just the push event",
        "  Active        yes",
        "",
        "Then",
        "",
        f"  webhookd check --config {file}",
        f"  webhookd serve --config {file}",
        "",
        "and, while it runs, send a push as GitHub would:",
        "",
        (
            f"  webhookd sign --config {file} --repo octocat/blog --branch main "
            "--send http://127.0.0.1:9000/github-webhook"
        ),
    ]


def test_without_a_url_the_placeholder_is_explained(file: Path) -> None:
    told = init(file).stdout
    assert "Payload URL   https://YOUR-HOST/github-webhook" in told
    assert "YOUR-HOST is a web server with TLS that passes requests on to http://127.0.0.1:9000." in told


@pytest.mark.parametrize("folder", ["my files", "a, b {c}: #"])
def test_the_printed_commands_can_be_pasted_into_a_shell(tmp_path: Path, folder: str) -> None:
    file = tmp_path / folder / "webhookd.yaml"
    told = init(file, "--branch", "x;$(id)").stdout
    assert f"cat '{file.parent}/secret'" in told
    assert f"webhookd serve --config '{file}'" in told
    assert "--branch 'x;$(id)' --send" in told
    assert loaded(file).hooks[0].secrets[0].label == f"file {file.parent}/secret"


def commands(file: Path, program: Sequence[object], **env: str) -> list[str]:
    """Run `init` as *program*, and return the command lines that it prints, without indentation."""
    line = [*map(str, program), "init", "--config", str(file)]
    told = subprocess.run(line, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin", **env})
    return [text.strip() for text in told.stdout.splitlines() if " check" in text or "cat " in text]


def test_the_printed_commands_name_the_program_as_a_shell_finds_it(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("webhookd")

    def told(*called: object, **env: str) -> str:
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}" / "webhookd.yaml"
        return commands(file, called, **env)[1].removesuffix(f" check --config {file}")

    assert told(program) == str(program)
    assert told(program, PATH=str(program.parent)) == "webhookd"
    assert told(sys.executable, "-m", "webhookd") == f"{sys.executable} -m webhookd"


@pytest.mark.skipif(os.getuid() != 0, reason="sudo makes one root")
def test_under_sudo_the_printed_commands_use_sudo(file: Path) -> None:
    cat, check = commands(file, [sys.executable, "-m", "webhookd"], SUDO_UID="1000")
    assert cat.endswith(f"what this prints: sudo cat {file.parent}/secret")
    assert check == f"sudo {sys.executable} -m webhookd check --config {file}"


def test_a_file_found_only_by_the_variable_is_named_in_the_printed_commands(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    told = CliRunner(env={"WEBHOOKD_CONFIG": str(file)}).invoke(main, ["init"]).stdout
    assert file.exists()
    assert f"webhookd serve --config {file}\n" in told


def test_a_default_file_is_named_in_the_printed_commands_if_another_comes_first(open_folder: Path) -> None:
    default = open_folder / "webhookd" / "webhookd.yaml"
    env = {"XDG_CONFIG_HOME": str(open_folder), "WEBHOOKD_CONFIG": None}
    webhookd = partial(CliRunner().invoke, main, ["init", "--config", str(default)])
    with as_nobody():
        assert "webhookd serve\n" in webhookd(env=env).stdout
        default.unlink()
        told = webhookd(env={**env, "WEBHOOKD_CONFIG": "/another.yaml"}).stdout
    assert f"webhookd serve --config {default}\n" in told
