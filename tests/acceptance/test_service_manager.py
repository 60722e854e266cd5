"""The daemon as a service: its notifications, and restarts with an inherited socket."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import Daemon
from harness import wait_for

Start = Callable[..., Daemon]

RULES = "    main: {{cwd: {folder}, run: 'touch begun; until [ -e go ]; do sleep 0.02; done'}}"


class Manager:
    """A service manager that records the notifications."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self.messages: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while message := self._socket.recv(4096):
            self.messages.append(message.decode())

    def words(self) -> list[str]:
        """Return the messages without those that are repeated."""
        often = ("STATUS=", "WATCHDOG=", "EXTEND_TIMEOUT_USEC=")
        return [m.partition("\n")[0] for m in self.messages if not m.startswith(often)]

    def wait_for(self, message: str) -> None:
        wait_for(lambda: message in self.messages, what=message)

    def start(self, daemon: Daemon, *variables: str) -> Daemon:
        return daemon.start(command=["env", f"NOTIFY_SOCKET={self.path}", *variables])

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path)
    yield manager
    manager.close()


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Daemon]]:
    """Return a function that makes daemons without starting them."""
    made: list[Daemon] = []

    def make(rules: str) -> Daemon:
        made.append(Daemon(tmp_path_factory.mktemp("daemon"), f"  octocat/blog:\n{rules}"))
        return made[-1]

    yield make
    for daemon in made:
        daemon.close()


def test_start_reload_and_stop_are_reported_in_order(make: Callable[[str], Daemon], manager: Manager) -> None:
    daemon = manager.start(make("    main: echo deployed"))
    manager.wait_for("STATUS=0 queued, none running")
    daemon.run_command("reload")
    assert daemon.stop() == 0
    manager.wait_for("STOPPING=1")
    assert manager.words() == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]


def test_the_status_names_running_targets_and_a_drain_asks_for_time(
    make: Callable[[str], Daemon], manager: Manager, tmp_path: Path
) -> None:
    daemon = manager.start(make(RULES.format(folder=tmp_path)))
    daemon.push()
    manager.wait_for("STATUS=0 queued, running octocat/blog@main")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGTERM)
    manager.wait_for("EXTEND_TIMEOUT_USEC=30000000")
    daemon.push()
    manager.wait_for("STATUS=stopping, 1 queued, running octocat/blog@main")
    (tmp_path / "go").touch()
    assert daemon.process.wait(timeout=30) == 0


def test_the_main_loop_sends_keepalives_to_the_watchdog(
    make: Callable[[str], Daemon], manager: Manager
) -> None:
    manager.start(make("    main: echo deployed"), "WATCHDOG_USEC=1000000")
    wait_for(lambda: manager.messages.count("WATCHDOG=1") > 4, what="five keepalives")


def test_without_a_watchdog_the_daemon_sends_no_keepalives(
    make: Callable[[str], Daemon], manager: Manager
) -> None:
    daemon = manager.start(make("    main: echo deployed"))
    assert daemon.stop() == 0
    manager.wait_for("STOPPING=1")
    assert "WATCHDOG=1" not in manager.messages


def test_a_command_gets_no_variables_of_the_service_manager(
    make: Callable[[str], Daemon], manager: Manager
) -> None:
    daemon = make("    main: env; ls -l /proc/self/fd")
    handed = ("CREDENTIALS_DIRECTORY=/x", "JOURNAL_STREAM=1:2", "INVOCATION_ID=3", "LISTEN_FDS=1")
    manager.start(daemon, *handed)
    daemon.push()
    daemon.wait_until_idle()
    output = daemon.run_command("logs", "1").stdout
    for name in ("NOTIFY", "WATCHDOG", "CREDENTIALS", "JOURNAL", "INVOCATION_ID", "LISTEN"):
        assert f"\n{name}" not in output
    assert "socket:" not in output


def with_inherited(sock: socket.socket) -> list[str]:
    """Return a command that starts another one with *sock* as descriptor 3, as systemd does."""
    number = sock.fileno()
    script = f'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=webhookd exec "$@" 3<&{number} {number}<&-'
    return ["/bin/bash", "-c", script, "bash"]


@contextmanager
def load(port: int) -> Iterator["subprocess.Popen[str]"]:
    """Run clients that push all the time."""
    command = [sys.executable, str(Path(__file__).parents[1] / "load.py"), f"127.0.0.1:{port}"]
    clients = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with clients:
        yield clients
        clients.kill()


def test_no_request_fails_over_a_restart_with_an_inherited_socket(make: Callable[[str], Daemon]) -> None:
    daemon = make("    main: {overlap: latest, run: 'true'}")

    def start() -> None:
        began = len(daemon.log)
        daemon.start(command=with_inherited(kept), pass_fds=[kept.fileno()])
        wait_for(lambda: daemon.log.count("delivery queued", began) > 30, what="pushes to this daemon")

    with socket.create_server(("127.0.0.1", 0), backlog=1024) as kept, load(kept.getsockname()[1]) as clients:
        for _ in range(4):
            start()
            assert daemon.stop() == 0
        start()
        output, _ = clients.communicate("stop\n", timeout=60)
    assert output.startswith("0 failed of "), output
