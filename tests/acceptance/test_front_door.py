"""The port under attack, on a small scale; `benchmarks/hostile.py` does it on a large scale with times."""

import contextlib
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from daemon import Daemon
from rawhttp import head, wire

Start = Callable[..., Daemon]

HOSTILE = Path(__file__).parents[2] / "benchmarks" / "hostile.py"


def test_hostile_clients_are_refused_and_good_pushes_accepted_meanwhile() -> None:
    numbers = {"silent": 60, "slow": 60, "forgers": 8, "seconds": 2, "idle": 200, "each": 40}
    options = [f"--{name}={value}" for name, value in numbers.items()]
    result = subprocess.run(
        [sys.executable, HOSTILE, "--untimed", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_more_connections_than_file_descriptors_do_not_end_the_daemon(start: Start) -> None:
    daemon = start("    main: exit 0")
    assert daemon.process is not None
    subprocess.run(["prlimit", f"--pid={daemon.process.pid}", "--nofile=60:60"], check=True)
    with contextlib.ExitStack() as stack:
        for _ in range(150):
            stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port)))
        assert daemon.push().status == 202
    assert daemon.push().status == 202


def test_a_correct_signature_is_accepted_from_an_address_with_many_failures(start: Start) -> None:
    """Many senders can share an address: behind a NAT, or at a forge with other customers."""
    daemon = start("    main: exit 0")
    answers = [daemon.push(secret="wrong") for _ in range(25)]
    assert [answer.status for answer in answers] == [401] * 20 + [429] * 5
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert daemon.push().status == 202


def test_rejections_of_one_kind_are_one_line(start: Start) -> None:
    daemon = start("    main: exit 0")
    for _ in range(50):
        daemon.request("POST", "/elsewhere")
        daemon.push(secret="wrong")
    lines = [line for line in daemon.log.splitlines() if "request rejected" in line]
    assert len(lines) == 3
    assert [re.findall(r'status=(\d+) cause="([^"]+)"', line) for line in lines] == [
        [("404", "no such path")],
        [("401", "signature wrong")],
        [("429", "signature wrong")],
    ]


def test_a_sender_cannot_start_a_line_of_the_log(start: Start) -> None:
    daemon = start("    main: exit 0")
    with wire(daemon.port) as connection:
        target = '/%0a2026-11-24T00:00:00.000Z%20INFO"delivery=queued%1b[2J' + "x" * 1000
        assert connection.send(head("POST", target)).reply().status == 404
    (line,) = [line for line in daemon.log.splitlines() if "delivery=queued" in line]
    assert "request rejected" in line
    assert "\x1b" not in daemon.log
    assert len(line) < 400
