"""The port among hostile clients, in small; `benchmarks/hostile.py` does it in large and with a clock."""

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


def test_good_pushes_are_accepted_among_hostile_clients_and_every_one_of_those_is_refused() -> None:
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


def test_more_connections_than_descriptors_do_not_end_the_daemon(start: Start) -> None:
    daemon = start("    main: exit 0")
    assert daemon.process is not None
    subprocess.run(["prlimit", f"--pid={daemon.process.pid}", "--nofile=60:60"], check=True)
    with contextlib.ExitStack() as stack:
        for _ in range(150):
            stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port)))
        assert daemon.push().status == 202
    assert daemon.push().status == 202


def test_a_flood_of_failures_shuts_nobody_out_who_signs(start: Start) -> None:
    """Many senders share an address: behind one NAT, or at a forge whose other customers are not ours."""
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


def test_what_a_sender_writes_cannot_begin_a_line_of_the_log(start: Start) -> None:
    daemon = start("    main: exit 0")
    with wire(daemon.port) as connection:
        target = '/%0a2026-11-24T00:00:00.000Z%20INFO"delivery=queued%1b[2J' + "x" * 1000
        assert connection.send(head("POST", target)).reply().status == 404
    (line,) = [line for line in daemon.log.splitlines() if "delivery=queued" in line]
    assert "request rejected" in line
    assert "\x1b" not in daemon.log
    assert len(line) < 400
