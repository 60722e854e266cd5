"""The life of the daemon: startup, loop, shutdown."""

import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from webhookd.daemon.control import Control
from webhookd.daemon.housekeeping import Housekeeping
from webhookd.daemon.http import HttpServer
from webhookd.daemon.listeners import describe, open_sockets
from webhookd.daemon.statedir import StateDir
from webhookd.deploy.launcher import Launcher
from webhookd.deploy.worker import Worker
from webhookd.errors import StoreError
from webhookd.models import Config
from webhookd.queue import Store
from webhookd.web.app import create_app
from webhookd.web.hooks import Hooks

log = logging.getLogger(__name__)

_TICK = 1.0  # seconds between two looks of the main loop
_PROBE_INTERVAL = 5.0  # seconds for which one answer of the health check holds
_LAST_REQUESTS = 10.0  # seconds for requests that have begun, once the listeners are closed


class Daemon:
    """All parts, built in order and stopped in the opposite one."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._signals = _Signals()
        self._health = ""
        self._probed_at = float("-inf")

    def serve(self) -> None:
        """Run until a signal ends it."""
        with ExitStack() as stack:
            self._startup(stack)
            self._loop()
            self._shutdown()

    def _startup(self, stack: ExitStack) -> None:
        config = self._config
        stack.enter_context(StateDir(config.state_dir))
        self._launcher = Launcher(config.state_dir)
        self._launcher.start()  # before the first thread
        stack.callback(self._launcher.stop)
        self._store = stack.enter_context(Store.open(config.state_dir / "webhookd.db"))
        self._store.probe(now=datetime.now(UTC))
        self._worker = Worker(
            store=self._store, launcher=self._launcher, config=lambda: self._config, owner=_owner()
        )
        self._worker.adopt()
        stack.callback(self._worker.close)
        self._housekeeping = Housekeeping(store=self._store, config=lambda: self._config)
        sockets = stack.enter_context(open_sockets(config.listen))
        hooks = Hooks(config=lambda: self._config, store=self._store, wake=self._worker.wake)
        app = create_app(hooks, health=self._check_health)
        self._server = HttpServer(app, sockets, max_body=config.max_body)
        self._signals.install(self._server.wake)
        self._control = Control(config.state_dir, {"wake": self._wake})
        stack.callback(self._control.close)
        self._threads = [
            _start_thread("worker", self._worker.run),
            _start_thread("housekeeping", self._housekeeping.run),
            _start_thread("control", self._control.run),
        ]
        _log_start(config, sockets)

    def _loop(self) -> None:
        """Serve until a first signal, and on until the last command has ended."""
        worker = self._threads[0]
        while not self._signals.count and worker.is_alive():
            self._server.turn(_TICK)
        log.info("stopping running=%s", ",".join(self._worker.running) or "-")
        self._worker.drain()
        deadline = time.monotonic() + self._config.drain_timeout
        while worker.is_alive():
            if self._signals.count > 1 or time.monotonic() >= deadline:
                self._worker.interrupt()
            self._server.turn(min(_TICK, 0.1))

    def _shutdown(self) -> None:
        self._server.drain(seconds=_LAST_REQUESTS)
        self._housekeeping.stop()
        self._control.stop()
        for thread in self._threads:
            thread.join()
        self._signals.restore()
        log.info("stopped")

    def _wake(self) -> Mapping[str, Any]:
        """Let the worker look at what somebody has changed in the store."""
        self._worker.wake()
        return {}

    def _check_health(self) -> str:
        """Say what is wrong, or ``""``: the store takes writes and the worker lives."""
        if not self._threads[0].is_alive() and not self._signals.count:
            return "worker has ended"
        now = time.monotonic()
        if now - self._probed_at >= _PROBE_INTERVAL:
            self._probed_at = now
            try:
                self._store.probe(now=datetime.now(UTC))
                self._health = ""
            except StoreError as error:
                log.error("store unavailable error=%s", error)  # noqa: TRY400 - a condition, not a bug
                self._health = "store takes no writes"
        return self._health


class _Signals:
    """Counts the signals that ask for an end; handlers do nothing else."""

    _ASK_TO_END = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self.count = 0

    def install(self, wake: Callable[[], None]) -> None:
        def note(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the shape of a handler
            self.count += 1
            wake()

        self._before = {signum: signal.signal(signum, note) for signum in self._ASK_TO_END}

    def restore(self) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)


def _start_thread(name: str, body: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=body, name=name)
    thread.start()
    return thread


def _owner() -> str:
    """Name this daemon so that no other, earlier or later, has the same name."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def _log_start(config: Config, sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        log.info("listening address=%s", describe(sock))
    for hook in config.hooks:
        log.info("hook ready hook=%s forge=%s path=%s", hook.name, hook.forge, hook.path)
