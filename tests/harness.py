"""What tests of processes share: waiting for a condition, and looking at processes from outside."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

DEADLINE = 30.0  # seconds; reached only by a test that fails


def wait_for(condition: Callable[[], T], *, what: str = "condition", deadline: float = DEADLINE) -> T:
    """Give the first true value of *condition*, looking again and again until the deadline."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {deadline:g} s")
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether *pid* is a process that has not ended."""
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
    """The arguments of *pid*, each ended by NUL; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def read_pids(folder: Path) -> list[int]:
    """The pids that commands of a test wrote into files called `*.pid`."""
    return [int(path.read_text()) for path in folder.glob("*.pid") if path.read_text().strip()]
