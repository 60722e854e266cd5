"""The daemon of the demo: the real one, as a process of its own, on a free port."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TypeVar

from webhookd.cli.unwinding import Unwinding
from webhookd.errors import WebhookdError

DEADLINE = 20.0  # seconds; what usually takes a tenth of one
LISTENING = re.compile(r"listening address=127\.0\.0\.1:(\d+)")

T = TypeVar("T")


class DemoDaemon:
    """A daemon that is up, and its log."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process = process
        self._log = log

    def port(self) -> int:
        """Wait until the daemon listens, and give its port."""
        return self.wait_for(self._find_port, what="the daemon to listen")

    def wait_for(self, find: Callable[[], T | None], *, what: str) -> T:
        """Give what *find* finds, as soon as it finds something and while the daemon lives."""
        end = time.monotonic() + DEADLINE
        pause = Event()
        while (found := find()) is None:
            if self._process.poll() is not None or time.monotonic() > end:
                raise WebhookdError(
                    f"waited in vain for {what}", hint=f"the daemon's log ends: {self._last_line()}"
                )
            pause.wait(0.01)
        return found

    def stop(self) -> None:
        """End the daemon and all that it started."""
        self._process.terminate()
        try:
            self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _find_port(self) -> int | None:
        found = LISTENING.search(self._log.read_text(encoding="utf-8", errors="replace"))
        return int(found[1]) if found else None

    def _last_line(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else "with nothing"


@contextmanager
def demo_daemon(
    config: Path, *, environment: Mapping[str, str], unwinding: Unwinding
) -> Iterator[DemoDaemon]:
    """Run `webhookd serve` on *config*; whatever happens, it does not stay."""
    log = config.with_name("daemon.log")
    log.touch()
    unwinding.hold()
    daemon = DemoDaemon(_start(config, log, environment), log)
    try:
        unwinding.release()
        yield daemon
    finally:
        unwinding.hold()
        daemon.stop()


def _start(config: Path, log: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "webhookd", "serve", "--config", str(config)],
            cwd=config.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
