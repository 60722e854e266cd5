"""A systemd for tests, booted in its own namespaces. Needs root and takes about a second."""

import ctypes
import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from daemon import SECRET, Answer, push_payload, signed
from harness import wait_for

ROOT = Path(__file__).parents[1]
UNITS = ROOT / "systemd"
PYTHON = "/usr/bin/python3"  # the system's: ProtectHome hides a Python in /root from a unit
NEEDED = (
    "/lib/systemd/systemd",
    "/usr/bin/dbus-daemon",
    "/usr/bin/nsenter",
    "/usr/bin/setpriv",
    "/usr/bin/unshare",
    "/usr/lib/polkit-1/polkitd",
    PYTHON,
)
WEBHOOKD = "/opt/webhookd/bin/webhookd"
TCP = "127.0.0.1:9000"
UNIX = "/run/webhookd.sock"
STATE = "/var/lib/webhookd"
JSON_OF_STATE = ("--json", "--state-dir", STATE)  # works with a wrong configuration too

_CLONE_NEWNET = 0x40000000


class CannotBootError(Exception):
    """systemd cannot boot here; the message says why."""


def require(condition: object, reason: str) -> None:
    """Skip the test without *condition*; fail it if WEBHOOKD_REQUIRE_SYSTEMD is set."""
    if not condition:
        if os.environ.get("WEBHOOKD_REQUIRE_SYSTEMD") == "1":
            pytest.fail(f"WEBHOOKD_REQUIRE_SYSTEMD=1, and {reason}")
        pytest.skip(reason)


def build_opt(folder: Path) -> Path:
    """Make /opt with this project's wheel, installed for the system's Python. Once for all test workers."""
    opt = folder / "opt"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (opt / "done").exists():
            opt.mkdir(exist_ok=True)
            pip = f"{sys.executable} -m pip -q --disable-pip-version-check"
            # Scripts contain the path of their interpreter, so it must be /opt here too.
            # pip installs from outside: to put it into the new environment takes as long as all the rest.
            script = f"""
                {pip} wheel --no-deps -w "$1" {ROOT}
                mount --bind "$1" /opt
                {PYTHON} -m venv --without-pip /opt/webhookd
                {pip} --python /opt/webhookd install /opt/*.whl
            """
            _build("unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh", str(opt))
            (opt / "done").touch()
    return opt


def _build(*command: str) -> None:
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode:
        raise CannotBootError(f"{' '.join(command[:4])} failed: {built.stderr.strip()[-500:]}")


class Booted:
    """A running systemd, used from outside: its files, commands and network."""

    def __init__(self, base: Path, opt: Path) -> None:
        self._base = base
        self._group = f"webhookd-test.{os.getpid()}.{time.monotonic_ns()}"
        script = str(ROOT / "tests" / "boot_systemd.sh")
        command = ["setpriv", "--pdeathsig", "KILL", script, str(base), str(opt), self._group]
        self._log = (base.parent / f"{base.name}.log").open("w+b")
        self._outer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self.pid = 0
        try:
            wait_for(self._is_up, what="a booted systemd", deadline=60)
        except (AssertionError, CannotBootError) as error:
            self.close()
            raise CannotBootError(str(error)) from error

    def _is_up(self) -> bool:
        if self._outer.poll() is not None:
            self._log.seek(0)
            said = self._log.read().decode(errors="replace").strip().splitlines()
            raise CannotBootError(f"systemd cannot boot here: {said[-1] if said else 'no reason given'}")
        self.pid = self._first_process()
        if not self.pid or Path(f"/proc/{self.pid}/comm").read_text() != "systemd\n":
            return False
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() == "running"

    def _first_process(self) -> int:
        """Return the child of `unshare`, or 0 while the script before it still runs."""
        if Path(f"/proc/{self._outer.pid}/comm").read_text() != "unshare\n":
            return 0
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text()
        return int(children) if children else 0

    def close(self) -> None:
        """End all processes inside."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        else:
            self._outer.kill()
        self._outer.wait(timeout=60)
        self._log.close()
        for group in Path("/sys/fs/cgroup").glob(f"**/{self._group}"):
            for folder in sorted(group.glob("**/"), reverse=True):
                wait_for(lambda folder=folder: _removed(folder), what=f"an empty {folder}")  # type: ignore[misc]

    def limits_memory(self) -> bool:
        """Return whether MemoryMax= has an effect here."""
        top = self.path("/sys/fs/cgroup")
        controllers = top / "cgroup.controllers"
        return (top / "memory").is_dir() or (
            controllers.exists() and "memory" in controllers.read_text().split()
        )

    # -- files and commands

    def path(self, inside: str) -> Path:
        """Return the path outside of a file inside."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def write(self, inside: str, text: str, *, mode: int = 0o644) -> None:
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def run(
        self, *command: str, check: bool = True, user: str = "root", timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside."""
        enter = ["nsenter", "-t", str(self.pid), "-m", "-p", "-C", "-i", "-u", "-n", "-r"]
        become = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", *become]
        result = subprocess.run(
            [*enter, "--", *clean, "sh", "-c", 'cd /; exec "$@"', "sh", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
        return result

    def systemctl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("systemctl", *arguments, check=check)

    def show(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.systemctl("show", "-P", name, unit).stdout.strip()

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        """Return entries of the journal."""
        self.run("journalctl", "--sync")
        listed = self.run("journalctl", "-o", "json", "--all", *matches).stdout
        return [json.loads(line) for line in listed.splitlines()]

    # -- the network inside

    def connect(self, address: str) -> socket.socket:
        """Connect to HOST:PORT or a unix socket inside."""
        if address.startswith("/"):
            sock = socket.socket(socket.AF_UNIX)
            target: Any = str(self.path(address))
        else:
            sock = self._socket()
            host, _, port = address.rpartition(":")
            target = (host, int(port))
        sock.settimeout(60)
        try:
            sock.connect(target)
        except OSError:
            sock.close()
            raise
        return sock

    def _socket(self) -> socket.socket:
        """Make a TCP socket in the network inside, in a thread that enters its namespace."""
        made: list[socket.socket] = []

        def make() -> None:
            with Path(f"/proc/{self.pid}/ns/net").open() as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.socket(socket.AF_INET))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def request(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str], address: str
    ) -> Answer:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = self.connect(address)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        return Answer(response.status, json.loads(text) if text else {}, dict(response.getheaders()))

    def push(self, *, address: str = TCP, secret: str = SECRET, **over: Any) -> Answer:
        """Send a push as GitHub does."""
        body = json.dumps(push_payload(**over)).encode()
        return self.request(
            "POST", "/github-webhook", body=body, headers=signed(body, secret), address=address
        )

    @contextmanager
    def load(self, *addresses: str) -> Iterator["subprocess.Popen[str]"]:
        """Run clients that push until they read a line on standard input, then print the result."""
        paths = [str(self.path(address)) if address.startswith("/") else address for address in addresses]
        command = ["nsenter", "-t", str(self.pid), "-n", sys.executable, str(ROOT / "tests/load.py"), *paths]
        clients = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with clients:
            yield clients
            clients.kill()

    # -- webhookd inside

    def install(self) -> None:
        """Install everything as docs/systemd.md says."""
        shipped = "/opt/webhookd/share/webhookd/systemd"
        script = f"""
            install -D -m 644 -t /etc/systemd/system {shipped}/webhookd.service {shipped}/webhookd@.service \
                {shipped}/webhookd.socket
            install -D -m 644 {shipped}/sysusers.d/webhookd.conf /etc/sysusers.d/webhookd.conf
            install -D -m 644 {shipped}/tmpfiles.d/webhookd.conf /etc/tmpfiles.d/webhookd.conf
            systemd-sysusers
            systemd-tmpfiles --create webhookd.conf
            systemctl daemon-reload
        """
        self.run("sh", "-ec", script)

    def configure(self, rules: str, *, settings: str = "", name: str = "webhookd") -> None:
        """Write a configuration for octocat/blog. Only root and the unit's credential can read its secret."""
        self.write("/etc/webhookd/secret", SECRET + "\n", mode=0o600)
        self.write(
            f"/etc/webhookd/{name}.yaml",
            f"secret: {{credential: secret}}\n{settings}\nrepos:\n  octocat/blog:\n{rules}\n",
        )

    def drop_in(self, name: str, text: str, *, unit: str = "webhookd.service") -> None:
        self.write(f"/etc/systemd/system/{unit}.d/{name}.conf", text)
        self.systemctl("daemon-reload")

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs, newest first."""
        listed: list[dict[str, Any]] = json.loads(
            self.webhookd("runs", *JSON_OF_STATE, "--limit", "1000000").stdout
        )
        return listed

    def webhookd(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a webhookd command as root."""
        return self.run(WEBHOOKD, *arguments, check=check)

    def queue(self, **over: Any) -> int:
        """Push, and return the number of the queued run."""
        answer = self.push(**over)
        assert answer.status == 202, answer
        (run,) = answer.body["runs"]
        number: int = run["run"]
        return number

    def log(self, number: int, *, attempt: int = 1) -> str | None:
        """Return what a command has printed so far; None before it starts."""
        path = self.path(f"{STATE}/runs/{number}/{attempt}/log")
        return path.read_text() if path.exists() else None

    def ended(self, number: int, *, attempt: int = 1) -> dict[str, Any]:
        """Wait until an attempt has ended and is recorded, and return its run."""
        result = self.path(f"{STATE}/runs/{number}/{attempt}/result.json")
        wait_for(result.exists, what=f"the end of run {number}", deadline=120)

        def recorded() -> dict[str, Any] | None:
            run: dict[str, Any] = json.loads(self.webhookd("runs", *JSON_OF_STATE, str(number)).stdout)
            return run if run["state"] != "running" else None

        return wait_for(recorded, what=f"the record of run {number}") or {}

    def deploy(self, **over: Any) -> str:
        """Push, wait for the end of its run, and return what the command printed."""
        number = self.queue(**over)
        assert self.ended(number)["state"] == "succeeded", self.log(number)
        return self.log(number) or ""


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
