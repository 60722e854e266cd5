"""`webhookd doctor`: whether everything that a deploy needs works."""

import click

from webhookd.cli import output
from webhookd.cli.options import config_option, daemon_dir
from webhookd.cli.state import enter, is_there
from webhookd.models import Level
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
    # Heavy, and before root becomes a user who need not be able to read the program and what came with it.
    from webhookd.cli import doctor_daemon, doctor_host  # noqa: PLC0415

    units = tuple(doctor_host.about_units())
    folder = daemon_dir(ctx)
    has_state = is_there(folder)
    if has_state:
        enter(folder)
    findings = [
        *doctor_daemon.about_daemon(ctx, folder, url=url),
        *(doctor_host.about_folder(folder) if has_state else ()),
        *doctor_host.about_clock(),
        *units,
    ]
    if as_json:
        output.print_json(findings_json(findings))
    else:
        click.echo(findings_text(findings, color=output.color()))
    ctx.exit(1 if any(finding.level is Level.PROBLEM for finding in findings) else 0)
