"""The daemon's part of `webhookd doctor`: only the daemon is in its sandbox and has the secrets."""

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from webhookd.config.accounts import user_name
from webhookd.daemon.listeners import address_of
from webhookd.daemon.reload import ConfigInForce, fixed_keys
from webhookd.deploy.preflight import examine
from webhookd.errors import ConfigError
from webhookd.intake.signing import Probe, probe_headers
from webhookd.models.run import Finding
from webhookd.models.settings import Config

FILE = "configuration"


class Checkup:
    """Answers the questions of `webhookd doctor`."""

    def __init__(self, config: ConfigInForce, sockets: Sequence[socket.socket], *, inherited: bool) -> None:
        self._config = config
        self._listening = [address_of(sock) for sock in sockets]
        self._inherited = inherited

    def look(self) -> Mapping[str, Any]:
        """Return the user, the addresses, the forges, and the findings about the file and each target."""
        return {
            "forges": [hook.forge for hook in self._config().hooks],
            "user": user_name(os.geteuid()),
            "listening": self._listening,
            "findings": [asdict(finding) for finding in self._findings()],
        }

    def probes(self) -> Mapping[str, Any]:
        """Return the path of each hook, and the headers that make each probe authentic."""
        now = datetime.now(UTC)
        return {
            "hooks": [
                {
                    "path": hook.path,
                    "headers": {probe: dict(probe_headers(probe, hook=hook, now=now)) for probe in Probe},
                }
                for hook in self._config().hooks
            ]
        }

    def _findings(self) -> Iterator[Finding]:
        try:
            config = self._config.load()
        except ConfigError as error:
            yield from about_refused(error)
            config = self._config()
        else:
            yield from about_file(config)
            yield from self._about_differences(config)
        for target in config.targets:
            yield from examine(target)

    def _about_differences(self, config: Config) -> Iterator[Finding]:
        """Compare the file with the configuration and the sockets in use."""
        if config != self._config():
            message = f'"{config.file}" has changed since it was put in force'
            fixed = " and ".join(fixed_keys(self._config(), config, listens_by_itself=not self._inherited))
            hint = f"systemctl restart webhookd: {fixed} cannot change while the daemon runs"
            yield Finding.warning(FILE, message, hint if fixed else "webhookd reload")
        wanted = {str(address) for address in config.listen}
        if self._inherited and not wanted <= set(self._listening):
            message = f"`listen` says {', '.join(sorted(wanted))}, and systemd's sockets win over it"
            hint = "`systemctl edit webhookd.socket` changes the socket unit; or disable it"
            yield Finding.warning(FILE, message, hint)


def about_file(config: Config) -> Iterator[Finding]:
    """Report an accepted configuration and its warnings, such as secrets that others can read."""
    said = f'"{config.file}" is accepted: hooks {len(config.hooks)}, targets {len(config.targets)}'
    yield Finding.ok(FILE, said)
    for warning in config.warnings:
        yield Finding.warning(FILE, str(warning))


def about_refused(error: ConfigError) -> Iterator[Finding]:
    """Report every problem of a refused configuration."""
    for problem in error.problems:
        yield Finding.problem(FILE, str(problem))
