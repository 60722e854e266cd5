"""What systemd hands over and is told, without systemd: sockets of our own play its part."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.typing import EventDict

from webhookd.daemon.systemd import ServiceManager, inherited_sockets
from webhookd.errors import WebhookdError


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(30)
        yield sock


def manager_of(listener: socket.socket, **more: str) -> ServiceManager:
    return ServiceManager({"NOTIFY_SOCKET": listener.getsockname(), **more})


def test_each_thing_told_is_one_message(listener: socket.socket) -> None:
    manager = manager_of(listener)
    manager.ready()
    manager.status("2 queued")
    manager.stopping()
    manager.extend(1.5)
    told = [listener.recv(1000).decode() for _ in range(4)]
    ready = f"READY=1\nMAINPID={os.getpid()}"
    assert told == [ready, "STATUS=2 queued", "STOPPING=1", "EXTEND_TIMEOUT_USEC=1500000"]


def test_a_reload_is_told_with_its_moment(listener: socket.socket) -> None:
    manager_of(listener).reloading()
    word, moment = listener.recv(1000).decode().split("\n")
    assert word == "RELOADING=1"
    assert moment.removeprefix("MONOTONIC_USEC=").isdigit()


def test_a_status_is_told_when_it_changes(listener: socket.socket) -> None:
    manager = manager_of(listener)
    for text in ("a", "a", "b"):
        manager.status(text)
    assert [listener.recv(1000) for _ in range(2)] == [b"STATUS=a", b"STATUS=b"]


def test_the_watchdog_is_told_only_where_there_is_one(listener: socket.socket) -> None:
    manager_of(listener).alive()
    manager = manager_of(listener, WATCHDOG_USEC="3000000", WATCHDOG_PID=str(os.getpid()))
    manager.alive()
    assert (manager.watchdog, listener.recv(1000)) == (3.0, b"WATCHDOG=1")


def test_the_watchdog_of_another_process_is_not_ours(listener: socket.socket) -> None:
    assert manager_of(listener, WATCHDOG_USEC="3000000", WATCHDOG_PID="1").watchdog is None


def test_an_abstract_address_is_understood() -> None:
    name = f"webhookd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).stopping()
        assert sock.recv(1000) == b"STOPPING=1"


def test_a_service_manager_that_went_away_does_no_harm(
    listener: socket.socket, logged: list[EventDict]
) -> None:
    manager = manager_of(listener)
    Path(listener.getsockname()).unlink()
    manager.stopping()
    (entry,) = logged
    assert (entry["event"], entry["notification"]) == ("service manager not notified", "STOPPING=1")


def test_the_variables_are_taken_out_of_the_environment(listener: socket.socket) -> None:
    environ = {
        "NOTIFY_SOCKET": listener.getsockname(),
        "WATCHDOG_USEC": "1",
        "WATCHDOG_PID": "1",
        "LISTEN_PID": "1",
        "LISTEN_FDS": "2",
        "LISTEN_FDNAMES": "a:b",
        "PATH": "/bin",
    }
    ServiceManager(environ)
    assert inherited_sockets(environ) == ()
    assert environ == {"PATH": "/bin"}


TAKER = """
import os, subprocess, sys
from webhookd.daemon.systemd import inherited_sockets
os.environ["LISTEN_PID"] = str(os.getpid())
sockets = inherited_sockets(os.environ)
print([sock.getsockname() if sock.family == 1 else sock.family.name for sock in sockets], flush=True)
shown = "echo left: $(ls /proc/self/fd | tr '\\n' ' ') $LISTEN_FDS"
subprocess.run(["/bin/sh", "-c", shown], close_fds=False)
"""


def hand_over(*sockets: socket.socket) -> subprocess.CompletedProcess[str]:
    """Start a process that has *sockets* as descriptors from 3 on, as systemd starts a service."""
    spare = [os.dup2(sock.fileno(), 100 + number) for number, sock in enumerate(sockets)]
    moves = " ".join(f"{3 + number}<&{fd} {fd}<&-" for number, fd in enumerate(spare))
    try:
        return subprocess.run(
            ["/bin/bash", "-c", f'exec "$@" {moves}', "bash", sys.executable, "-c", TAKER],
            env={**os.environ, "LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": "one:two"},
            pass_fds=spare,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        for fd in spare:
            os.close(fd)


def test_listening_sockets_are_inherited_and_no_child_gets_them(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen()
        taken = hand_over(tcp, unix)
    # 3 is the folder that `ls` reads.
    assert taken.stdout.splitlines() == [str(["AF_INET", path]), "left: 0 1 2 3"]


def test_a_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        taken = hand_over(datagrams)
    assert 'the socket "one" from systemd does not listen' in taken.stderr
    assert WebhookdError.__name__ in taken.stderr
