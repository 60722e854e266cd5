"""The configuration in force, and how another one takes its place while the daemon runs."""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from webhookd.errors import RestartNeeded
from webhookd.models import Config
from webhookd.queue import Store

log = logging.getLogger(__name__)


class ConfigInForce:
    """Gives the configuration when called; every part asks it anew, so that a reload reaches all of them.

    A reload is whole or not at all: a file that is refused, or that asks for what only a restart can give,
    changes nothing.
    """

    def __init__(self, config: Config, *, load: Callable[[], Config]) -> None:
        self._config = config
        self._load = load
        self._reloading = threading.Lock()

    def __call__(self) -> Config:
        """Give the configuration in force."""
        return self._config

    def read(self) -> Config:
        """Read the file as a reload would, and leave in force what is; raises ConfigError."""
        return self._load()

    def reload(self, *, store: Store, listens_by_itself: bool) -> Config:
        """Read the file again and let it rule from now on, also over what waits in *store*.

        Raises ConfigError when the file is refused, RestartNeeded when a key has changed that is only read at
        the start: `listen` is one unless systemd holds the sockets.
        """
        with self._reloading:
            config = self._load()
            changed = tuple(_fixed_keys(self._config, config, listens_by_itself=listens_by_itself))
            if changed:
                raise RestartNeeded(
                    f"{' and '.join(changed)} cannot change while the daemon runs",
                    hint="`systemctl restart webhookd` changes it; or put the old value back",
                )
            self._config = config
            take_over(store, config)
            return config


def take_over(store: Store, config: Config) -> None:
    """Put what waits in *store* under the rules of *config*; what has no target any more is cancelled."""
    targets = [target for repository in config.repositories for target in repository.targets]
    now = datetime.now(UTC)
    for run in store.cancel_targets({target.name for target in targets}, now=now):
        log.warning("run cancelled run=%d target=%s reason=%s", run.run, run.target, run.reason)
    changed = store.relane(targets, now=now)
    if changed:
        log.info("waiting runs changed count=%d", changed)


def _fixed_keys(old: Config, new: Config, *, listens_by_itself: bool) -> Iterator[str]:
    if new.state_dir != old.state_dir:
        yield "state_dir"
    if listens_by_itself and new.listen != old.listen:
        yield "listen"
