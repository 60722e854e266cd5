"""Send good pushes while hostile clients attack, and check the answers to each kind of attack.

    python benchmarks/hostile.py [--silent 500] [--slow 500] [--forgers 16] [--seconds 20] [--idle 1500]
        [--each 10000]

1. Silent connections, connections that send one byte per second, and connections that send wrong signatures
   as fast as they can, all at once. A good push is sent every second from the same address.
2. More idle connections than the server accepts.
3. Many requests of each hostile kind: their status codes, and the size of the log.

Exits with 1 when a bar is missed. `--untimed` leaves out the bars that depend on the speed of the machine.
"""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import http.client
import json
import multiprocessing
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

from served import SECRET, WEBHOOKD, Served, webhookd

SLOWEST, GROWTH, LOG = 1.0, 30 * 1024**2, 1024**2  # seconds, bytes, bytes
RULES = "    hook: github\n    branches: {main: exit 0}"
SETTINGS = "hooks: {inside: {forge: github, path: /inside, secret: {file: %s}, allow_from: [192.0.2.1]}}\n"
WRONG = "sha256=" + "0" * 64


@dataclass(frozen=True, slots=True)
class HostileRequest:
    """A hostile request and the status codes that are correct answers to it."""

    name: str
    request: bytes
    statuses: frozenset[int]


def main() -> None:
    """Attack, print the results and compare them with the bars."""
    options = arguments()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as name:
        secret = Path(name, "inside")
        secret.touch(mode=0o600)
        secret.write_bytes(SECRET)
        with webhookd(Path(name, "webhookd"), RULES, settings=SETTINGS % secret) as served:
            missed = [
                *under_attack(served, options),
                *with_idle_connections(served, options),
                *each_kind_alone(served, options),
            ]
            pushed = options.seconds + 2
            runs = count_runs(Path(name, "webhookd"))
            missed += check("runs, only of the good pushes", runs, holds=runs == pushed)
            missed += check("daemon alive", served.pid, holds=Path(f"/proc/{served.pid}").exists())
    sys.exit(bool(missed))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Good pushes among hostile clients")
    counts = {"silent": 500, "slow": 500, "forgers": 16, "seconds": 20, "idle": 1500, "each": 10_000}
    for name, default in counts.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--untimed", action="store_true", help="ignore the bars that depend on speed")
    return parser.parse_args()


def check(what: str, value: object, *, holds: bool) -> list[str]:
    """Print one result; return its name when it misses its bar."""
    print(f"{'ok    ' if holds else 'MISSED'} {what}: {value}")
    return [] if holds else [what]


# -- 1. all attacks at once


def under_attack(served: Served, options: argparse.Namespace) -> Iterator[str]:
    """Push once per second during the attack."""
    push(served)
    before = served.memory()
    with attack(served, options) as answers:
        took, memory = [], before
        for _ in range(options.seconds):
            began = time.perf_counter()
            push(served)
            took.append(time.perf_counter() - began)
            memory = max(memory, served.memory())
            time.sleep(max(0.0, 1.0 - (time.perf_counter() - began)))
    statuses = answers.get()
    quick = options.untimed or max(took) < SLOWEST
    yield from check("slowest good push, seconds", f"{max(took):.3f}", holds=quick)
    yield from check("memory growth, MiB", f"{(memory - before) / 2**20:.1f}", holds=memory - before < GROWTH)
    correctly = set(statuses) <= {401, 429} and bool(statuses)
    yield from check("answers to forgers", dict(statuses), holds=correctly)
    print(f"       requests of forgers per second: {statuses.total() / options.seconds:,.0f}")


@contextlib.contextmanager
def attack(served: Served, options: argparse.Namespace) -> Iterator["Queue[Counter[int]]"]:
    """Attack from another process until the end of the block; then the queue contains the answers."""
    answers: Queue[Counter[int]] = multiprocessing.Queue()
    done = multiprocessing.Event()
    process = multiprocessing.Process(target=run_attack, args=(served.port, options, done, answers))
    process.start()
    try:
        yield answers
    finally:
        done.set()
        process.join()


def run_attack(port: int, options: argparse.Namespace, done: Event, answers: "Queue[Counter[int]]") -> None:
    """Run the attack in this process."""
    answers.put(asyncio.run(attack_until(port, options, done)))


async def attack_until(port: int, options: argparse.Namespace, done: Event) -> Counter[int]:
    """Run all attackers until *done*, and return the status codes that the forgers got."""
    statuses: Counter[int] = Counter()
    attackers = [asyncio.create_task(stay_silent(port)) for _ in range(options.silent)]
    attackers += [asyncio.create_task(trickle(port)) for _ in range(options.slow)]
    attackers += [asyncio.create_task(forge(port, statuses)) for _ in range(options.forgers)]
    await asyncio.to_thread(done.wait)
    for attacker in attackers:
        attacker.cancel()
    await asyncio.gather(*attackers, return_exceptions=True)
    return statuses


async def stay_silent(port: int) -> None:
    """Connect and send nothing; connect again when the connection is closed."""
    while True:
        async with connected(port) as (reader, _):
            await reader.read(1)


async def trickle(port: int) -> None:
    """Send a head with one byte per second; connect again when the connection is closed."""
    while True:
        async with connected(port) as (_, writer):
            for byte in request("/github-webhook", length=1000, signature=WRONG):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1.0)


async def forge(port: int, statuses: Counter[int]) -> None:
    """Send wrong signatures as fast as they are answered."""
    body = json.dumps({"ref": "refs/heads/main", "padding": "x" * 10_000}).encode()
    forged = request("/github-webhook", length=len(body), signature=WRONG) + body
    while True:
        async with connected(port) as (reader, writer):
            while not reader.at_eof():
                writer.write(forged)
                statuses[await answer(reader)] += 1


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Hold a connection. It is no error if the server closes it."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()


async def answer(reader: asyncio.StreamReader) -> int:
    """Read one answer and return its status code."""
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = text.partition("content-length: ")[2].partition("\r\n")[0]
    await reader.readexactly(int(length))
    return int(text.split(" ", 2)[1])


# -- 2. too many connections


def with_idle_connections(served: Served, options: argparse.Namespace) -> Iterator[str]:
    """Push while many idle connections are open."""
    with contextlib.ExitStack() as stack:
        for _ in range(options.idle):
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
        began = time.perf_counter()
        push(served)
        took = time.perf_counter() - began
    what = f"good push beside {options.idle} idle connections, seconds"
    yield from check(what, f"{took:.3f}", holds=options.untimed or took < SLOWEST)


# -- 3. each kind alone


def each_kind_alone(served: Served, options: argparse.Namespace) -> Iterator[str]:
    """Send many requests of each kind, and check the answers and the log."""
    for kind in hostile_requests():
        statuses = asyncio.run(send_many(served.port, kind, options.each))
        holds = set(statuses) <= kind.statuses and sum(statuses.values()) == options.each
        yield from check(f"{kind.name}: answers", dict(statuses), holds=holds)
    size = served.log.stat().st_size
    yield from check("log, KiB", f"{size / 1024:.0f}", holds=size < LOG)


async def send_many(port: int, kind: HostileRequest, count: int) -> Counter[int]:
    """Send *count* requests of one kind over a few connections at a time."""
    statuses: Counter[int] = Counter()
    left = iter(range(count))

    async def sender() -> None:
        for _ in left:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(kind.request)
            statuses[await answer(reader)] += 1
            writer.close()

    await asyncio.gather(*(sender() for _ in range(16)))
    return statuses


def hostile_requests() -> Iterator[HostileRequest]:
    """Yield one hostile request of each kind."""
    proofless, bad = frozenset({401, 429}), frozenset({400})
    body = b'{"ref": "refs/heads/main"}'
    hook, length = "/github-webhook", len(body)
    chunked = request(hook, signature=WRONG).replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    yield HostileRequest("unknown path", request("/wp-login.php"), frozenset({404}))
    yield HostileRequest(
        "path not normalised", request("//github-webhook", length=length) + body, frozenset({404})
    )
    yield HostileRequest("other method", request(hook).replace(b"POST", b"GET"), frozenset({405}))
    yield HostileRequest(
        "announced length too large", request(hook, length=10**9, signature=WRONG), frozenset({413})
    )
    yield HostileRequest("head too large", request(hook + "?" + "x" * 17_000), frozenset({431}))
    yield HostileRequest("address not allowed", request("/inside", length=length) + body, frozenset({403}))
    yield HostileRequest("no signature", request(hook, length=length) + body, proofless)
    yield HostileRequest("no signature, unsent body", request(hook, length=10**6), proofless)
    yield HostileRequest(
        "signature malformed", request(hook, length=length, signature="sha256=x") + body, proofless
    )
    yield HostileRequest("signature wrong", request(hook, length=length, signature=WRONG) + body, proofless)
    yield HostileRequest("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", bad)
    yield HostileRequest("two lengths", request(hook, length=5, more="Content-Length: 6\r\n"), bad)
    yield HostileRequest(
        "length and chunks", chunked.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"), bad
    )
    yield HostileRequest("chunks malformed", chunked + b"zz\r\n", bad)
    yield HostileRequest("one-byte chunks", chunked + b"1\r\nx\r\n" * 2000, bad)
    yield HostileRequest("slow head to parse", b"GET a://" + b"1" * 16_000 + b" HTTP/x\r\n\r\n", bad)


def request(target: str, *, length: int | None = None, signature: str = "", more: str = "") -> bytes:
    """Return the head of a POST as a forge sends it."""
    lines = [f"POST {target} HTTP/1.1", "Host: hooks.example.org", "Content-Type: application/json"]
    lines += ["X-GitHub-Event: push"]
    lines += [f"Content-Length: {length}"] if length is not None else []
    lines += [f"X-Hub-Signature-256: {signature}"] if signature else []
    return ("\r\n".join(lines) + f"\r\n{more}\r\n").encode()


# -- good pushes


def push(served: Served) -> None:
    """Send a good push, which must be accepted."""
    commit = hashlib.sha1(str(time.time_ns()).encode(), usedforsecurity=False).hexdigest()
    body = json.dumps(
        {"ref": "refs/heads/main", "after": commit, "repository": {"full_name": "octocat/blog"}}
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": commit,
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET, body, "sha256").hexdigest(),
    }
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request("POST", "/github-webhook", body, headers)
    status = connection.getresponse().status
    connection.close()
    if status != 202:
        raise SystemExit(f"a good push was answered {status}")


def count_runs(folder: Path) -> int:
    """Return the number of runs."""
    command = [WEBHOOKD, "runs", "--json", "--limit", "100000", "--config", str(folder / "webhookd.yaml")]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return len(json.loads(listed))


if __name__ == "__main__":
    main()
