"""Measure accepts of signed pushes: how many per second, how fast, and the processor time of each.

    python benchmarks/accepts.py [--seconds 5] [--rounds 3] [--connections 64]

Three servers take turns: the installed daemon, the same app with a store that keeps nothing, and Debian's
package `webhook`, which checks the same signature, starts the same shell script and stores nothing. The load
generator (`wrk`) sends each of them distinct pushes of 10 KB over keep-alive connections; they are signed
before the clock starts. Processor time is that of the whole process tree until the last command has ended.

An accept is "kept" when its command started, or (webhookd) when a newer push of its branch replaced it.
`webhook` answers before it starts the command; under this load, most of its commands fail to start ("too many
open files"). So rates and processor times are compared by kept accepts. Exits with 1 when a bar is missed.
"""

import argparse
import contextlib
import functools
import hashlib
import hmac
import json
import secrets
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from served import SECRET, Served, free_port, started, webhookd

LOAD = r"""
local threads = 0
function setup(thread)
   thread:set("thread", threads)
   threads = threads + 1
end
function init(args)
   pieces, pushes, number = {}, {}, thread
   for line in io.lines(args[1]) do table.insert(pieces, line) end
   for line in io.lines(args[2]) do table.insert(pushes, line) end
   headers = {["Content-Type"] = "application/json", ["User-Agent"] = "GitHub-Hookshot/044aadd",
              ["Accept"] = "*/*", ["X-GitHub-Event"] = "push"}
end
function request()
   local push = assert(pushes[number + 1], "too few pushes are prepared")
   local commit = push:sub(1, 40)
   number = number + 2
   headers["X-GitHub-Delivery"] = commit
   headers["X-Hub-Signature-256"] = push:sub(42)
   return wrk.format("POST", nil, headers, table.concat(pieces, commit))
end
function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format('{"requests": %d, "us": %d, "p50": %d, "p99": %d, "refused": %d, "lost": %d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"""


MOST = 6000  # pushes that a server may take in a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The result of one round of load."""

    rate: float  # accepts/s
    kept: float  # share of the accepts
    p50: float  # seconds
    p99: float  # seconds
    cpu: float  # seconds of the server's process tree for one accept

    @property
    def kept_rate(self) -> float:
        """The kept accepts per second."""
        return self.rate * self.kept

    @property
    def kept_cpu(self) -> float:
        """The seconds of processor time for each kept accept."""
        return self.cpu / self.kept


Start = Callable[[Path], contextlib.AbstractContextManager[tuple[Served, str]]]


def main() -> None:
    """Measure the three servers in turns, and compare them."""
    parser = argparse.ArgumentParser(description="Accepts of signed pushes, compared")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--only", choices=SERVERS, action="append", help="measure only this server")
    options = parser.parse_args()
    rounds: dict[str, list[Load]] = {}
    for _ in range(options.rounds):
        for name in options.only or SERVERS:
            with tempfile.TemporaryDirectory() as folder, SERVERS[name](Path(folder)) as (served, path):
                rounds.setdefault(name, []).append(load(served, path, Path(folder), options))
    medians = {name: median(loads) for name, loads in rounds.items()}
    for name, result in medians.items():
        p50, p99, cpu = (seconds * 1e3 for seconds in (result.p50, result.p99, result.cpu))
        print(
            f"{name:16} {result.rate:6,.0f}/s   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   {cpu:.3f} CPU-ms"
            f"   kept {result.kept:4.0%}"
        )
    if len(medians) == len(SERVERS):
        sys.exit(judge(**{name.replace(" ", "_"): result for name, result in medians.items()}))


def judge(webhookd: Load, without_storage: Load, webhook: Load) -> int:
    """Print each ratio with its bar; return 1 when one is missed."""
    at_least = (
        ("kept accepts/s, webhookd / webhook", webhookd.kept_rate / webhook.kept_rate, 0.40, 0.65),
        ("accepts/s, webhookd / without storage", webhookd.rate / without_storage.rate, 0.45, 0.6),
    )
    at_most = (
        ("p99, webhookd / webhook", webhookd.p99 / webhook.p99, 0.6, 0.4),
        ("CPU per kept push, webhookd / webhook", webhookd.kept_cpu / webhook.kept_cpu, 0.8, 0.6),
    )
    for name, ratio, bar, aim in (*at_least, *at_most):
        print(f"{name:40} {ratio:5.2f} (bar {bar:g}, aim {aim:g})")
    missed = [ratio < bar for _, ratio, bar, _ in at_least] + [ratio > bar for _, ratio, bar, _ in at_most]
    return int(any(missed))


def median(loads: list[Load]) -> Load:
    """Return the median of each figure."""
    names = ("rate", "kept", "p50", "p99", "cpu")
    return Load(**{name: statistics.median(getattr(each, name) for each in loads) for name in names})


def load(served: Served, path: str, folder: Path, options: argparse.Namespace) -> Load:
    """Push over all connections at once, after one second of warm-up."""
    warm_up = wrk(served, path, folder, options.connections, seconds=1)
    before = served.cpu_seconds_when_quiet()
    result = wrk(served, path, folder, options.connections, seconds=options.seconds)
    cpu = served.cpu_seconds_when_quiet() - before
    accepted = warm_up["requests"] + result["requests"]
    assert not result["refused"], f"{result['refused']} refused, see {served.log.read_text()[-2000:]}"
    assert not result["lost"], result
    return Load(
        rate=result["requests"] / result["us"] * 1e6,
        kept=min(
            1.0, kept(folder, accepted) / accepted
        ),  # wrk does not count the last request of each connection
        p50=result["p50"] / 1e6,
        p99=result["p99"] / 1e6,
        cpu=cpu / result["requests"],
    )


def wrk(served: Served, path: str, folder: Path, connections: int, *, seconds: int) -> dict[str, int]:
    """Push with wrk, and return what its script prints."""
    body, pushes, script = folder / "body", folder / "pushes", folder / "load.lua"
    body.write_text("\n".join(pieces()))
    pushes.write_text("\n".join(signed(secrets.token_hex(20)) for _ in range(seconds * MOST + connections)))
    script.write_text(LOAD)
    command = ["wrk", "--threads", "2", "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--timeout", "30s", "--script", str(script), f"http://127.0.0.1:{served.port}{path}", "--"]
    wrk = subprocess.run([*command, str(body), str(pushes)], check=True, capture_output=True, text=True)
    result: dict[str, int] = json.loads(wrk.stdout.splitlines()[-1])
    return result


def kept(folder: Path, accepted: int) -> int:
    """Count the kept accepts: recorded runs of webhookd, or else commands that ran."""
    database, ran = folder / "webhookd" / "state" / "webhookd.db", folder / "ran"
    if database.exists():
        with contextlib.closing(sqlite3.connect(database)) as connection:
            return int(connection.execute("SELECT count(*) FROM run").fetchone()[0])
    return ran.stat().st_size if ran.exists() else accepted  # the app without storage runs nothing


def signed(commit: str) -> str:
    """Return a line of the list of pushes: the commit and the signature of the body with it."""
    return f"{commit} sha256={hmac.new(SECRET, commit.join(pieces()).encode(), hashlib.sha256).hexdigest()}"


@functools.cache
def pieces() -> list[str]:
    """Return the body of a push of 10 KB, in the pieces between which its commit stands."""
    commit = "COMMIT"
    head = {"id": commit, "message": "Say more", "added": [], "removed": [], "modified": ["index.md"]}
    payload: dict[str, Any] = {
        "ref": "refs/heads/main",
        "before": "4544205a385319fd846d5df4ed2e3b8173529d78",
        "after": commit,
        "commits": [head],
        "head_commit": head,
        "repository": {"full_name": "octocat/blog", "clone_url": "https://github.com/octocat/blog.git"},
        "pusher": {"name": "octocat", "email": "octocat@github.com"},
    }
    api = "https://api.github.com/repos/octocat/blog"
    payload["repository"] |= {f"link{number}_url": f"{api}/{number}" for number in range(150)}
    return json.dumps(payload).split(commit)


@contextlib.contextmanager
def the_daemon(folder: Path) -> Iterator[tuple[Served, str]]:
    """Serve with the installed webhookd."""
    with webhookd(folder / "webhookd", f"    main: [{deploy_script(folder)}]") as served:
        yield served, "/github-webhook"


@contextlib.contextmanager
def without_storage(folder: Path) -> Iterator[tuple[Served, str]]:
    """Serve the same app in a process that stores and runs nothing."""
    command = [sys.executable, str(Path(__file__).with_name("without_storage.py"))]
    with started(command, folder / "log") as served:
        yield served, "/github-webhook"


@contextlib.contextmanager
def the_other(folder: Path) -> Iterator[tuple[Served, str]]:
    """Serve with Debian's package `webhook`, the same rule and the same command."""
    hooks = folder / "hooks.json"
    signed = {
        "type": "payload-hmac-sha256",
        "secret": SECRET.decode(),
        "parameter": {"source": "header", "name": "X-Hub-Signature-256"},
    }
    branch = {"type": "value", "value": "refs/heads/main", "parameter": {"source": "payload", "name": "ref"}}
    rule = {"and": [{"match": signed}, {"match": branch}]}
    hook = {"id": "blog", "execute-command": str(deploy_script(folder)), "trigger-rule": rule}
    hooks.write_text(json.dumps([hook | {"trigger-rule-mismatch-http-response-code": 403}]))
    port = free_port()
    command = ["webhook", "-hooks", str(hooks), "-ip", "127.0.0.1", "-port", str(port)]
    with started(command, folder / "log", port=port) as served:
        yield served, "/hooks/blog"


def deploy_script(folder: Path) -> Path:
    """Write the shell script that both programs run for each push."""
    script = folder / "deploy.sh"
    script.write_text(f"#!/bin/sh\nprintf x >> {folder}/ran\n")
    script.chmod(0o755)
    return script


SERVERS: dict[str, Start] = {
    "webhookd": the_daemon,
    "without storage": without_storage,
    "webhook": the_other,
}


if __name__ == "__main__":
    main()
