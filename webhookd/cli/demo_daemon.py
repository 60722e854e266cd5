"""The daemon of the demo: the real one, as a process of its own, on a free port."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self, TypeVar

from webhookd.errors import WebhookdError

DEADLINE = 20.0  # seconds; what usually takes a tenth of one
LISTENING = re.compile(r"listening address=127\.0\.0\.1:(\d+)")

T = TypeVar("T")


class DemoDaemon:
    """Runs `webhookd serve` on *config* for as long as it is entered."""

    def __init__(self, config: Path, *, environment: Mapping[str, str]) -> None:
        self._config = config
        self._log = config.with_name("daemon.log")
        self._environment = dict(environment)

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "webhookd", "serve", "--config", str(self._config)],
                cwd=self._config.parent,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def port(self) -> int:
        """Wait until the daemon listens, and give its port."""
        return self.wait_for(self._find_port, what="the daemon to listen")

    def wait_for(self, find: Callable[[], T | None], *, what: str) -> T:
        """Give what *find* finds, as soon as it finds something and while the daemon lives."""
        end = time.monotonic() + DEADLINE
        pause = Event()
        while (found := find()) is None:
            if self._process.poll() is not None or time.monotonic() > end:
                raise WebhookdError(f"waited in vain for {what}", hint=f"its log says: {self._last_line()}")
            pause.wait(0.01)
        return found

    def _find_port(self) -> int | None:
        found = LISTENING.search(self._log.read_text(encoding="utf-8", errors="replace"))
        return int(found[1]) if found else None

    def _last_line(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else "nothing"
