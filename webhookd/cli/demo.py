"""`webhookd demo`: the main job in one command, with nothing configured and nothing left behind."""

import json
import secrets
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import click

from webhookd.cli.demo_daemon import DemoDaemon, demo_daemon
from webhookd.cli.demo_repository import DemoRepository
from webhookd.cli.logreader import LogReader
from webhookd.cli.state import log_file, open_reader
from webhookd.cli.unwinding import Unwinding
from webhookd.errors import WebhookdError
from webhookd.intake.samples import Change, SampleSpec
from webhookd.intake.signing import SignedDelivery, sign_sample
from webhookd.models import Forge, Hook, Run, RunState, Secret
from webhookd.report import Step, TerminalFilter, timeline_text

REPO = "demo/site"
COMMAND = "git pull --ff-only"
PREFIX = "webhookd-demo-"
MESSAGE = "Hello from webhookd"


@click.command()
@click.option("--keep", is_flag=True, help="Keep the folder, to look around in it.")
def demo(*, keep: bool) -> None:
    """Deploy one push with the real daemon, in a temporary folder, and show the way it took.

    Exits with 0 only if the pushed commit really is in the working copy.
    """
    with Unwinding() as unwinding, _folder(keep=keep) as folder:
        repository = DemoRepository(folder)
        repository.prepare()
        key = secrets.token_hex(32)
        config = _configure(folder, repository, key)
        click.echo(f"a bare repository, a working copy of it, and a configuration, in {folder}:\n")
        click.echo(f"  repos:\n    {REPO}:\n      main: {COMMAND}\n")
        with demo_daemon(config, environment=repository.environment, unwinding=unwinding) as daemon:
            _deploy_one_push(folder, repository, daemon, key)


def _deploy_one_push(folder: Path, repository: DemoRepository, daemon: DemoDaemon, key: str) -> None:
    port = daemon.port()
    before, _ = repository.deployed()
    commit = repository.push_commit(MESSAGE)
    click.echo(
        f"webhookd serve listens on 127.0.0.1:{port}; commit {commit[:8]} is pushed to the repository\n"
    )
    sent_at = datetime.now(UTC)
    answer = _send(_sign(key, before=before, after=commit), port=port)
    answered_at = datetime.now(UTC)
    number = answer["runs"][0]["run"]
    run = daemon.wait_for(lambda: _ended(folder / "state", number), what=f"the end of run {number}")
    steps = [
        Step(at=sent_at, what="signed push sent over HTTP"),
        *_steps(run, began=_command_began(folder)),
        Step(at=answered_at, what=f"answered 202: run {number} of {run.target} is queued"),
    ]
    click.echo(timeline_text(steps))
    click.echo(f"\nwhat the command printed (webhookd logs {number}):\n\n{_output(folder / 'state', run)}")
    _make_sure(repository, commit)
    click.echo(f"the working copy is at {commit[:8]}: deployed")


def _configure(folder: Path, repository: DemoRepository, key: str) -> Path:
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text(key, encoding="ascii")
    command = {
        "run": COMMAND,
        "cwd": str(repository.working_copy),
        "timeout": 10,
        "env": repository.environment | {"GIT_TRACE2_EVENT": str(folder / "trace")},
    }
    config = folder / "webhookd.yaml"  # JSON is YAML
    content = {
        "secret": {"file": str(secret)},
        "listen": "127.0.0.1:0",
        "state_dir": str(folder / "state"),
        "repos": {REPO: {"branches": {"main": command}}},
    }
    config.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return config


def _sign(key: str, *, before: str, after: str) -> SignedDelivery:
    """Make the delivery that GitHub would send for the push, as `webhookd sign` does."""
    secret = Secret(label="the demo's", key=key.encode())
    hook = Hook(name="github", path="/github-webhook", forge=Forge.GITHUB, secrets=(secret,))
    change = Change(before=before, after=after)
    spec = SampleSpec(delivery=str(uuid.uuid4()), repo=REPO, changes=(change,), message=MESSAGE)
    return sign_sample(spec, hook=hook, now=datetime.now(UTC))


def _send(delivery: SignedDelivery, *, port: int) -> dict[str, list[dict[str, int]]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/github-webhook", delivery.body, dict(delivery.headers))
        response = connection.getresponse()
        answer: dict[str, list[dict[str, int]]] = json.loads(response.read())
    finally:
        connection.close()
    if response.status != 202:  # noqa: PLR2004 - Accepted
        raise WebhookdError(f"the daemon answered {response.status}: {answer}")
    return answer


def _ended(state_dir: Path, number: int) -> Run | None:
    with open_reader(state_dir) as store:
        run = store.run(number)
    return None if run.ended_at is None else run


def _steps(run: Run, *, began: datetime | None) -> Iterator[Step]:
    yield Step(at=run.queued_at, what="signature verified, rule found, run stored")
    if run.started_at:
        yield Step(at=run.started_at, what="run claimed, its supervisor started")
    if began:
        yield Step(at=began, what=f"command started: {COMMAND}")
    if run.ended_at:
        said = run.state if run.state is RunState.SUCCEEDED else f"{run.state}, {run.reason}"
        yield Step(at=run.ended_at, what=f"command ended: {said}")


def _command_began(folder: Path) -> datetime | None:
    """Read from Git's own trace when it began; None where Git is too old to tell."""
    try:
        first = (folder / "trace").read_text(encoding="utf-8").splitlines()[0]
        return datetime.fromisoformat(json.loads(first)["time"])
    except (FileNotFoundError, IndexError, KeyError, ValueError):
        return None


def _output(state_dir: Path, run: Run) -> str:
    with LogReader(log_file(state_dir, run.run, run.attempt)) as log:
        shown = TerminalFilter().feed(b"".join(log.rest()), final=True)
    return "".join(f"  {line}\n" for line in shown.splitlines())


def _make_sure(repository: DemoRepository, commit: str) -> None:
    at, page = repository.deployed()
    if at != commit or MESSAGE not in page:
        raise WebhookdError(f"the working copy is at {at[:8]}, not at {commit[:8]}")


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    if keep:
        yield Path(tempfile.mkdtemp(prefix=PREFIX))
        return
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        yield Path(name)
