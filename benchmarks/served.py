"""Servers to measure: started on a free port of 127.0.0.1, observed from outside, and ended."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

WEBHOOKD = str(Path(sys.executable).with_name("webhookd"))
SECRET = b"benchmark"

_PAUSE, _RESTING = 0.5, 0.05  # seconds between two measurements; share of a processor that counts as idle
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A listening server."""

    pid: int
    port: int
    log: Path

    def cpu_seconds(self) -> float:
        """Return the processor time of the whole process tree so far, including ended processes."""
        ticks = 0
        for pid in self.tree():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                ticks += sum(map(int, _stat(pid)[11:15]))  # utime, stime, cutime, cstime: proc(5)
        return ticks / _TICKS

    def cpu_seconds_when_quiet(self) -> float:
        """Wait until the process tree is idle, and return its processor time."""
        before, now = -1.0, self.cpu_seconds()
        while now - before > _RESTING * _PAUSE:
            time.sleep(_PAUSE)
            before, now = now, self.cpu_seconds()
        return now

    def memory(self) -> int:
        """Return the memory of the process tree in bytes; shared memory is counted once (PSS)."""
        total = 0
        for pid in self.tree():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
                total += int(re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[0]) * 1024
        return total

    def unnamed_files(self) -> int:
        """Return the bytes on disk of the files without a name that the server holds open."""
        total = 0
        for link in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if "(deleted)" in str(link.readlink()):
                    total += link.stat().st_blocks * 512
        return total

    def tree(self) -> list[int]:
        """Return the ids of the server's processes, its own first."""
        parents = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                parents[int(folder.name)] = int(_stat(int(folder.name))[1])
        found = [self.pid]
        for pid in found:  # the list grows during the loop
            found += [child for child, parent in parents.items() if parent == pid]
        return found


@contextlib.contextmanager
def webhookd(folder: Path, rules: str, *, settings: str = "") -> Iterator[Served]:
    """Run the installed daemon for octocat/blog with these branch *rules*, indented by four spaces."""
    folder.mkdir()
    (folder / "secret").touch(mode=0o600)
    (folder / "secret").write_bytes(SECRET)
    config = folder / "webhookd.yaml"
    config.write_text(
        f"secret: {{file: {folder}/secret}}\nlisten: 127.0.0.1:0\nstate_dir: {folder}/state\n{settings}\n"
        f"repos:\n  octocat/blog:\n{rules}\n"
    )
    with started([WEBHOOKD, "serve", "--config", str(config)], folder / "log") as served:
        yield served


@contextlib.contextmanager
def started(command: Sequence[str], log: Path, *, port: int = 0) -> Iterator[Served]:
    """Run *command* until the end of the block; without *port*, the port is read from its log."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            while not (found := listening(port, log)):
                if process.poll() is not None:
                    raise SystemExit(f"the server ended: {log.read_text(errors='replace')}")
                time.sleep(0.01)
            yield Served(pid=process.pid, port=found, log=log)
        finally:
            process.terminate()


def listening(port: int, log: Path) -> int:
    """Return the port that a server listens on; 0 while it does not listen."""
    if not port:
        found = re.search(r"listening \S*:(\d+)", log.read_text(errors="replace"))
        return int(found[1]) if found else 0
    with socket.socket() as probe:
        return 0 if probe.connect_ex(("127.0.0.1", port)) else port


def free_port() -> int:
    """Return a port of 127.0.0.1 that is not in use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stat(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    return text.rpartition(")")[2].split()
