"""`webhookd serve`: the daemon."""

import os
from functools import partial

import click

from webhookd.cli.options import config_option, load_config


@click.command()
@config_option
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="Write the log as lines of text or JSON.  [default: text; in the journal, entries with fields]",
)
@click.pass_context
def serve(ctx: click.Context, *, log_format: str | None) -> None:
    """Receive pushes and run their commands, until a signal ends it.

    SIGTERM and SIGINT let running commands finish, a second one hurries. SIGHUP reads the configuration
    again.
    """
    from webhookd import config as configuration  # noqa: PLC0415 - needed by this command, not by --help
    from webhookd.daemon import logs  # noqa: PLC0415 - Flask and Waitress are needed by this command alone
    from webhookd.daemon.service import Daemon  # noqa: PLC0415

    config = load_config(ctx)
    logs.set_up(logs.Format(log_format) if log_format else None, environ=os.environ)
    load = partial(configuration.load, config.file, env=os.environ, uid=os.getuid())
    Daemon(config, load=load).serve()
