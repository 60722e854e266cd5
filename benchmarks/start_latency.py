"""Measure the time from a push to the first instruction of its command, against spawning `sh -c` alone.

    python benchmarks/start_latency.py [--rounds 200]

Run this on an idle machine. The bar is a ratio of 5 at the median, the aim is 3.5. Both sides write one byte
into the same FIFO, which this process reads.
"""

import argparse
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from served import SECRET, webhookd

BAR, AIM = 5.0, 3.5


def main() -> None:
    """Measure both in turns, and print percentiles and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        fifo = Path(name, "fifo")
        rule = f"    main: 'echo > {fifo}'"
        with webhookd(Path(name, "webhookd"), rule) as served, fifo_reader(fifo) as reader:
            connection = http.client.HTTPConnection("127.0.0.1", served.port)
            spawned, pushed = [], []
            for number in range(rounds):
                spawned.append(time_spawn(fifo, reader))
                pushed.append(time_push(connection, number, reader))
    report(spawned[10:], pushed[10:])


@contextlib.contextmanager
def fifo_reader(path: Path) -> Iterator[int]:
    """Make a FIFO and open it, so that each byte can be read when it arrives."""
    os.mkfifo(path)
    reader = os.open(path, os.O_RDWR)
    yield reader
    os.close(reader)


def time_spawn(fifo: Path, reader: int) -> float:
    """Return the seconds from a spawn of `sh -c` to its first instruction."""
    began = time.perf_counter()
    with subprocess.Popen(["/bin/sh", "-e", "-c", f"echo > {fifo}"], start_new_session=True):
        os.read(reader, 1)
        return time.perf_counter() - began


def time_push(connection: http.client.HTTPConnection, number: int, reader: int) -> float:
    """Return the seconds from sending a signed push to the first instruction of its command."""
    commit = hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()
    push = {
        "ref": "refs/heads/main",
        "before": "1" * 40,
        "after": commit,
        "repository": {"full_name": "octocat/blog"},
    }
    body = json.dumps(push | {"before": "0" * 40, "padding": "x" * 10_000}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": commit,
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET, body, "sha256").hexdigest(),
    }
    began = time.perf_counter()
    connection.request("POST", "/github-webhook", body, headers)
    os.read(reader, 1)
    took = time.perf_counter() - began
    answer = connection.getresponse()
    assert answer.status == 202, answer.read()
    answer.read()
    settle(number)
    return took


def settle(number: int) -> None:
    """Wait until the run has ended and is recorded, so that the daemon is idle for the next push."""
    time.sleep(0.05 if number else 0.2)


def report(spawned: list[float], pushed: list[float]) -> None:
    """Print both times and their ratio."""
    for name, seconds in (("sh -c alone", spawned), ("POST to first instruction", pushed)):
        percentiles = statistics.quantiles(seconds, n=100)
        print(f"{name:26} p50 {percentiles[49] * 1000:6.2f} ms   p99 {percentiles[98] * 1000:6.2f} ms")
    ratio = statistics.median(pushed) / statistics.median(spawned)
    print(f"ratio at the median        {ratio:.2f} (bar {BAR:g}, aim {AIM:g})")


if __name__ == "__main__":
    main()
