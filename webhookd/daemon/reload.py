"""The configuration in force, and its reload while the daemon runs."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from webhookd.errors import NotPossible, StoreError
from webhookd.models.settings import Config
from webhookd.queue import Store

log = structlog.get_logger(__name__)


class ConfigInForce:
    """Returns the configuration when called; all parts call it each time, so that a reload reaches them.

    A reload happens completely or not at all: a file that is refused, or that needs a restart, changes
    nothing.
    """

    def __init__(self, config: Config, *, load: Callable[[], Config], listens_by_itself: bool = True) -> None:
        self._config = config
        self.load = load  # reads the file without putting it in force; raises ConfigError
        self._fixed = ("state_dir", "listen") if listens_by_itself else ("state_dir",)
        self._reloading = threading.Lock()

    def __call__(self) -> Config:
        """Return the configuration in force."""
        return self._config

    def fixed_changes(self, new: Config) -> str:
        """Return the keys that differ in *new* and are only read at the start; "" if there are none.

        `listen` is such a key unless systemd holds the sockets.
        """
        return " and ".join(key for key in self._fixed if getattr(new, key) != getattr(self._config, key))

    def reload(self, store: Store) -> Config:
        """Read the file again and put it in force, also for the runs that wait in *store*.

        Raise ConfigError when the file is refused, and NotPossible when a fixed key has changed.
        """
        with self._reloading:
            config = self.load()
            if changed := self.fixed_changes(config):
                raise NotPossible(
                    f"{changed} cannot change while the daemon runs",
                    hint="`systemctl restart webhookd` changes it; or put the old value back",
                )
            before, self._config = self._config, config  # first, so that no push is queued under the old one
            try:
                apply_config(store, config)
            except StoreError:
                self._config = before
                raise
            return config


def apply_config(store: Store, config: Config) -> None:
    """Apply *config* to the runs that wait in *store*, and cancel those whose target is gone."""
    cancelled, changed = store.take_over(config.targets, now=datetime.now(UTC))
    for run in cancelled:
        log.warning("run cancelled", run=run.run, target=run.target, reason=run.reason)
    if changed:
        log.info("waiting runs changed", count=changed)


def log_config(config: Config) -> None:
    """Log what is doubtful in the configuration, and the path of each hook."""
    for warning in config.warnings:
        log.warning("doubtful configuration", problem=warning)
    for hook in config.hooks:
        log.info("hook ready", hook=hook.name, forge=hook.forge, path=hook.path)
