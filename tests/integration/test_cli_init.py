"""The files that `webhookd init` writes, and the options that it refuses."""

import json
import os
import pwd
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result
from configfiles import as_nobody

from webhookd import config
from webhookd.cli import main
from webhookd.models.settings import Config


def init(file: Path, *args: str) -> Result:
    return CliRunner().invoke(main, ["init", "--config", str(file), *args])


def loaded(file: Path) -> Config:
    return config.load(file, env={}, uid=os.getuid())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "webhookd.yaml"


def test_the_written_configuration_loads_without_a_warning(file: Path) -> None:
    assert init(file).exit_code == 0
    written = loaded(file)
    assert written.warnings == ()
    assert [(h.name, h.path) for h in written.hooks] == [("github", "/github-webhook")]
    assert [(t.name, t.run) for r in written.repositories for t in r.targets] == [
        ("octocat/blog@main", 'echo "a push to $WEBHOOKD_REPO: here $WEBHOOKD_COMMIT would be deployed"')
    ]


def test_the_secret_is_new_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    made = set()
    for name in ("a", "b"):
        printed = init(tmp_path / name / "webhookd.yaml").output
        secret = (tmp_path / name / "secret").read_text()
        assert (secret[-1], len(bytes.fromhex(secret)), secret.strip() in printed) == ("\n", 32, False)
        assert mode(tmp_path / name / "secret") == 0o600
        made.add(secret)
    assert len(made) == 2


def test_the_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    for umask in (0o000, 0o077):
        file = tmp_path / f"{umask:o}" / "webhookd.yaml"
        before = os.umask(umask)
        try:
            init(file)
        finally:
            os.umask(before)
        modes = [mode(path) for path in (file, file.parent / "secret", file.parent)]
        assert modes == [0o644, 0o600, 0o755 if os.getuid() == 0 else 0o700]


def test_the_first_line_names_a_schema_that_accepts_the_file(file: Path) -> None:
    init(file, "--cwd", "/srv")
    name = file.read_text().splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    schema = json.loads((file.parent / name).read_text())
    assert schema == config.json_schema()
    jsonschema.validate(yaml.safe_load(file.read_text()), schema)
    (file.parent / name).write_text("{}")
    assert init(file, "--force").exit_code == 0
    assert (file.parent / name).read_text() == "{}"  # nothing is overwritten


def test_the_secret_can_be_in_a_variable(file: Path) -> None:
    told = init(file, "--secret-env", "HOOK_SECRET").stdout
    assert "  Secret        the value of $HOOK_SECRET\n" in told
    assert not (file.parent / "secret").exists()
    env = {"HOOK_SECRET": "s" * 32}
    assert config.load(file, env=env, uid=os.getuid()).hooks[0].secrets[0].key == b"s" * 32
    refused = init(file, "--force", "--secret-env", "$HOOK")
    assert (refused.exit_code, "HOOK" in refused.stderr) == (2, False)


def test_the_command_can_start_in_a_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init(file, "--run", "make: x", "--cwd", "/srv/my blog")
    (target,) = loaded(file).targets
    assert (target.run, target.cwd) == ("make: x", Path("/srv/my blog"))
    monkeypatch.chdir(file.parent)
    init(file, "--force", "--cwd", ".")
    assert loaded(file).targets[0].cwd == file.parent


@pytest.mark.parametrize(
    "run",
    [
        *("make deploy", "true", "12", "*", "- x", "%", "{a: b}", "tab\there", "echo Zoë 山 \\n"),
        *("echo 'a: b' # \"c\"", "line one\nline two: [x]", "x" * 300 + " " + "y" * 300),
    ],
)
def test_a_command_is_written_unchanged(file: Path, run: str) -> None:
    assert init(file, "--run", run).exit_code == 0
    assert [t.run for r in loaded(file).repositories for t in r.targets] == [run]


@pytest.mark.parametrize(
    ("repo", "branch"),
    [
        *(("group/sub/project", "main"), ("octocat/*", "preview/**")),
        *(("a/b", "on"), ("a/b", "1.10"), ("a/b", "x;$(id)")),
    ],
)
def test_repository_and_branch_are_written_unchanged(file: Path, repo: str, branch: str) -> None:
    result = init(file, "--repo", repo, "--branch", branch)
    assert result.exit_code == 0
    assert [(t.repo, t.pattern) for r in loaded(file).repositories for t in r.targets] == [(repo, branch)]


def test_the_files_are_written_even_if_nobody_reads_stdout(file: Path) -> None:
    command = [sys.executable, "-m", "webhookd", "init", "--config", str(file)]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")
    assert loaded(file).warnings == ()


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    result = init(tmp_path, "--force")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f'error: "{tmp_path}" is a folder\nhint: name the file in it: {tmp_path}/webhookd.yaml\n'
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--repo", "blog"],
            'error: "blog" has no owner\nhint: write owner/blog, or ** for every repository\n',
        ),
        (
            ["--branch", "refs/heads/x"],
            'error: "refs/heads/x" is a full ref, not a name\nhint: write x\n',
        ),
        (["--run", " "], 'error: --run is empty\nhint: a command that does nothing is "true"\n'),
        (
            ["--url", "deploy.example.org"],
            'error: "deploy.example.org" is not a web address\nhint: write https://HOST\n',
        ),
    ],
)
def test_invalid_options_are_refused(file: Path, args: list[str], message: str) -> None:
    result = init(file, *args)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", message)
    assert not file.parent.exists()


def test_nothing_is_overwritten(file: Path) -> None:
    init(file)
    before = {path: path.read_bytes() for path in file.parent.iterdir()}
    result = init(file, "--branch", "dev")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f'error: "{file}" exists already\nhint: --force renames it; --config FILE writes another file\n'
    )
    assert {path: path.read_bytes() for path in file.parent.iterdir()} == before


def test_force_renames_older_files_and_keeps_the_secret(file: Path) -> None:
    file.parent.mkdir(parents=True)
    (file.parent / "secret").write_text("the secret that GitHub knows\n")
    init(file, "--branch", "one")
    for number, branch in enumerate(["two", "three"], start=1):
        result = init(file, "--branch", branch, "--force")
        assert result.stdout.splitlines()[:2] == [
            f"renamed the old configuration to {file}.{number}",
            f"kept the secret in {file.parent}/secret",
        ]
    assert loaded(file).hooks[0].secrets[0].key == b"the secret that GitHub knows"
    names = [Path(f"{file}{suffix}") for suffix in (".1", ".2", "")]
    assert [loaded(name).repositories[0].targets[0].pattern for name in names] == ["one", "two", "three"]


@pytest.mark.parametrize("text", ["", "- a list\n"])
def test_the_command_that_check_names_for_a_file_without_keys_replaces_it(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(text)
    told = CliRunner().invoke(main, ["check", "--config", str(file)]).stderr
    command = told.split("`")[1]
    assert CliRunner().invoke(main, shlex.split(command)[1:]).exit_code == 0
    assert (loaded(file).warnings, Path(f"{file}.1").read_text()) == ((), text)


def test_an_empty_secret_is_replaced(file: Path) -> None:
    file.parent.mkdir(parents=True)
    secret = file.parent / "secret"
    secret.touch()
    assert init(file).stdout.startswith(f"wrote a new secret to {secret}, mode 600\n")
    assert (mode(secret), loaded(file).warnings) == (0o600, ())


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = init(tmp_path / "file" / "webhookd.yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f'error: "{tmp_path}/file/secret" cannot be written: not a directory',
        "hint: try another user, or another place: --config FILE",
    ]


def test_a_user_gets_a_configuration_of_their_own(tmp_path: Path, open_folder: Path) -> None:
    init(tmp_path / "webhookd.yaml")  # imports all that another user may not read
    config.load(tmp_path / "webhookd.yaml", env={}, uid=0)
    env = {"HOME": str(open_folder), "XDG_CONFIG_HOME": None, "WEBHOOKD_CONFIG": None}
    with as_nobody() as uid:
        result = CliRunner(env=env).invoke(main, ["init"])
        written = config.load(config.find(None, env={"HOME": str(open_folder)}, uid=uid), env={}, uid=uid)
    assert (result.exit_code, result.stderr) == (0, "")
    assert written.file == open_folder / ".config" / "webhookd" / "webhookd.yaml"
    assert (mode(written.file.parent), written.file.stat().st_uid) == (0o700, uid)
    assert "  webhookd serve\n" in result.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_the_secret_belongs_to_the_user_of_the_service(file: Path) -> None:
    init(file)
    try:
        owner = pwd.getpwnam("webhookd").pw_uid
    except KeyError:
        owner = 0
    assert (file.parent / "secret").stat().st_uid == owner
    assert file.stat().st_uid == 0
