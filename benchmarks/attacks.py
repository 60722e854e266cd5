"""Hostile clients, which attack from another process until they are stopped."""

import asyncio
import contextlib
import json
import multiprocessing
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any

WRONG = "sha256=" + "0" * 64
HOOK = "/github-webhook"

Attacker = Callable[[int, "Counter[int]"], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class HostileRequest:
    """A hostile request and the status codes that are correct answers to it."""

    name: str
    request: bytes
    statuses: frozenset[int]


@contextlib.contextmanager
def attack(port: int, attackers: Mapping[Attacker, int]) -> Iterator["Queue[Counter[int]]"]:
    """Run *attackers* until the end of the block; then the queue contains their answers."""
    answers: Queue[Counter[int]] = multiprocessing.Queue()
    done = multiprocessing.Event()
    process = multiprocessing.Process(target=run_attack, args=(port, attackers, done, answers))
    process.start()
    try:
        yield answers
    finally:
        done.set()
        process.join()


def run_attack(
    port: int, attackers: Mapping[Attacker, int], done: Event, answers: "Queue[Counter[int]]"
) -> None:
    """Run the attack in this process."""
    answers.put(asyncio.run(attack_until(port, attackers, done)))


async def attack_until(port: int, attackers: Mapping[Attacker, int], done: Event) -> Counter[int]:
    """Attack until *done*, and return the status codes of all answers."""
    statuses: Counter[int] = Counter()
    tasks = [
        asyncio.create_task(attacker(port, statuses))
        for attacker, count in attackers.items()
        for _ in range(count)
    ]
    await asyncio.to_thread(done.wait)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return statuses


async def stay_silent(port: int, _: Counter[int]) -> None:
    """Connect and send nothing; connect again when the connection is closed."""
    while True:
        async with connected(port) as (reader, _writer):
            await reader.read(1)


async def trickle(port: int, _: Counter[int]) -> None:
    """Send a head with one byte per second; connect again when the connection is closed."""
    while True:
        async with connected(port) as (_reader, writer):
            for byte in request(HOOK, length=1000, signature=WRONG):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1.0)


async def forge(port: int, statuses: Counter[int]) -> None:
    """Send wrong signatures as fast as they are answered."""
    body = json.dumps({"ref": "refs/heads/main", "padding": "x" * 10_000}).encode()
    while True:
        async with connected(port) as (reader, writer):
            while not reader.at_eof():
                writer.write(request(HOOK, length=len(body), signature=WRONG) + body)
                statuses[await answer(reader)] += 1


async def send_large_bodies(port: int, statuses: Counter[int]) -> None:
    """Send complete bodies of the largest size with a wrong signature."""
    body = bytes(25 * 1024**2)
    while True:
        async with connected(port) as (reader, writer):
            writer.write(request(HOOK, length=len(body), signature=WRONG) + body)
            statuses[await answer(reader)] += 1


async def send_large_forms(port: int, statuses: Counter[int]) -> None:
    """Send forms of the largest size that take the most memory to decode, with a wrong signature."""
    body = b"payload=".ljust(25 * 1024**2, b"=")
    head = request("/gitea-webhook", length=len(body), more=f"X-Gitea-Signature: {'0' * 64}\r\n")
    head = head.replace(b"application/json", b"application/x-www-form-urlencoded")
    while True:
        async with connected(port) as (reader, writer):
            writer.write(head + body)
            statuses[await answer(reader)] += 1


async def connect_only(port: int, _: Counter[int]) -> None:
    """Open 500 connections per second and keep them open until the server closes them."""
    loop = asyncio.get_running_loop()
    kept: list[asyncio.StreamWriter] = []
    due = loop.time()
    while True:
        with contextlib.suppress(OSError):
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            kept.append(writer)
        if len(kept) > MOST_KEPT:
            kept.pop(0).close()
        due += 1 / 500
        await asyncio.sleep(max(0.0, due - loop.time()))


MOST_KEPT = 1000  # connections of one attacker: more descriptors than that it does not use


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection; the server may close it."""
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


def request(target: str, *, length: int | None = None, signature: str = "", more: str = "") -> bytes:
    """Return the head of a POST as a forge sends it."""
    lines = [f"POST {target} HTTP/1.1", "Host: hooks.example.org", "Content-Type: application/json"]
    lines += ["X-GitHub-Event: push"]
    lines += [f"Content-Length: {length}"] if length is not None else []
    lines += [f"X-Hub-Signature-256: {signature}"] if signature else []
    return ("\r\n".join(lines) + f"\r\n{more}\r\n").encode()


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
    hook, length = HOOK, len(body)
    chunked = request(hook, signature=WRONG).replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    yield HostileRequest("unknown path", request("/wp-login.php"), frozenset({404}))
    yield HostileRequest("path folded", request("//github-webhook", length=length) + body, frozenset({404}))
    yield HostileRequest("other method", request(hook).replace(b"POST", b"GET"), frozenset({405}))
    yield HostileRequest(
        "announced too large", request(hook, length=10**9, signature=WRONG), frozenset({413})
    )
    yield HostileRequest("head too large", request(hook + "?" + "x" * 17_000), frozenset({431}))
    yield HostileRequest("address not allowed", request("/inside", length=length) + body, frozenset({403}))
    yield HostileRequest("no signature", request(hook, length=length) + body, proofless)
    yield HostileRequest("no signature, body to come", request(hook, length=10**6), proofless)
    yield HostileRequest(
        "signature malformed", request(hook, length=length, signature="sha256=x") + body, proofless
    )
    yield HostileRequest("signature wrong", request(hook, length=length, signature=WRONG) + body, proofless)
    yield HostileRequest("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", bad)
    yield HostileRequest("two lengths", request(hook, length=5, more="Content-Length: 6\r\n"), bad)
    yield HostileRequest(
        "length and chunks", chunked.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"), bad
    )
    yield HostileRequest("chunks malformed", chunked + b"zz\r\n", bad)
    yield HostileRequest("chunks of a byte", chunked + b"1\r\nx\r\n" * 2000, bad)
    yield HostileRequest("a head to choke on", b"GET a://" + b"1" * 16_000 + b" HTTP/x\r\n\r\n", bad)
