"""`webhookd doctor`: check everything that a deploy needs."""

import click

from webhookd.cli import output
from webhookd.cli.configuration import daemon_dir
from webhookd.cli.options import config_option, json_option
from webhookd.cli.state import enter, is_there
from webhookd.models.run import Level


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
    # Imported before root becomes another user, who may not be allowed to read the program.
    from webhookd.cli import doctor_daemon, doctor_host
    from webhookd.report import findings_json, findings_text

    units = tuple(doctor_host.check_units())
    folder = daemon_dir(ctx)
    has_state = is_there(folder)
    if has_state:
        enter(folder)
    findings = [
        *doctor_daemon.check_daemon(ctx, folder, url=url),
        *((*doctor_host.check_store(folder), *doctor_host.check_disk(folder)) if has_state else ()),
        *doctor_host.check_clock(),
        *units,
    ]
    if as_json:
        output.print_json(findings_json(findings))
    else:
        click.echo(findings_text(findings, width=output.width(), color=output.color()))
    ctx.exit(1 if any(finding.level is Level.PROBLEM for finding in findings) else 0)
