"""Every forge with one running daemon: deliveries of `sign` are stored and run, wrong keys are refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from daemon import Daemon

from webhookd.cli import main
from webhookd.models.settings import Forge

SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOKS = """
hooks:
  gitea: {secret: {file: other}}
  forgejo: {secret: {file: other}}
  gogs: {secret: {file: other}}
  gitlab: {token: {file: other}, secret: {file: signing}}
  bitbucket: {secret: {file: other}}
  bitbucket-dc: {secret: {file: other}}
"""
REPOSITORY = """
  octocat/{name}:
    hook: {name}
    branches: {{"**": {{run: {command}, on_delete: {command}}}}}
    tags: {{"v*": {{run: {command}, on_delete: {command}}}}}
"""
COMMAND = """'printf "%s %s %s\\n" $WEBHOOKD_FORGE $WEBHOOKD_REF $WEBHOOKD_DELETED >> {told}'"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("every-forge")
    for name, key in (("other", "another secret of some length\n"), ("signing", SIGNING)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(key)
    command = COMMAND.format(told=folder / "told")
    repositories = "".join(REPOSITORY.format(name=name, command=command) for name in Forge)
    started = Daemon(folder, repositories, settings=HOOKS).start()
    yield started
    started.close()


def send(daemon: Daemon, name: Forge, *args: str) -> Result:
    url = f"http://127.0.0.1:{daemon.port}/{name}-webhook"
    command = ["sign", "--config", str(daemon.config), "--repo", f"octocat/{name}", "--send", url, *args]
    return CliRunner().invoke(main, command)


def told(daemon: Daemon, line: str) -> int:
    """Return how many commands wrote *line*, when all have ended."""
    daemon.wait_until_idle()
    return (daemon.folder / "told").read_text().splitlines().count(line)


CHANGES = {
    "update": (["--branch", "feature/x"], "refs/heads/feature/x false"),
    "creation": (["--branch", "feature/y", "--created"], "refs/heads/feature/y false"),
    "deletion": (["--branch", "feature/z", "--event", "delete"], "refs/heads/feature/z true"),
    "tag": (["--tag", "v1"], "refs/tags/v1 false"),
    "deletion of a tag": (["--tag", "v2", "--deleted"], "refs/tags/v2 true"),
}


@pytest.mark.parametrize("name", Forge)
def test_every_kind_of_change_runs_its_command(name: Forge, daemon: Daemon) -> None:
    for args, _ in CHANGES.values():
        answer = send(daemon, name, *args)
        assert answer.stdout.startswith("202 "), answer.output
    assert [told(daemon, f"{name} {line}") for _, line in CHANGES.values()] == [1] * len(CHANGES)


@pytest.mark.parametrize("name", [Forge.GITHUB, Forge.GITEA, Forge.FORGEJO, Forge.GOGS])
def test_a_form_runs_its_command(name: Forge, daemon: Daemon) -> None:
    assert send(daemon, name, "--form", "--branch", "form").stdout.startswith("202 ")
    assert told(daemon, f"{name} refs/heads/form false") == 1


@pytest.mark.parametrize("name", [Forge.BITBUCKET, Forge.BITBUCKET_DC])
def test_every_ref_of_one_delivery_runs(name: Forge, daemon: Daemon) -> None:
    answer = send(daemon, name, "--branch", "a", "--branch", "b", "--tag", "v3")
    assert len(json.loads(answer.stdout.partition("\n")[2])["runs"]) == 3
    assert send(daemon, name, "--empty").stdout.startswith("200 ")


@pytest.mark.parametrize("name", Forge)
def test_a_redelivery_does_not_run_twice_at_once(name: Forge, daemon: Daemon) -> None:
    args = ("--branch", "again", "--delivery", f"again-{name}")
    assert send(daemon, name, *args).stdout.startswith("202 ")
    assert send(daemon, name, *args).stdout.startswith("200 ")


@pytest.mark.parametrize("name", [name for name in Forge if name not in {Forge.GITLAB, Forge.BITBUCKET}])
def test_a_ping_runs_nothing(name: Forge, daemon: Daemon) -> None:
    assert '"status":"ignored"' in send(daemon, name, "--event", "ping").stdout.replace(" ", "")


@pytest.mark.parametrize("name", Forge)
def test_another_key_is_refused(name: Forge, daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong")
    url = f"http://127.0.0.1:{daemon.port}/{name}-webhook"
    command = ["sign", "--forge", str(name), "--secret-file", str(tmp_path / "wrong"), "--send", url]
    answer = CliRunner().invoke(main, command)
    assert answer.stdout.startswith("401 Unauthorized\n"), answer.output
    assert answer.exit_code == 1
