"""`webhookd doctor`: whether everything that a deploy needs works."""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from webhookd.cli import output
from webhookd.cli.identity import become_owner
from webhookd.cli.options import config_file, config_option, daemon_dir
from webhookd.errors import ConfigError
from webhookd.models import Finding, Level
from webhookd.report import findings_json, findings_text


@click.command()
@config_option
@click.option("--url", default="", metavar="URL", help="How the forge reaches the daemon; tried as well.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(ctx: click.Context, *, url: str, as_json: bool) -> None:
    """Look at the daemon, its configuration, every target, the store, the disk, the clock and the units.

    Asks the running daemon, which alone sees what its commands will see, and sends it signed deliveries that
    run nothing; with --url also by the way a forge's deliveries take. Exits with 1 if there is a problem.
    """
    folder = daemon_dir(ctx)
    if folder.is_dir():
        become_owner(folder)
    findings = [*_about_daemon(ctx, folder, url), *_about_host(folder)]
    if as_json:
        output.print_json(findings_json(findings))
    else:
        click.echo(findings_text(findings, color=output.color()))
    ctx.exit(1 if any(finding.level is Level.PROBLEM for finding in findings) else 0)


def _about_daemon(ctx: click.Context, folder: Path, url: str) -> Iterator[Finding]:
    from webhookd.cli import doctor_network as network  # noqa: PLC0415 - heavy, and for this command alone
    from webhookd.daemon.control import ask  # noqa: PLC0415 - as above

    answer = ask(folder, "doctor")
    if answer is None:
        yield from _about_stopped(ctx, folder)
        return
    said = f'up, as "{answer["user"]}", on "{folder}"'
    yield Finding(check="daemon", level=Level.OK, message=said)
    yield from (Finding(**finding | {"level": Level(finding["level"])}) for finding in answer["findings"])
    yield from network.about_health(answer["listening"])
    probes = ask(folder, "probes") or {"hooks": ()}
    yield from network.about_probes(probes["hooks"], answer["listening"], url)


def _about_stopped(ctx: click.Context, folder: Path) -> Iterator[Finding]:
    """Say what can be said from outside, without the daemon's sandbox and secrets."""
    from webhookd import config as configuration  # noqa: PLC0415 - heavy, and for this command alone
    from webhookd.cli.doctor_network import about_free_addresses  # noqa: PLC0415 - as above
    from webhookd.daemon.checkup import about_file, about_refused  # noqa: PLC0415 - as above
    from webhookd.deploy.examination import examine  # noqa: PLC0415 - as above

    yield Finding(
        check="daemon",
        level=Level.PROBLEM,
        message=f'no daemon runs on "{folder}": secrets, sandbox and probes cannot be looked at',
        hint="systemctl start webhookd, or webhookd serve",
    )
    try:
        config = configuration.peek(config_file(ctx), env=os.environ, uid=os.getuid())
    except ConfigError as error:
        yield from about_refused(error)
        return
    yield from about_file(config)
    for repository in config.repositories:
        for target in repository.targets:
            yield from examine(target)
    yield from about_free_addresses(config.listen)


def _about_host(folder: Path) -> Iterator[Finding]:
    from webhookd.cli import doctor_host as host  # noqa: PLC0415 - as above

    if folder.is_dir():
        yield from host.about_store(folder)
        yield from host.about_disk(folder)
    yield from host.about_clock()
    yield from host.about_units()
