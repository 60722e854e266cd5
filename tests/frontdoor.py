"""The public server alone, with real sockets and a real store, in a thread of the test process."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daemon import push_payload, signed
from factories import make_hook, make_repository, make_secret
from rawhttp import Wire, head, posted, wire

from webhookd.daemon.listeners import open_sockets
from webhookd.models.settings import Config, Listen
from webhookd.queue import Store
from webhookd.web.app import PublicApp
from webhookd.web.connection import Limits
from webhookd.web.receiver import Receiver
from webhookd.web.server import Server

SECRET = "s3cret"  # the key of `make_secret`
DEFAULTS = Limits()
SHORT = 0.2  # seconds
LIMITS = Limits(sweep=0.02, idle_when_draining=0.05)
HEALTH = head("GET", "/healthz")
Application = Callable[..., Any]


@dataclass(repr=False)  # a failing property shows its values, and this one would be 30 kB
class FrontDoor:
    """The public server with the configuration of the factories; no worker takes its runs."""

    store: Store
    config: Config
    limits: Limits = DEFAULTS
    application: Application | None = None  # instead of the Flask app
    wakes: list[None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.receiver = Receiver(
            config=lambda: self.config, store=self.store, wake=lambda: self.wakes.append(None)
        )
        self._stopping = threading.Event()

    @contextlib.contextmanager
    def serving(self, *addresses: Listen) -> Iterator["FrontDoor"]:
        with open_sockets(addresses or [Listen(host="127.0.0.1")]) as sockets:
            self.port = 0 if sockets[0].family == socket.AF_UNIX else sockets[0].getsockname()[1]
            self.server = Server(
                self.application or self.app(), sockets, receiver=self.receiver, limits=self.limits
            )
            self._thread = threading.Thread(target=self._run)
            self._thread.start()
            try:
                yield self
            finally:
                self.stop()

    def app(self, *, health: Callable[[], str] = lambda: "") -> PublicApp:
        return PublicApp(self.receiver, config=lambda: self.config, health=health)

    def stop(self) -> None:
        """Stop the thread; it drains the server as the daemon does."""
        self._stopping.set()
        if self._thread.is_alive():
            self.server.wake()
        self._thread.join()

    def connect(self) -> contextlib.AbstractContextManager[Wire]:
        return wire(self.port)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.server.turn(0.2)
        self.server.drain(seconds=5)


def make_front_door(store: Store, **over: Any) -> FrontDoor:
    """Return a front door for octocat/blog; `hook=` and `config=` change its hook and configuration."""
    hook = over.pop("hook", make_hook(secrets=(make_secret(SECRET),)))
    config = Config(
        file=Path("/etc/webhookd/webhookd.yaml"),
        state_dir=Path("/var/lib/webhookd"),
        hooks=(hook,),
        repositories=(make_repository(),),
    )
    return FrontDoor(store=store, config=replace(config, **over.pop("config", {})), **over)


def push(size: int = 0, *, secret: str = SECRET, **headers: str) -> bytes:
    body = json.dumps(push_payload() | {"padding": "x" * size}).encode()
    fields = {name.replace("-", "_").lower(): value for name, value in signed(body, secret).items()}
    return posted(body, **(fields | headers))


def limits(**over: Any) -> Limits:
    return replace(LIMITS, **over)


@contextlib.contextmanager
def held(store: Store) -> Iterator[threading.Event]:
    """Keep the store's writer busy until the event is set or the block ends."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        begun.set()
        go_on.wait(30)

    holding = threading.Thread(target=lambda: store._db.write(hold))  # noqa: SLF001 - no disk hangs on demand
    holding.start()
    assert begun.wait(30)
    try:
        yield go_on
    finally:
        go_on.set()
        holding.join()
