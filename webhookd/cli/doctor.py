"""`webhookd doctor`: check everything that a deploy needs."""

import encodings.idna  # noqa: F401 - Python would import it only when it first looks up an address
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

# All imported before root becomes another user, who may not be allowed to read the program.
from webhookd.cli import doctor_host as host
from webhookd.cli import doctor_network as network
from webhookd.cli import output
from webhookd.cli.configuration import config_file, readable_config
from webhookd.cli.daemon_link import daemon_status, other_config
from webhookd.cli.options import config_option, json_option
from webhookd.cli.state import enter_daemon_dir
from webhookd.config import SecretAccess, load
from webhookd.daemon.checkup import FILE, examine_file
from webhookd.daemon.control import ask
from webhookd.deploy.preflight import examine
from webhookd.models.run import Finding, Level
from webhookd.report.doctor_view import findings_json, findings_text


@click.command()
@config_option
@click.option("--url", default="", metavar="URL", help="Public address of the daemon, to test it as well.")
@json_option("one JSON object")
@click.pass_context
def doctor(ctx: click.Context, *, url: str, as_json: bool) -> None:
    """Check the daemon, its configuration, every target, the store, the disk, the clock and the units.

    Asks the running daemon, because only the daemon sees what its commands will see, and sends it signed
    deliveries that run nothing; with --url also to the address that the forge uses. Exits with 1 if it
    finds a problem.
    """
    units = tuple(host.check_units())
    folder = enter_daemon_dir(ctx)
    answer = ask(folder, "doctor")
    findings = [
        *(_without_daemon(ctx, folder) if answer is None else _daemon(ctx, folder, answer, url=url)),
        *host.check_store(folder),
        *host.check_disk(folder),
        *host.check_clock((answer or {}).get("forges", ())),
        *units,
    ]
    if as_json:
        output.print_json(findings_json(findings))
    else:
        click.echo(findings_text(findings, width=output.width(), color=output.color()))
    ctx.exit(1 if any(finding.level is Level.PROBLEM for finding in findings) else 0)


def _daemon(ctx: click.Context, folder: Path, answer: Mapping[str, Any], *, url: str) -> Iterator[Finding]:
    """Report what the daemon on *folder* has found, and send test deliveries to it."""
    if "error" in answer:
        yield Finding.problem("daemon", answer["error"], answer["hint"])
        return
    if daemon_status(folder).get("stopping"):
        yield Finding.warning("daemon", "stopping: it starts no runs", "start it again when it has ended")
    else:
        yield Finding.ok("daemon", f'up, as "{answer["user"]}", on "{folder}"')
    if other := other_config(ctx, folder):
        hint = (
            "the findings below are about the daemon's file; to use another one, restart the daemon with it"
        )
        yield Finding.problem(FILE, other, hint)
    yield from (Finding(**finding | {"level": Level(finding["level"])}) for finding in answer["findings"])
    yield from network.check_health(answer["listening"])
    yield from network.check_deliveries(answer["hooks"], answer["listening"], url)


def _without_daemon(ctx: click.Context, folder: Path) -> Iterator[Finding]:
    """Check what can be seen without the daemon's sandbox and environment."""
    message = f'no daemon runs on "{folder}": its sandbox and its addresses cannot be tested'
    hint = "`systemctl start webhookd` or `webhookd serve`; a change of `state_dir` needs a restart"
    yield Finding.problem("daemon", message, hint)
    outside = SecretAccess.OUTSIDE
    config, findings = examine_file(
        lambda: load(config_file(ctx), env=os.environ, uid=os.getuid(), access=outside)
    )
    yield from findings
    config = config or readable_config(ctx)  # perhaps only the secrets are wrong
    if config is not None:
        for target in config.targets:
            yield from examine(target)
        yield from network.check_free_addresses(config.listen)
