"""Good pushes during attacks, and the answers to each kind of hostile request.

    python benchmarks/hostile.py [--silent 500] [--slow 500] [--forgers 16] [--seconds 20] [--idle 1500]
        [--large 16] [--each 10000]

1. Silent connections, connections that send one byte per second, and connections that send wrong signatures
   as fast as they can, all at once and from the same address as a good push each second.
2. Bodies of 25 MiB with wrong signatures, beside good pushes of 100 KB.
3. 2,000 new idle connections per second, beside good pushes that take one second.
4. Forms of 25 MiB with wrong signatures, which are decoded before the signature can be checked.
5. More idle connections than the server accepts.
6. A signed push of 5,000 files with long names, for a rule with patterns that are slow to match.
7. Many requests of each hostile kind: their status codes, and the size of the log.

Exits with 1 when a bar is missed. `--untimed` leaves out the bars that depend on the machine's speed.
"""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import http.client
import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

from attacks import (
    HOOK,
    Attacker,
    attack,
    connect_only,
    forge,
    hostile_requests,
    send_large_bodies,
    send_large_forms,
    send_many,
    stay_silent,
    trickle,
)
from served import SECRET, WEBHOOKD, Served, webhookd

SLOWEST = 1.0  # seconds
GROWTH, LARGE_GROWTH, FILES, LOG = 30 * 1024**2, 200 * 1024**2, 100 * 1024**2, 1024**2  # bytes
RULES = """
    hook: github
    branches: {main: exit 0, names: {run: exit 0, paths: ["**test*.py", "**/a*b*/**/c"]}}
"""
SETTINGS = """
hooks:
  inside: {forge: github, path: /inside, secret: {file: %s}, allow_from: [192.0.2.1]}
  gitea: {secret: {file: %s}}
"""


def main() -> None:
    """Attack, print the findings, and compare them with the bars."""
    options = arguments()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as name:
        secret = Path(name, "inside")
        secret.touch(mode=0o600)
        secret.write_bytes(SECRET)
        with webhookd(Path(name, "webhookd"), RULES, settings=SETTINGS % (secret, secret)) as served:
            missed = [
                *under_attack(served, options),
                *under_large_bodies(served, options),
                *under_bare_connects(served, options),
                *under_large_forms(served, options),
                *with_idle_connections(served, options),
                *with_long_names(served, options),
                *one_kind_after_the_other(served, options),
            ]
            pushed = 4 * (options.seconds + 1) + 2
            runs = count_runs(Path(name, "webhookd"))
            missed += check("runs, of the good pushes alone", runs, holds=runs == pushed)
            missed += check("daemon alive", served.pid, holds=Path(f"/proc/{served.pid}").exists())
    sys.exit(bool(missed))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Good pushes among hostile clients")
    counts = {"silent": 500, "slow": 500, "forgers": 16, "large": 16, "seconds": 20, "idle": 1500}
    counts |= {"each": 10_000}
    for name, default in counts.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--untimed", action="store_true", help="judge nothing that depends on the speed")
    return parser.parse_args()


def check(what: str, value: object, *, holds: bool) -> list[str]:
    """Print one finding; return it in a list if it misses its bar."""
    print(f"{'ok    ' if holds else 'MISSED'} {what}: {value}")
    return [] if holds else [what]


# -- 1 to 4. good pushes during an attack


def under_attack(served: Served, options: argparse.Namespace) -> Iterator[str]:
    """Push during attacks of silent, slow and forging clients."""
    attackers: Mapping[Attacker, int] = {
        stay_silent: options.silent,
        trickle: options.slow,
        forge: options.forgers,
    }
    statuses = yield from pushes_meanwhile(served, attackers, options)
    rightly = set(statuses) <= {401, 429} and bool(statuses)
    yield from check("forgers were answered", dict(statuses), holds=rightly)
    print(f"       forgers' requests a second: {statuses.total() / options.seconds:,.0f}")


def under_large_bodies(served: Served, options: argparse.Namespace) -> Iterator[str]:
    """Push 100 KB while clients send bodies of 25 MiB with wrong signatures."""
    attackers: Mapping[Attacker, int] = {send_large_bodies: options.large}
    statuses = yield from pushes_meanwhile(served, attackers, options, size=100_000, growth=LARGE_GROWTH)
    yield from check("large bodies were answered", dict(statuses), holds=set(statuses) <= {401, 408, 429})


def under_bare_connects(served: Served, options: argparse.Namespace) -> Iterator[str]:
    """Push over one second each, while 2,000 idle connections per second are opened."""
    yield from pushes_meanwhile(served, {connect_only: 4}, options, takes=1.0)


def under_large_forms(served: Served, options: argparse.Namespace) -> Iterator[str]:
    """Push 100 KB while clients send forms of 25 MiB with wrong signatures to a hook of Gitea."""
    attackers: Mapping[Attacker, int] = {send_large_forms: 2}  # more would close each other's connections
    statuses = yield from pushes_meanwhile(served, attackers, options, size=100_000, growth=LARGE_GROWTH)
    yield from check("large forms were answered", dict(statuses), holds=set(statuses) <= {401, 408, 429})


def pushes_meanwhile(  # noqa: PLR0913 - each is a fact of its own
    served: Served,
    attackers: Mapping[Attacker, int],
    options: argparse.Namespace,
    *,
    size: int = 0,
    takes: float = 0.0,
    growth: int = GROWTH,
) -> Generator[str, None, Counter[int]]:
    """Push once per second during the attack, and return the answers that the attackers got."""
    push(served)
    before = served.memory()
    with attack(served.port, attackers) as answers:
        took, memory, files = [], before, 0
        for _ in range(options.seconds):
            began = time.perf_counter()
            push(served, size=size, takes=takes)
            took.append(time.perf_counter() - began - takes)
            memory, files = max(memory, served.memory()), max(files, served.unnamed_files())
            time.sleep(max(0.0, 1.0 - (time.perf_counter() - began)))
    statuses = answers.get()
    quick = options.untimed or max(took) < SLOWEST
    yield from check("slowest good push, seconds", f"{max(took):.3f}", holds=quick)
    yield from check("memory grew by MiB", f"{(memory - before) / 2**20:.1f}", holds=memory - before < growth)
    yield from check("bodies in files, MiB", f"{files / 2**20:.1f}", holds=files < FILES)
    return statuses


# -- 5. too many connections


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


# -- 6. work for the patterns


def with_long_names(served: Served, options: argparse.Namespace) -> Iterator[str]:
    """Send 20 MB of names of changed files."""
    names = [f"{number}/" + "test" * 1000 for number in range(5000)]
    commits = [{"added": names, "modified": [], "removed": []}]
    wait_for_no_bodies(served)
    before = served.cpu_seconds()
    push(served, ref="refs/heads/names", commits=commits)
    cpu = served.cpu_seconds() - before
    what = "push of 5,000 long names, seconds of processor time"
    yield from check(what, f"{cpu:.3f}", holds=options.untimed or cpu < SLOWEST)


def wait_for_no_bodies(served: Served) -> None:
    """Wait until the forms of the attack before are decoded: they share a cap with this push."""
    deadline = time.monotonic() + 60
    while served.unnamed_files() and time.monotonic() < deadline:
        time.sleep(0.05)


# -- 7. one kind after the other


def one_kind_after_the_other(served: Served, options: argparse.Namespace) -> Iterator[str]:
    """Send requests of each kind, and check the answers and the size of the log."""
    for kind in hostile_requests():
        statuses = asyncio.run(send_many(served.port, kind, options.each))
        holds = set(statuses) <= kind.statuses and sum(statuses.values()) == options.each
        yield from check(f"{kind.name}: answers", dict(statuses), holds=holds)
    size = served.log.stat().st_size
    yield from check("log, KiB", f"{size / 1024:.0f}", holds=size < LOG)


# -- the good ones


def push(served: Served, *, size: int = 0, takes: float = 0.0, **over: object) -> None:
    """Send a good push of about *size* bytes over *takes* seconds; it must be accepted."""
    commit = hashlib.sha1(str(time.time_ns()).encode(), usedforsecurity=False).hexdigest()
    body = json.dumps(
        {
            "ref": "refs/heads/main",
            "before": "1" * 40,
            "after": commit,
            "repository": {"full_name": "octocat/blog"},
            "padding": "x" * size,
        }
        | over
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": commit,
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET, body, "sha256").hexdigest(),
    }
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.putrequest("POST", HOOK)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body[:100])
    time.sleep(takes)
    connection.send(body[100:])
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
