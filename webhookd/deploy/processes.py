"""What the kernel knows about processes: descendants, identities, environments. Standard library only.

Source: proc(5), prctl(2) PR_SET_CHILD_SUBREAPER.
"""

import ctypes
import os
import signal
from collections.abc import Collection, Iterator
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_VICTIM_MARGIN = 200  # thousandths of the memory there is
_SURE_VICTIM = 1000
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Make this process the parent of every descendant whose own parent ends.

    Without it a process that forks twice leaves the tree for good.
    """
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def prefer_as_victim() -> None:
    """Have the kernel, when memory runs out, end this process and its children before its parent.

    Source: proc(5), oom_score_adj. Anybody may raise it, so this needs no privilege.
    """
    setting = Path("/proc/self/oom_score_adj")
    setting.write_text(str(min(int(setting.read_text()) + _VICTIM_MARGIN, _SURE_VICTIM)))


def descendants(*roots: int) -> list[int]:
    """Return the pids of all living descendants of *roots*, parents before children."""
    children: dict[int, list[int]] = {}
    for pid, parent, _ in _living():
        children.setdefault(parent, []).append(pid)
    found = [pid for root in roots for pid in children.get(root, ())]
    for pid in found:  # grows while it is read
        found.extend(children.get(pid, ()))
    return found


def remains(invocation: str, main: str) -> list[int]:
    """Return the living processes of the attempt with this *invocation* and the command *main*.

    Those are the process *main*, an `identity`, those that have the invocation in their first environment,
    and all below. A command that empties its environment and leaves its parents is not found: only a living
    supervisor reaches such a one.
    """
    mark = f"\0WEBHOOKD_INVOCATION={invocation}\0".encode()
    roots = [pid for pid, _, _ in _living() if mark in b"\0" + _read(f"/proc/{pid}/environ")]
    main_pid = int(main.partition(":")[0] or 0)
    if _stat(main_pid) and identity(main_pid) == main:
        roots.append(main_pid)
    return [pid for pid in dict.fromkeys(roots + descendants(*roots)) if pid != os.getpid()]


def identity(pid: int) -> str:
    """Return a name of the process *pid* that no later process has, not even after a boot."""
    status = _stat(pid)
    boot = _read("/proc/sys/kernel/random/boot_id").decode().strip()
    return f"{pid}:{status[2] if status else 'ended'}:{boot}"


def send(signum: signal.Signals, pids: Collection[int]) -> int:
    """Signal each of *pids* that still lives; return how many this user may not signal."""
    forbidden = 0
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            continue
        except PermissionError:
            forbidden += 1
    return forbidden


def terminate(pids: Collection[int]) -> None:
    """Ask each of *pids* to end; a stopped one is continued."""
    send(signal.SIGTERM, pids)
    send(signal.SIGCONT, pids)


def _living() -> Iterator[tuple[int, int, int]]:
    """Yield pid, parent and start (clock ticks since boot) of each process that is not a zombie."""
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names are all that is needed, once per process
        if entry.isdigit() and (status := _stat(int(entry))):
            yield status


def _stat(pid: int) -> tuple[int, int, int] | None:
    text = _read(f"/proc/{pid}/stat")
    # The second field is the name in brackets, and may itself hold brackets and spaces.
    fields = text.rpartition(b")")[2].split()
    if not fields or fields[0] == b"X" or (fields[0] == b"Z" and int(fields[17]) <= 1):
        return None  # a zombie with several threads is at work: only its first thread has ended
    return pid, int(fields[1]), int(fields[19])


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""  # ended in between, or another user's
