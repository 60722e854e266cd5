"""`webhookd serve` and `webhookd reload`: the daemon, and the configuration it uses."""

import os
from functools import partial

import click

from webhookd.cli import output
from webhookd.cli.configuration import config_file
from webhookd.cli.daemon_link import other_config
from webhookd.cli.options import config_option, state_options
from webhookd.cli.state import enter_daemon_dir
from webhookd.errors import ConfigError, NotFound, NotPossible, printable


@click.command()
@config_option
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="Write the log as lines of text or JSON.  [default: text; in the journal, entries with fields]",
)
@click.pass_context
def serve(ctx: click.Context, *, log_format: str | None) -> None:
    """Receive pushes and run their commands until a signal ends it.

    After SIGTERM or SIGINT it waits for running commands; a second signal ends them.
    SIGHUP reloads the configuration.
    """
    from webhookd.daemon.signals import leave_init_behind

    leave_init_behind()  # first: what it would import stays in memory twice
    from webhookd import config as configuration
    from webhookd.daemon import eventlog
    from webhookd.daemon.service import Daemon

    load = partial(configuration.load, env=os.environ, uid=os.getuid())
    config = load(config_file(ctx))
    eventlog.set_up(log_format, environ=os.environ)
    Daemon(config, load=partial(load, config.file)).serve()


@click.command()
@state_options
@click.pass_context
def reload(ctx: click.Context) -> None:
    """Check the configuration file and, if it has no errors, apply it without a restart.

    The file is the one that the daemon was started with. The command returns when the file is applied. If the
    file is refused it exits with 78. After any failure the old configuration stays in force.
    """
    from webhookd.daemon.control import ask

    folder = enter_daemon_dir(ctx)
    if message := other_config(ctx, folder):  # nobody may believe that the file they named was applied
        raise NotPossible(message, hint="name that file; to use another one, restart the daemon with it")
    answer = ask(folder, "reload")  # the daemon checks the file, with its own rights and environment
    if answer is None:
        hint = "start it; a change of `state_dir` needs a restart: systemctl restart webhookd"
        raise NotFound(f'no daemon runs on "{folder}"', hint=hint)
    if "error" in answer:
        is_file = answer["exit_code"] == ConfigError.exit_code  # each line begins with its place
        for line in answer["error"].split("\n") if is_file else (f"error: {answer['error']}",):
            output.remark(line)
        if answer["hint"]:
            output.remark(f"hint: {answer['hint']}")
        output.remark("the old configuration stays in force")
        ctx.exit(answer["exit_code"])
    for warning in answer["warnings"]:
        output.remark(f"warning: {warning}")
    click.echo(f"{printable(answer['file'])}: in force")
