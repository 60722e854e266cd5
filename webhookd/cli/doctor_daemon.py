"""What `webhookd doctor` learns from the running daemon, or sees from outside while there is none."""

import encodings.idna  # noqa: F401 - for every address that is looked up, and looked for only then
import os
from collections.abc import Iterator
from pathlib import Path

import click

from webhookd.cli import doctor_network as network
from webhookd.cli.options import config_file, named_config
from webhookd.cli.state import other_file
from webhookd.config import loading
from webhookd.daemon.checkup import FILE, about_file, about_refused
from webhookd.daemon.control import ask
from webhookd.deploy.examination import examine
from webhookd.errors import ConfigError
from webhookd.models import Config, Finding, Level


def about_daemon(ctx: click.Context, folder: Path, *, url: str) -> Iterator[Finding]:
    """Ask the daemon on *folder*, and send to it, by *url* too where there is one."""
    answer = ask(folder, "doctor")
    if answer is None:
        yield from _about_stopped(ctx, folder)
        return
    if "error" in answer:
        yield Finding(check="daemon", level=Level.PROBLEM, message=answer["error"], hint=answer["hint"])
        return
    said = f'up, as "{answer["user"]}", on "{folder}"'
    yield Finding(check="daemon", level=Level.OK, message=said)
    yield from _about_name(folder, named_config(ctx))
    yield from (Finding(**finding | {"level": Level(finding["level"])}) for finding in answer["findings"])
    yield from network.about_health(answer["listening"])
    probes = ask(folder, "probes") or {"hooks": ()}
    yield from network.about_probes(probes["hooks"], answer["listening"], url)


def _about_name(folder: Path, named: Path | None) -> Iterator[Finding]:
    """Say where the daemon works with another file than the one that somebody has named."""
    works_with = other_file(folder, named)
    if works_with is not None:
        said = f'the daemon works with "{works_with}", not with "{named}"'
        hint = "what follows is about that file; to change to another takes a restart of the daemon"
        yield Finding(check=FILE, level=Level.PROBLEM, message=said, hint=hint)


def _about_stopped(ctx: click.Context, folder: Path) -> Iterator[Finding]:
    """Say what can be said from outside, without the daemon's sandbox and surroundings."""
    yield Finding(
        check="daemon",
        level=Level.PROBLEM,
        message=f'no daemon runs on "{folder}": sandbox and probes cannot be looked at',
        hint="`systemctl start webhookd` or `webhookd serve`; a change of `state_dir` takes a restart",
    )
    config = None
    try:
        config = loading.inspect(config_file(ctx), env=os.environ, uid=os.getuid())
        yield from about_file(config)
    except ConfigError as error:
        yield from about_refused(error)
        config = _peeked(ctx)
    if config is None:
        return
    for target in config.targets:
        yield from examine(target)
    yield from network.about_free_addresses(config.listen)


def _peeked(ctx: click.Context) -> Config | None:
    """Give what can be looked at where no more than the secrets is wrong."""
    try:
        return loading.peek(config_file(ctx), env=os.environ, uid=os.getuid())
    except ConfigError:
        return None
