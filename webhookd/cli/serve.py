"""`webhookd serve`: the daemon."""

import os
from functools import partial

import click

from webhookd.cli.options import config_option, load_config


@click.command()
@config_option
@click.pass_context
def serve(ctx: click.Context) -> None:
    """Receive pushes and run their commands, until a signal ends it.

    SIGTERM and SIGINT let running commands finish, a second one hurries. SIGHUP reads the configuration
    again.
    """
    from webhookd import config as configuration  # noqa: PLC0415 - needed by this command, not by --help
    from webhookd.daemon import logs  # noqa: PLC0415 - Flask and Waitress are needed by this command alone
    from webhookd.daemon.service import Daemon  # noqa: PLC0415

    config = load_config(ctx)
    logs.set_up(debug=False)
    load = partial(configuration.load, config.file, env=os.environ, uid=os.getuid())
    Daemon(config, load=load).serve()
