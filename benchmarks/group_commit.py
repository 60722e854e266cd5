"""Measure accepts per second of many threads with group commit, against one lock per request.

    python benchmarks/group_commit.py [--threads 64] [--accepts 6000] [--slow]

Both sides run the same transaction with synchronous=FULL, in turns, each on its own database. `--slow`
repeats this with 5 ms added to each fsync, by a small library that `cc` compiles.
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

from pushes import NOW, push

from webhookd.queue import Store
from webhookd.queue.dialect import Transaction
from webhookd.queue.sqlite import SqliteTransaction
from webhookd.queue.sqlite_files import open_database

Result = TypeVar("Result")

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void pause_5_ms(void) {
    struct timespec pause = {0, 5 * 1000 * 1000};
    nanosleep(&pause, 0);
}

int fsync(int fd) {
    int (*next)(int) = dlsym(RTLD_NEXT, "fsync");
    pause_5_ms();
    return next(fd);
}

int fdatasync(int fd) {
    int (*next)(int) = dlsym(RTLD_NEXT, "fdatasync");
    pause_5_ms();
    return next(fd);
}
"""


class OneLock:
    """A simple backend to compare with: one connection, one lock, one commit per change."""

    def __init__(self, path: Path) -> None:
        open_database(path).close()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA wal_autocheckpoint = 4000")
        self._lock = threading.Lock()

    def write(
        self, work: Callable[[Transaction], Result], *, durable: bool = True, repos: Collection[str] = ()
    ) -> Result:
        """Run *work* in its own transaction, which is always durable."""
        del durable, repos
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            result = work(SqliteTransaction(self._connection))
            self._connection.execute("COMMIT")
            return result

    def read(self, query: Callable[[Transaction], Result]) -> Result:
        """Run *query* on the same connection."""
        with self._lock:
            return query(SqliteTransaction(self._connection))

    def check(self) -> tuple[str, ...]:
        """Return no problems: the benchmark does not use this."""
        return ()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def main() -> None:
    """Measure and print."""
    options = arguments()
    measure(options, label="fsync of this disk" if not options.under_shim else "5 ms added to each fsync")
    if options.slow and not options.under_shim:
        again_with_shim(options)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Group commit against one lock per request")
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--accepts", type=int, default=6000, help="per round, over all threads")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow", action="store_true", help="repeat with 5 ms added to each fsync")
    parser.add_argument("--under-shim", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(options: argparse.Namespace, *, label: str) -> None:
    """Print the accepts per second of both sides, and their ratio."""
    grouped, locked = [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            grouped.append(rate(Store.open(Path(folder) / "grouped.db"), options))
            locked.append(rate(Store(OneLock(Path(folder) / "locked.db")), options))
    ours, theirs = statistics.median(grouped), statistics.median(locked)
    print(f"{label}, {options.threads} threads:")
    print(f"  group commit {ours:8,.0f} accepts/s, one lock {theirs:8,.0f} accepts/s: {ours / theirs:.2f} x")


def rate(store: Store, options: argparse.Namespace) -> float:
    """Return the accepts per second of all threads together."""
    each = options.accepts // options.threads
    start = threading.Barrier(options.threads + 1)
    threads = [
        threading.Thread(target=accept, args=(store, start, range(n * each, (n + 1) * each)))
        for n in range(options.threads)
    ]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    store.close()
    return float(each * options.threads / seconds)


def accept(store: Store, start: threading.Barrier, numbers: range) -> None:
    """Push each of *numbers*, one after the other."""
    decisions = [push(number, repo=f"octocat/r{number % 500}") for number in numbers]
    start.wait()
    for decision in decisions:
        store.accept(decision, now=NOW)


def again_with_shim(options: argparse.Namespace) -> None:
    """Run this script again with the library that slows down each fsync."""
    if shutil.which("cc") is None:
        print("no C compiler (cc): skipped the run with a slow fsync")
        return
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "slow.c", Path(folder) / "slow.so"
        source.write_text(SHIM)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        command = [sys.executable, __file__, "--under-shim", "--threads", str(options.threads)]
        command += ["--accepts", str(options.accepts // 4), "--rounds", str(options.rounds)]
        subprocess.run(command, check=True, env={**os.environ, "LD_PRELOAD": str(library)})


if __name__ == "__main__":
    main()
