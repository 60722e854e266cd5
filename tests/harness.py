"""Shared by tests of processes: wait for a condition, and inspect processes from outside."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

DEADLINE = 30.0  # seconds; only a failing test takes this long


def wait_for(condition: Callable[[], T], *, what: str = "condition", deadline: float = DEADLINE) -> T:
    """Call *condition* until it returns a true value or the deadline passes, and return that value."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out after {deadline:g} s waiting for {what}")
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Return whether *pid* is a process that has not ended."""
    try:
        state = (
            Path(f"/proc/{pid}/stat")
            .read_text(encoding="ascii", errors="replace")
            .rpartition(")")[2]
            .split()[0]
        )
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


def command_line(pid: int) -> bytes:
    """Return the arguments of *pid*, each followed by NUL; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def read_pids(folder: Path) -> list[int]:
    """Return the pids that commands of a test wrote into files `*.pid`."""
    return [int(path.read_text()) for path in folder.glob("*.pid") if path.read_text().strip()]
