"""`webhookd serve`: the daemon."""

import click

from webhookd.cli.options import config_option, load_config


@click.command()
@config_option
@click.pass_context
def serve(ctx: click.Context) -> None:
    """Receive pushes and run their commands, until a signal ends it."""
    from webhookd.daemon import logs  # noqa: PLC0415 - Flask and Waitress are needed by this command alone
    from webhookd.daemon.service import Daemon  # noqa: PLC0415

    config = load_config(ctx)
    logs.set_up(debug=False)
    Daemon(config).serve()
