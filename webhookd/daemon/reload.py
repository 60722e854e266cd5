"""The configuration in force, and its reload while the daemon runs."""

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from webhookd.daemon.systemd import ServiceManager
from webhookd.errors import ConfigError, NotPossible, RestartNeeded, StoreError, WebhookdError
from webhookd.models.settings import Config
from webhookd.queue import Store

log = structlog.get_logger(__name__)


class ConfigInForce:
    """Returns the configuration when called; all parts call it each time, so that a reload reaches them.

    A reload happens completely or not at all: a file that is refused, or that needs a restart, changes
    nothing.
    """

    def __init__(self, config: Config, *, load: Callable[[], Config]) -> None:
        self._config = config
        self.load = load  # reads the file without putting it in force; raises ConfigError
        self._reloading = threading.Lock()

    def __call__(self) -> Config:
        """Return the configuration in force."""
        return self._config

    def reload(self, *, store: Store, listens_by_itself: bool) -> Config:
        """Read the file again and put it in force, also for the runs that wait in *store*.

        Raise ConfigError when the file is refused, and RestartNeeded when a key has changed that is only read
        at the start. `listen` is such a key unless systemd holds the sockets.
        """
        with self._reloading:
            config = self.load()
            changed = tuple(fixed_keys(self._config, config, listens_by_itself=listens_by_itself))
            if changed:
                raise RestartNeeded(
                    f"{' and '.join(changed)} cannot change while the daemon runs",
                    hint="`systemctl restart webhookd` changes it; or put the old value back",
                )
            before, self._config = self._config, config  # first, so that no push is queued under the old one
            try:
                apply_config(store, config)
            except StoreError:
                self._config = before
                raise
            return config


class Reload:
    """Reloads when called, tells the service manager, and returns the answer for the control socket."""

    def __init__(
        self,
        config: ConfigInForce,
        *,
        store: Store,
        manager: ServiceManager,
        wake: Callable[[], None],
        listens_by_itself: bool,
    ) -> None:
        self._config = config
        self._store = store
        self._manager = manager
        self._wake = wake
        self._listens_by_itself = listens_by_itself
        self._refusing = threading.Event()

    def __call__(self) -> Mapping[str, Any]:
        """Read the configuration file and put it in force."""
        if self._refusing.is_set():
            raise NotPossible("the daemon is stopping", hint="the next start reads the file anyway")
        self._manager.reloading()
        try:
            config = self._config.reload(store=self._store, listens_by_itself=self._listens_by_itself)
        finally:
            self._manager.ready()
        self._wake()
        log.info("configuration reloaded", file=config.file)
        log_config(config)
        return {"file": str(config.file), "warnings": [str(warning) for warning in config.warnings]}

    def on_signal(self) -> None:
        """Reload for a signal, which gets no answer: problems go to the log."""
        try:
            self()
        except ConfigError as error:
            for problem in error.problems:
                log.error("reload refused", problem=problem)  # noqa: TRY400 - the operator's, not ours
        except WebhookdError as error:
            log.error("reload refused", problem=error)  # noqa: TRY400 - as above

    def refuse(self) -> None:
        """Refuse reloads from now on, because the daemon is stopping."""
        self._refusing.set()


def apply_config(store: Store, config: Config) -> None:
    """Apply *config* to the runs that wait in *store*, and cancel those whose target is gone."""
    cancelled, changed = store.take_over(config.targets, now=datetime.now(UTC))
    for run in cancelled:
        log.warning("run cancelled", run=run.run, target=run.target, reason=run.reason)
    if changed:
        log.info("waiting runs changed", count=changed)


def fixed_keys(old: Config, new: Config, *, listens_by_itself: bool) -> Iterator[str]:
    """Yield the keys that differ and are only read at the start."""
    if new.state_dir != old.state_dir:
        yield "state_dir"
    if listens_by_itself and new.listen != old.listen:
        yield "listen"


def log_config(config: Config) -> None:
    """Log what is doubtful in the configuration, and the path of each hook."""
    for warning in config.warnings:
        log.warning("doubtful configuration", problem=warning)
    for hook in config.hooks:
        log.info("hook ready", hook=hook.name, forge=hook.forge, path=hook.path)
