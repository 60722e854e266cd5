"""Measure the claim and the lists with a long history, as ratios to a short one in the same run.

    python benchmarks/claims.py [--short 10000] [--long 1000000] [--waiting 10000]

Both databases are filled in the same way, with ended runs of many targets, and measured in turns. Then the
claim is measured with many waiting runs, as ratios to 100 of them: each of a repository of its own, each of a
branch of one repository, and all of one branch.
"""

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from pushes import COMMIT, NOW, push

from webhookd.models.run import Ending, Outcome, RunState
from webhookd.models.settings import Overlap
from webhookd.queue import Store

TARGETS = 200
SUCCESS = Outcome(ending=Ending.EXITED, exit_code=0)

HISTORY = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :runs)
INSERT INTO delivery (id, uid, hook, forge, delivery_id, body_sha256, content_type, event, kind,
    opened_by, reason, received_at)
SELECT i, 'github/old-' || i || '/' || hex(randomblob(32)), 'github', 'github', 'old-' || i,
    hex(randomblob(32)), 'application/json', 'push', 'push', '', '', :start + i * 1000000 FROM n
"""

RUNS = """
INSERT INTO run (id, delivery_id, target, slot, lane, overlap, repo, ref, commit_id, pusher, push, state,
    attempt, retries, not_before, queued_at, started_at, ended_at, exit_code)
SELECT id, id, repo || '@main', repo || '@main x refs/heads/main', repo || '@main x refs/heads/main',
    'latest', repo, 'refs/heads/main', :commit, 'octocat',
    '{"repo": "octocat/old", "ref": "refs/heads/main"}',
    CASE id % 10 WHEN 0 THEN 'failed' WHEN 1 THEN 'superseded' ELSE 'succeeded' END, 1, 0,
    received_at, received_at, received_at, received_at + 1000000, 0
FROM (SELECT id, received_at, 'octocat/old' || (id % :targets) AS repo FROM delivery)
"""

ATTEMPTS = """
INSERT INTO attempt (run_id, n, owner, started_at, ended_at, ending, exit_code)
SELECT id, 1, 'old', started_at, ended_at, 'exited', 0 FROM run WHERE state <> 'superseded'
"""

FEW = 100
SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "repositories": lambda n: {"repo": f"octocat/{n}"},
    "branches": lambda n: {"branch": str(n)},
    "one line": lambda _: {"overlap": Overlap.QUEUE},
}


def main() -> None:
    """Measure and print."""
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        short = filled(Path(folder) / "short.db", runs=options.short)
        long = filled(Path(folder) / "long.db", runs=options.long)
        compare(short, long, options)
        for store in (short, long):
            store.close()
    print(f"\n{'waiting runs':28}{FEW:>12,}{options.waiting:>12,}   ratio (bar 3, aim 1.5)")
    for shape in SHAPES:
        compare_waiting(shape, options.waiting)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Claim and lists with a long history")
    parser.add_argument("--short", type=int, default=10_000, help="runs in the short history")
    parser.add_argument("--long", type=int, default=1_000_000, help="runs in the long history")
    parser.add_argument("--waiting", type=int, default=10_000, help="waiting runs")
    parser.add_argument("--rounds", type=int, default=150)
    return parser.parse_args()


def filled(path: Path, *, runs: int) -> Store:
    """Return a store with this number of ended runs."""
    store = Store.open(path)
    connection = sqlite3.connect(path)
    start = round((NOW - timedelta(days=30)).timestamp() * 1e6)
    with connection:
        connection.execute(HISTORY, {"runs": runs, "start": start})
        connection.execute(RUNS, {"targets": TARGETS, "commit": COMMIT})
        connection.execute(ATTEMPTS)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return store


def compare(short: Store, long: Store, options: argparse.Namespace) -> None:
    """Print each operation's median for both histories."""
    numbers = iter(range(10**9))
    print(f"{'':28}{options.short:>12,}{options.long:>12,}   ratio")
    times: dict[str, tuple[list[float], list[float]]] = {}
    for _ in range(options.rounds):
        number = next(numbers)
        for side, store in enumerate((short, long)):
            for name, seconds in once(store, number):
                times.setdefault(name, ([], []))[side].append(seconds)
    for name, (few, many) in times.items():
        a, b = statistics.median(few), statistics.median(many)
        print(f"{name:28}{a * 1e3:9.3f} ms{b * 1e3:9.3f} ms{b / a:7.2f} x")


def once(store: Store, number: int) -> Iterator[tuple[str, float]]:
    """Time each step of one push through the store, and each list."""
    decision = push(number, repo=f"octocat/old{number % TARGETS}")
    yield "accept", timed(lambda: store.accept(decision, now=NOW))
    claims: list[int] = []
    yield "claim", timed(lambda: claims.append(claimed(store)))
    yield "finish", timed(lambda: finish(store, claims[0]))
    yield "claim, empty queue", timed(lambda: store.claim(owner="new", now=NOW))
    yield "runs", timed(store.runs)
    yield "runs of a target", timed(lambda: store.runs(target="octocat/old7@main"))
    yield "failed runs", timed(lambda: store.runs(state=RunState.FAILED))
    yield "queued runs", timed(lambda: store.runs(state=RunState.QUEUED))
    yield "runs, page in the middle", timed(lambda: store.runs(before=5000))
    yield "deliveries", timed(store.deliveries)
    yield "counts", timed(store.counts)
    yield "next due", timed(lambda: store.next_due(now=NOW))


def compare_waiting(shape: str, many: int) -> None:
    """Print the median of a claim, and of the look for what is due next, with few and with many waiting."""
    few_claim, few_due = waiting_times(shape, FEW)
    many_claim, many_due = waiting_times(shape, many)
    for name, a, b in (("claim", few_claim, many_claim), ("next due", few_due, many_due)):
        print(f"{f'{name}, {shape}':28}{a * 1e3:9.3f} ms{b * 1e3:9.3f} ms{b / a:7.2f} x")


def waiting_times(shape: str, waiting: int) -> tuple[float, float]:
    """Return the median seconds of a claim and of `next_due` while this many runs wait."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(Path(folder) / "webhookd.db") as store,
        ThreadPoolExecutor(max_workers=64) as pool,
    ):
        list(pool.map(lambda n: store.accept(push(n, **SHAPES[shape](n)), now=NOW), range(waiting)))
        claims, dues = [], []
        for _ in range(60):
            runs: list[int] = []
            claims.append(timed(lambda runs=runs: runs.append(claimed(store))))  # type: ignore[misc]
            dues.append(timed(lambda: store.next_due(now=NOW)))
            finish(store, runs[0])
        return statistics.median(claims), statistics.median(dues)


def claimed(store: Store) -> int:
    """Claim a run and return its number."""
    claim = store.claim(owner="new", now=NOW)
    assert claim is not None
    return claim.run.run


def finish(store: Store, run: int) -> None:
    """End a run with success."""
    store.finish(run, owner="new", attempt=1, outcome=SUCCESS, now=NOW)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that *work* takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
