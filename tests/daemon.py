"""The installed daemon as a process, used from outside like a forge and an operator use it."""

import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import command_line, is_alive, wait_for

from webhookd.models.run import Counts
from webhookd.queue import Store
from webhookd.report.run_view import run_json

WEBHOOKD = str(Path(sys.executable).with_name("webhookd"))
SECRET = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Daemon:
    """A configuration and its state directory, and the daemon, if it runs."""

    folder: Path
    repos: str  # YAML under `repos:`, indented by two spaces
    settings: str = ""  # more top-level YAML
    listens: str = ""  # more addresses, each after a comma
    process: "subprocess.Popen[bytes] | None" = None
    port: int = 0

    @property
    def config(self) -> Path:
        return self.folder / "webhookd.yaml"

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def log(self) -> str:
        path = self.folder / "daemon.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def write_config(self) -> None:
        secret = self.folder / "secret"
        if not secret.exists():
            secret.touch(mode=0o600)
            secret.write_text(SECRET + "\n", encoding="utf-8")
        self.config.write_text(
            f"secret: {{file: {secret}}}\n"
            f"listen: [127.0.0.1:{self.port}{self.listens}]\n"
            f"state_dir: {self.state_dir}\n"
            f"{self.settings}\n"
            f"repos:\n{self.repos}\n",
            encoding="utf-8",
        )

    def change(self, rules: str, *, settings: str = "", port: int = 0) -> None:
        """Write a new configuration for octocat/blog; the daemon does not read it yet.

        With `port` 0, `listen` is the same as at the first start.
        """
        self.repos, self.settings = f"  octocat/blog:\n{rules}", settings
        kept, self.port = self.port, port
        self.write_config()
        self.port = kept

    def start(
        self, *, command: Sequence[str] = (), pass_fds: Sequence[int] = (), config: str = ""
    ) -> "Daemon":
        """Start the daemon in / and wait until it listens; the first start chooses the port for all later.

        *config* is another name for its configuration file.
        """
        self.write_config()
        began = len(self.log)
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, WEBHOOKD, "serve", "--config", config or str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": os.environ["PATH"]},
                pass_fds=pass_fds,
            )
        process = self.process
        address = re.compile(r"listening address=127\.0\.0\.1:(\d+)")
        wait_for(
            lambda: address.search(self.log[began:]) or process.poll() is not None, what="a listening daemon"
        )
        found = address.search(self.log[began:])
        assert found, f"the daemon ended: {self.log[began:]}"
        self.port = int(found[1])
        return self

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """Send *signum* and return the exit code."""
        assert self.process is not None
        self.process.send_signal(signum)
        return self.exit_code()

    def exit_code(self) -> int:
        """Wait for the end of the daemon and return its exit code."""
        assert self.process is not None
        code = self.process.wait(timeout=60)
        self.process = None
        return code

    def close(self) -> None:
        """End the daemon quickly, and the supervisors that a killed daemon left."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            wait_for(
                lambda: "stopping" in self.log or self.process is None or self.process.poll() is not None
            )
            self.stop()
        for pid in self.supervisors():
            os.kill(pid, signal.SIGTERM)

    def supervisors(self) -> list[int]:
        """Return the pids in lock files that are running supervisors, and not other processes by now."""
        texts = [path.read_text() for path in (self.state_dir / "locks").glob("*.lock")]
        pids = [int(text.split()[1]) for text in texts if text]
        return [pid for pid in pids if is_alive(pid) and b"webhookd.deploy" in command_line(pid)]

    # -- as a forge

    def request(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        return Answer(response.status, json.loads(text) if text else {}, dict(response.getheaders()))

    def push(
        self, payload: dict[str, Any] | None = None, *, secret: str = SECRET, delivery: str = "", **over: Any
    ) -> Answer:
        """Send a push as GitHub does; keyword arguments are those of `push_payload`."""
        body = json.dumps(payload or push_payload(**over)).encode()
        headers = signed(body, secret, delivery=delivery)
        return self.request("POST", "/github-webhook", body=body, headers=headers)

    # -- as an operator

    def run_command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [WEBHOOKD, *arguments],
            env={"PATH": os.environ["PATH"], "WEBHOOKD_CONFIG": str(self.config)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or result.returncode == 0, result.stderr
        return result

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs as `runs --json` shows them, oldest first; without a command, to be quick."""
        with self._open_store() as store:
            return [run_json(run) for run in reversed(store.runs(limit=1_000_000))]

    def wait_until_idle(self, *, deadline: float = 60.0) -> list[dict[str, Any]]:
        """Wait until no run is queued or running, and return all runs."""
        wait_for(self._is_idle, what="all runs ending", deadline=deadline)
        return self.runs()

    def _is_idle(self) -> bool:
        with self._open_store() as store:
            return store.counts() == Counts(queued=0, running=0) and bool(store.runs(limit=1))

    def _open_store(self) -> Store:
        return Store.open_reader(self.state_dir / "webhookd.db")


def push_payload(
    *, repo: str = "octocat/blog", branch: str = "main", ref: str = "", commit: str = "", **over: Any
) -> dict[str, Any]:
    """Return the payload of a push as GitHub sends it, with new commit ids."""
    after = commit or hashlib.sha1(uuid.uuid4().bytes).hexdigest()
    head = {"id": after, "message": "Say more", "added": [], "removed": [], "modified": ["index.md"]}
    return {
        "ref": ref or f"refs/heads/{branch}",
        "before": hashlib.sha1(after.encode()).hexdigest(),
        "after": after,
        "created": False,
        "deleted": False,
        "forced": False,
        "compare": f"https://github.com/{repo}/compare/main",
        "commits": [head],
        "head_commit": head,
        "repository": {"full_name": repo, "clone_url": f"https://github.com/{repo}.git"},
        "pusher": {"name": "octocat", "email": "octocat@github.com"},
        "sender": {"login": "octocat"},
    } | over


def signed(body: bytes, secret: str = SECRET, *, event: str = "push", delivery: str = "") -> dict[str, str]:
    """Return the headers that GitHub sends with *body*."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest(),
    }
