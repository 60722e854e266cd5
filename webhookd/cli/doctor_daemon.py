"""The part of `webhookd doctor` about the daemon, its configuration and its targets."""

import encodings.idna  # noqa: F401 - Python would import it only when it first looks up an address
import os
from collections.abc import Iterator
from pathlib import Path

import click

from webhookd.cli import doctor_network as network
from webhookd.cli.configuration import config_file, named_config
from webhookd.cli.daemon_link import other_config
from webhookd.config import SecretAccess, load
from webhookd.daemon.checkup import FILE, about_file, about_refused
from webhookd.daemon.control import ask
from webhookd.deploy.preflight import examine
from webhookd.errors import ConfigError
from webhookd.models.run import Finding, Level


def check_daemon(ctx: click.Context, folder: Path, *, url: str) -> Iterator[Finding]:
    """Ask the daemon on *folder*, and send test deliveries to it."""
    answer = ask(folder, "doctor")
    if answer is None:
        yield from _check_without_daemon(ctx, folder)
        return
    if "error" in answer:
        yield Finding.problem("daemon", answer["error"], answer["hint"])
        return
    yield Finding.ok("daemon", f'up, as "{answer["user"]}", on "{folder}"')
    named = named_config(ctx)
    used = other_config(folder, named)
    if used is not None:
        message = f'the daemon uses "{used}", not "{named}"'
        hint = (
            "the findings below are about the daemon's file; to use another one, restart the daemon with it"
        )
        yield Finding.problem(FILE, message, hint)
    yield from (Finding(**finding | {"level": Level(finding["level"])}) for finding in answer["findings"])
    yield from network.check_health(answer["listening"])
    probes = ask(folder, "probes") or {"hooks": ()}
    yield from network.check_deliveries(probes["hooks"], answer["listening"], url)


def _check_without_daemon(ctx: click.Context, folder: Path) -> Iterator[Finding]:
    """Check what can be seen without the daemon's sandbox and environment."""
    message = f'no daemon runs on "{folder}": its sandbox and its addresses cannot be tested'
    hint = "`systemctl start webhookd` or `webhookd serve`; a change of `state_dir` needs a restart"
    yield Finding.problem("daemon", message, hint)
    try:
        config = load(config_file(ctx), env=os.environ, uid=os.getuid(), access=SecretAccess.OUTSIDE)
        yield from about_file(config)
    except ConfigError as error:
        yield from about_refused(error)
        try:
            config = load(config_file(ctx), env=os.environ, uid=os.getuid(), access=SecretAccess.NONE)
        except ConfigError:
            return  # more than the secrets is wrong
    for target in config.targets:
        yield from examine(target)
    yield from network.check_free_addresses(config.listen)
