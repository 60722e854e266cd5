"""`webhookd demo`: deploy one push with the real daemon; nothing to configure, nothing left behind."""

import json
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TypeVar

import click

from webhookd.cli import http_client
from webhookd.cli.demo_repository import DemoRepository
from webhookd.cli.logreader import LogReader
from webhookd.cli.state import open_reader
from webhookd.errors import WebhookdError
from webhookd.intake.samples import Change, SampleSpec
from webhookd.intake.signing import SignedDelivery, sign_sample
from webhookd.models.layout import StateLayout
from webhookd.models.run import Run, RunState
from webhookd.models.settings import Forge, Hook, Secret
from webhookd.report import Step, TerminalFilter, timeline_text

REPO = "demo/site"
COMMAND = "git pull --ff-only"
PREFIX = "webhookd-demo-"
MESSAGE = "Hello from webhookd"
DEADLINE = 20.0  # seconds; usually it takes a tenth of one
LISTENING = re.compile(r"127\.0\.0\.1:([1-9]\d*)")

T = TypeVar("T")


@click.command()
@click.option("--keep", is_flag=True, help="Keep the folder, so that you can look at it.")
def demo(*, keep: bool) -> None:
    """Deploy one push with the real daemon, in a temporary folder, and show each step.

    Exits with 0 only if the pushed commit is in the working copy.
    """
    with _delayed_signals() as end_if_signalled, _folder(keep=keep) as folder:
        repository = DemoRepository(folder)
        repository.prepare()
        key = secrets.token_hex(32)
        config = _configure(folder, repository, key)
        click.echo(f"a bare repository, a working copy of it, and a configuration, in {folder}:\n")
        click.echo(f"  repos:\n    {REPO}:\n      main: {COMMAND}\n")
        with DemoDaemon(
            config, environment=repository.environment, end_if_signalled=end_if_signalled
        ) as daemon:
            _deploy_one_push(folder, repository, daemon, key)


class DemoDaemon:
    """`webhookd serve` on *config*, while this is entered."""

    def __init__(
        self, config: Path, *, environment: dict[str, str], end_if_signalled: Callable[[], None]
    ) -> None:
        self._log = config.with_name("daemon.log")
        self._end_if_signalled = end_if_signalled
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "webhookd", "serve", "--config", str(config)],
                cwd=config.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def port(self) -> int | None:
        """Return the port, once the daemon has logged that it listens."""
        found = LISTENING.search(self._log.read_text(encoding="utf-8", errors="replace"))
        return int(found[1]) if found else None

    def wait_for(self, find: Callable[[], T | None], *, what: str) -> T:
        """Return what *find* finds, as soon as it finds something and while the daemon runs."""
        end = time.monotonic() + DEADLINE
        while (found := find()) is None:
            self._end_if_signalled()
            if self._process.poll() is not None or time.monotonic() > end:
                lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() or ["(empty)"]
                raise WebhookdError(f"{what} never came", hint=f"the daemon's log ends: {lines[-1]}")
            time.sleep(0.01)
        return found


def _deploy_one_push(folder: Path, repository: DemoRepository, daemon: DemoDaemon, key: str) -> None:
    port = daemon.wait_for(daemon.port, what="the daemon's address")
    before, _ = repository.deployed()
    commit = repository.push_commit(MESSAGE)
    click.echo(
        f"webhookd serve listens on 127.0.0.1:{port}; commit {commit[:8]} is pushed to the repository\n"
    )
    signed = _sign(key, before=before, after=commit)
    sent_at = datetime.now(UTC)
    reply = http_client.request(
        f"http://127.0.0.1:{port}", "POST", "/github-webhook", signed.body, signed.headers
    )
    answered_at = datetime.now(UTC)
    if not reply.is_success:
        raise WebhookdError(f"the daemon answered {reply.status}: {reply.body!r}")
    number: int = json.loads(reply.body)["runs"][0]["run"]
    run = daemon.wait_for(lambda: _finished(folder / "state", number), what=f"the end of run {number}")
    steps = [
        Step(at=sent_at, what="signed push sent over HTTP"),
        *_steps(run, began=_command_began(folder)),
        Step(at=answered_at, what=f"answered {reply.status}: run {number} of {run.target} is queued"),
    ]
    click.echo(timeline_text(steps))
    click.echo(f"\nwhat the command printed (webhookd logs {number}):\n\n{_output(folder / 'state', run)}")
    at, page = repository.deployed()
    if at != commit or MESSAGE not in page:
        raise WebhookdError(f"the working copy is at {at[:8]}, not at {commit[:8]}")
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
    content = {
        "secret": {"file": str(secret)},
        "listen": "127.0.0.1:0",
        "state_dir": str(folder / "state"),
        "repos": {REPO: {"branches": {"main": command}}},
    }
    config = folder / "webhookd.yaml"  # JSON is YAML
    config.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return config


def _sign(key: str, *, before: str, after: str) -> SignedDelivery:
    """Make the delivery that GitHub would send for the push, as `webhookd sign` does."""
    secret = Secret(label="the demo's", key=key.encode())
    hook = Hook(name="github", path="/github-webhook", forge=Forge.GITHUB, secrets=(secret,))
    change = Change(before=before, after=after)
    spec = SampleSpec(delivery=str(uuid.uuid4()), repo=REPO, changes=(change,), message=MESSAGE)
    return sign_sample(spec, hook=hook, now=datetime.now(UTC))


def _finished(state_dir: Path, number: int) -> Run | None:
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
        outcome = run.state if run.state is RunState.SUCCEEDED else f"{run.state}, {run.reason}"
        yield Step(at=run.ended_at, what=f"command ended: {outcome}")


def _command_began(folder: Path) -> datetime | None:
    """Read the time of the command's start from Git's trace; None if Git is too old to write one."""
    try:
        first = (folder / "trace").read_text(encoding="utf-8").splitlines()[0]
        return datetime.fromisoformat(json.loads(first)["time"])
    except (FileNotFoundError, IndexError, KeyError, ValueError):
        return None


def _output(state_dir: Path, run: Run) -> str:
    with closing(LogReader(StateLayout(state_dir).attempt(run.run, run.attempt).log)) as log:
        shown = TerminalFilter().feed(b"".join(log.rest()), final=True)
    return "".join(f"  {line}\n" for line in shown.splitlines())


@contextmanager
def _delayed_signals() -> Iterator[Callable[[], None]]:
    """Delay signals that end a process; the yielded function exits if one has come, which cleans up."""
    received: list[int] = []

    def end_if_signalled() -> None:
        if received:
            raise SystemExit(128 + received[0])

    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, _: received.append(number)) for number in ending}
    try:
        yield end_if_signalled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        end_if_signalled()


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    if keep:
        yield Path(tempfile.mkdtemp(prefix=PREFIX))
        return
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        yield Path(name)
