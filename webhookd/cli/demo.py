"""`webhookd demo`: deploy one push with the real daemon; nothing to configure, nothing left behind."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from webhookd import config
from webhookd.cli import http_client
from webhookd.cli.state import open_reader
from webhookd.errors import WebhookdError
from webhookd.intake.samples import Change, SampleSpec
from webhookd.intake.signing import SignedDelivery, sign_sample
from webhookd.models.layout import StateLayout
from webhookd.models.run import Run, RunState
from webhookd.report.text import TerminalFilter, timeline_text

REPO = "demo/site"
COMMAND = "git pull --ff-only"
PREFIX = "webhookd-demo-"
MESSAGE = "Hello from webhookd"
PAGE = "index.html"
LOG, STATE = "daemon.log", "state"  # beside the configuration
DEADLINE = 20.0  # seconds; usually it takes a tenth of one
LISTENING = re.compile(r"127\.0\.0\.1:([1-9]\d*)")
GIT_ENVIRONMENT = {  # git, also the deploy command's, reads only the repository's own settings
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

T = TypeVar("T")


@click.command()
@click.option("--keep", is_flag=True, help="Keep the folder, so that you can look at it.")
def demo(*, keep: bool) -> None:
    """Deploy one push with the real daemon, in a temporary folder, and show each step.

    Exits with 0 only if the pushed commit is in the working copy.
    """
    for number in ENDING:
        signal.signal(number, _exit_on_signal)
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        if not keep:
            stack.callback(shutil.rmtree, folder)
        create_repositories(folder)
        file = _configure(folder)
        click.echo(f"a repository, a working copy of it, and a configuration, in {folder}:\n")
        click.echo(f"  repos:\n    {REPO}:\n      main: {COMMAND}\n")
        _deploy_one_push(folder, file, stack.enter_context(_daemon(file)))


def _deploy_one_push(folder: Path, file: Path, daemon: "subprocess.Popen[bytes]") -> None:
    log = folder / LOG
    address = _wait_for(lambda: LISTENING.search(log.read_text()), daemon, log, what="its address")[0]
    before, _ = deployed(folder)
    commit = commit_page(folder, MESSAGE)
    click.echo(f"webhookd serve listens on {address}; commit {commit[:8]} is in the repository\n")
    signed = _sign(file, before=before, after=commit)
    sent_at = datetime.now(UTC)
    reply = http_client.request(f"http://{address}", "POST", "/github-webhook", signed.body, signed.headers)
    answered_at = datetime.now(UTC)
    if not reply.is_success:
        raise WebhookdError(f"the daemon answered {reply.status}: {reply.body!r}")
    number: int = json.loads(reply.body)["runs"][0]["run"]
    run = _wait_for(lambda: _ended(folder, number), daemon, log, what=f"the end of run {number}")
    steps = [
        (sent_at, "signed push sent over HTTP"),
        *_steps(run),
        (answered_at, f"answered {reply.status}: run {number} of {run.target} is queued"),
    ]
    click.echo(timeline_text(steps))
    output = StateLayout(folder / STATE).attempt(run.run, run.attempt).log.read_bytes()
    click.echo(f"\nwhat the command printed (webhookd logs {number}):\n")
    for line in TerminalFilter().feed(output, final=True).splitlines():
        click.echo(f"  {line}")
    at, page = deployed(folder)
    if at != commit or MESSAGE not in page:
        raise WebhookdError(f"the working copy is at {at[:8]}, not at {commit[:8]}")
    click.echo(f"\nthe working copy is at {commit[:8]}: deployed")


# -- git


def create_repositories(folder: Path) -> None:
    """Create a repository with a first commit in *folder*, and a working copy of it."""
    _git(folder, "init", "--quiet", "origin")
    _git(folder, "-C", "origin", "symbolic-ref", "HEAD", "refs/heads/main")
    commit_page(folder, "First page")
    _git(folder, "clone", "--quiet", "origin", "site")


def commit_page(folder: Path, text: str) -> str:
    """Commit a new page to the repository, and return the commit's id."""
    (folder / "origin" / PAGE).write_text(f"<h1>{text}</h1>\n", encoding="utf-8")
    author = ("-c", "user.name=Demo", "-c", "user.email=demo@example.org", "-c", "commit.gpgSign=false")
    _git(folder, "-C", "origin", "add", PAGE)
    _git(folder, "-C", "origin", *author, "commit", "--quiet", "--message", text)
    return _git(folder, "-C", "origin", "rev-parse", "HEAD")


def deployed(folder: Path) -> tuple[str, str]:
    """Return the commit of the working copy, and the text of its page."""
    return _git(folder, "-C", "site", "rev-parse", "HEAD"), (folder / "site" / PAGE).read_text()


def _git(folder: Path, *arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        raise WebhookdError("the demo needs git, which is not installed", hint="apt-get install git")
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=GIT_ENVIRONMENT | {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise WebhookdError(f"git {' '.join(arguments)} failed: {done.stdout.strip()}")
    return done.stdout.strip()


# -- the daemon


def _configure(folder: Path) -> Path:
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_hex(32), encoding="ascii")
    command = {"run": COMMAND, "cwd": str(folder / "site"), "timeout": 10, "env": GIT_ENVIRONMENT}
    content = {
        "secret": {"file": str(secret)},
        "listen": "127.0.0.1:0",
        "state_dir": str(folder / STATE),
        "repos": {REPO: {"branches": {"main": command}}},
    }
    file = folder / "webhookd.yaml"  # JSON is YAML
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return file


@contextmanager
def _daemon(file: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Run `webhookd serve` on *file*."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # until the process is known, to be stopped by `finally`
    with file.with_name(LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "webhookd", "serve", "--config", str(file)],
            cwd=file.parent,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_unblock,  # noqa: PLW1509 - there are no threads
        )
    try:
        _unblock()
        yield process
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def _wait_for(find: Callable[[], T | None], daemon: "subprocess.Popen[bytes]", log: Path, *, what: str) -> T:
    """Return what *find* finds, as soon as it finds something and while the daemon runs."""
    end = time.monotonic() + DEADLINE
    while (found := find()) is None:
        if daemon.poll() is not None or time.monotonic() > end:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines() or ["(empty)"]
            raise WebhookdError(f"{what} never came", hint=f"the daemon's log ends: {lines[-1]}")
        time.sleep(0.01)
    return found


def _sign(file: Path, *, before: str, after: str) -> SignedDelivery:
    """Make the delivery that GitHub would send for the push, as `webhookd sign` does."""
    (hook,) = config.load(file, env={}, uid=os.getuid()).hooks
    change = Change(before=before, after=after)
    spec = SampleSpec(delivery=str(uuid.uuid4()), repo=REPO, changes=(change,), message=MESSAGE)
    return sign_sample(spec, hook=hook, now=datetime.now(UTC))


def _ended(folder: Path, number: int) -> Run | None:
    with open_reader(folder / STATE) as store:
        run = store.run(number)
    return None if run.ended_at is None else run


def _steps(run: Run) -> Iterator[tuple[datetime, str]]:
    yield run.queued_at, "signature verified, rule found, run stored"
    if run.started_at:
        yield run.started_at, f"run claimed, command started: {COMMAND}"
    if run.ended_at:
        outcome = run.state if run.state is RunState.SUCCEEDED else f"{run.state}, {run.reason}"
        yield run.ended_at, f"command ended: {outcome}"


def _exit_on_signal(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)
