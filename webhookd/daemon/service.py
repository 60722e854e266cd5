"""The life of the daemon: startup, loop, drain, and an end that undoes the startup in reverse order."""

import math
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from webhookd.daemon.checkup import answer_doctor
from webhookd.daemon.control import Control
from webhookd.daemon.health import Health, Heartbeat
from webhookd.daemon.housekeeping import Housekeeping
from webhookd.daemon.listeners import address_of, open_sockets
from webhookd.daemon.reload import ConfigInForce, apply_config, log_config
from webhookd.daemon.signals import Signals
from webhookd.daemon.statedir import lock_state_dir
from webhookd.daemon.systemd import ServiceManager, inherited_sockets
from webhookd.deploy.launcher import Launcher
from webhookd.deploy.worker import Worker
from webhookd.errors import ConfigError, DiskFull, NotPossible, WebhookdError
from webhookd.models.layout import StateLayout
from webhookd.models.settings import Config
from webhookd.queue import Store
from webhookd.web.app import PublicApp
from webhookd.web.receiver import Receiver
from webhookd.web.server import Server

log = structlog.get_logger(__name__)

_DRAIN_TICK = 0.1  # seconds between two looks at the worker while it drains
_LAST_MINUTE = 60.0  # seconds for all that a stop takes beside the commands
_LAST_RESULTS = 30.0  # seconds, beyond their grace, for commands that were interrupted to end and be recorded
_LAST_REQUESTS = 10.0  # seconds for requests that have begun, once the listeners are closed


class Daemon:
    """All parts, built in order and stopped in the opposite one."""

    def __init__(self, config: Config, *, load: Callable[[], Config]) -> None:
        """Make a daemon for *config*; *load* reads the same file again for a reload."""
        self._signals = Signals()
        self._manager = ServiceManager(os.environ)
        self._inherited = inherited_sockets(os.environ)
        self._config = ConfigInForce(config, load=load, listens_by_itself=not self._inherited)

    def serve(self) -> None:
        """Run until a signal ends it."""
        with ExitStack() as stack:
            self._startup(stack)
            self._loop()
            self._drain()
        self._report_end()

    # -- startup

    def _startup(self, stack: ExitStack) -> None:
        stack.enter_context(lock_state_dir(self._config().state_dir))
        launcher = Launcher(StateLayout(self._config().state_dir))
        launcher.start()  # before the first thread
        stack.callback(launcher.stop)
        self._store = stack.enter_context(Store.open(launcher.layout.database))
        self._build_worker(launcher, stack)
        sockets = self._listen(stack)
        self._start_threads(stack, sockets)
        self._manager.ready()
        for sock in sockets:
            log.info("listening", address=address_of(sock))
        log_config(self._config())

    def _build_worker(self, launcher: Launcher, stack: ExitStack) -> None:
        begin = None
        try:
            self._store.probe(now=datetime.now(UTC))
            self._apply_config()
        except DiskFull as error:
            log.error("started degraded", error=error)  # noqa: TRY400 - as in `Health`
            begin = self._apply_config
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"  # no other daemon has it
        self._worker = Worker(
            store=self._store, launcher=launcher, config=self._config, owner=owner, begin=begin
        )
        stack.callback(self._worker.close)
        self._housekeeping = Housekeeping(store=self._store, launcher=launcher, config=self._config)
        self._heartbeat = Heartbeat(self._manager, store=self._store, running=lambda: self._worker.running)

    def _apply_config(self) -> None:
        apply_config(self._store, self._config())

    def _listen(self, stack: ExitStack) -> Sequence[socket.socket]:
        config = self._config()
        for sock in self._inherited:
            stack.callback(sock.close)
        sockets = self._inherited or stack.enter_context(open_sockets(config.listen))
        self._receiver = Receiver(config=self._config, store=self._store, wake=self._worker.wake)
        health = Health(store=self._store, trouble=self._trouble)
        app = PublicApp(self._receiver, config=self._config, health=health.check)
        self._server = Server(app, sockets, receiver=self._receiver)
        self._signals.install(self._server.wake, stack)
        return sockets

    def _start_threads(self, stack: ExitStack, sockets: Sequence[socket.socket]) -> None:
        doctor = partial(answer_doctor, self._config, sockets, inherited=bool(self._inherited))
        self._control = Control(
            self._config().state_dir,
            {
                "wake": self._wake,
                "status": self._status,
                "reload": self._reload,
                "doctor": doctor,
            },
        )
        stack.callback(self._control.close)
        self._working = _start_thread(stack, "worker", self._worker.run, stop=self._worker.leave)
        _start_thread(stack, "housekeeping", self._housekeeping.run, stop=self._housekeeping.stop)
        _start_thread(stack, "control", self._control.run, stop=self._control.stop)
        stack.callback(self._server.drain, seconds=_LAST_REQUESTS)

    @property
    def _is_working(self) -> bool:
        return self._working.is_alive()

    def _trouble(self) -> str:
        """Return what keeps runs from starting, or ``""``; a stop is no trouble."""
        if self._signals.stops:
            return ""
        if not self._is_working:
            return "worker has ended"
        return "worker is blocked" if self._worker.is_blocked else ""

    # -- loop

    def _loop(self) -> None:
        """Serve until a signal asks for an end."""
        while not self._signals.stops and self._is_working:
            self._heartbeat.beat()
            if self._signals.reload:
                self._signals.reload = False
                self._reload_by_signal()
            self._turn(self._heartbeat.interval)

    def _turn(self, seconds: float) -> None:
        """Serve for *seconds*, and log the rejections that were counted."""
        self._server.turn(seconds)
        self._receiver.rejections.flush(now=time.monotonic())

    def _wake(self) -> Mapping[str, Any]:
        """Make the worker look at what a command has changed in the store."""
        self._worker.wake()
        return {}

    def _status(self) -> Mapping[str, Any]:
        """Return what commands have to know of the configuration in force, and whether this daemon stops."""
        config = self._config()
        targets = [target.name for target in config.targets]
        return {"file": str(config.file), "targets": targets, "stopping": self._signals.stops > 0}

    def _reload(self) -> Mapping[str, Any]:
        """Read the configuration file again and put it in force; tell the service manager."""
        if self._signals.stops:
            raise NotPossible("the daemon is stopping", hint="the next start reads the file anyway")
        self._manager.reloading()
        try:
            config = self._config.reload(self._store)
        finally:
            self._manager.ready()
        self._worker.wake()
        log.info("configuration reloaded", file=config.file)
        log_config(config)
        return {"file": str(config.file), "warnings": [str(warning) for warning in config.warnings]}

    def _reload_by_signal(self) -> None:
        """Reload without anybody to answer: problems go to the log."""
        try:
            self._reload()
        except WebhookdError as error:
            for problem in error.problems if isinstance(error, ConfigError) else (error,):
                log.error("reload refused", problem=problem)  # noqa: TRY400 - the operator's, not ours

    # -- the end

    def _drain(self) -> None:
        """Start nothing more, and go on storing pushes until the last command has ended."""
        running = self._worker.running
        if running:
            log.info(
                "stopping when the running commands have ended - another signal ends them now",
                running=running,
            )
        else:
            log.info("stopping")
        self._worker.drain()
        config = self._config()
        grace = max((target.grace for target in config.targets), default=0.0)
        interrupt_at = time.monotonic() + config.drain_timeout
        self._heartbeat.stop_by(interrupt_at + grace + _LAST_MINUTE)
        leave_at = math.inf
        while self._is_working:
            self._heartbeat.beat()
            now = time.monotonic()
            if leave_at == math.inf and (self._signals.stops > 1 or now >= interrupt_at):
                self._worker.interrupt()
                leave_at = now + grace + _LAST_RESULTS
            if now >= leave_at:
                self._worker.leave()
            self._turn(_DRAIN_TICK)

    def _report_end(self) -> None:
        if not self._signals.stops:
            raise WebhookdError("the worker has ended by itself", hint="its traceback is in the log above")
        left = self._worker.running
        if left:
            log.warning("stopped", running=left)  # the next daemon adopts them
        else:
            log.info("stopped")


def _start_thread(
    stack: ExitStack, name: str, body: Callable[[], None], *, stop: Callable[[], None]
) -> threading.Thread:
    """Start a thread; whatever ends the daemon, *stop* makes *body* return."""
    thread = threading.Thread(target=body, name=name)
    thread.start()
    stack.callback(thread.join)
    stack.callback(stop)
    return thread
