"""The daemon's part of `webhookd doctor`: only the daemon is in its sandbox and has the secrets."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from webhookd.config.accounts import user_name
from webhookd.daemon.listeners import address_of
from webhookd.daemon.reload import ConfigInForce
from webhookd.deploy.preflight import examine
from webhookd.errors import ConfigError
from webhookd.intake.signing import Probe, probe_headers
from webhookd.models.run import Finding
from webhookd.models.settings import Config

FILE = "configuration"


def answer_doctor(
    config: ConfigInForce, sockets: Sequence[socket.socket], *, inherited: bool
) -> Mapping[str, Any]:
    """Return what `webhookd doctor` needs to know; *inherited*: systemd opened the *sockets*.

    For each hook these are the headers that make each probe authentic; for a while, as some have the time.
    """
    listening = [address_of(sock) for sock in sockets]
    findings = [asdict(finding) for finding in _findings(config, listening, inherited=inherited)]
    hooks, now = config().hooks, datetime.now(UTC)  # after the findings, which may take a while
    return {
        "user": user_name(os.geteuid()),
        "listening": listening,
        "findings": findings,
        "forges": [hook.forge for hook in hooks],
        "hooks": [
            {
                "path": hook.path,
                "headers": {probe: dict(probe_headers(probe, hook=hook, now=now)) for probe in Probe},
            }
            for hook in hooks
        ],
    }


def _findings(in_force: ConfigInForce, listening: Sequence[str], *, inherited: bool) -> Iterator[Finding]:
    """Check the file, compare it with what is in force, and look at each target."""
    used = in_force()
    loaded, findings = examine_file(in_force.load)
    yield from findings
    config = loaded or used
    if config != used:
        message = f'"{config.file}" has changed since it was put in force'
        fixed = in_force.fixed_changes(config)
        hint = f"systemctl restart webhookd: {fixed} cannot change while the daemon runs"
        yield Finding.warning(FILE, message, hint if fixed else "webhookd reload")
    wanted = {str(address) for address in config.listen}
    if inherited and not wanted <= set(listening):
        message = f"`listen` says {', '.join(sorted(wanted))}, and systemd's sockets win over it"
        hint = "`systemctl edit webhookd.socket` changes the socket unit; or disable it"
        yield Finding.warning(FILE, message, hint)
    for target in config.targets:
        yield from examine(target)


def examine_file(load: Callable[[], Config]) -> tuple[Config | None, list[Finding]]:
    """Load the configuration and report its problems or warnings; it is None if it is refused."""
    try:
        config = load()
    except ConfigError as error:
        return None, [Finding.problem(FILE, str(problem)) for problem in error.problems]
    said = f'"{config.file}" is accepted: hooks {len(config.hooks)}, targets {len(config.targets)}'
    warnings = [Finding.warning(FILE, str(warning)) for warning in config.warnings]
    return config, [Finding.ok(FILE, said), *warnings]
