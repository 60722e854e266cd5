"""`webhookd reload`: the running daemon takes its configuration file as it is now."""

from collections.abc import Mapping
from typing import Any

import click

from webhookd.cli import output
from webhookd.cli.options import daemon_dir, state_options
from webhookd.cli.state import enter
from webhookd.errors import NotFound


@click.command()
@state_options
@click.pass_context
def reload(ctx: click.Context) -> None:
    """Check the configuration file and, if nothing is wrong with it, put it in force without a restart.

    Returns when that is done. Exits with 78 if the file is refused; the running configuration then stays in
    force, as it does with every other failure.
    """
    from webhookd.daemon.control import ask  # noqa: PLC0415 - only for commands that change something

    folder = enter(daemon_dir(ctx))
    answer = ask(folder, "reload")  # the daemon checks the file, with its own rights and environment
    if answer is None:
        raise NotFound(f'no daemon runs on "{folder}"', hint="start it: its first act is to read the file")
    if "error" in answer:
        _say_refused(answer)
        ctx.exit(answer["exit_code"])
    for warning in answer["warnings"]:
        output.remark(f"warning: {warning}")
    click.echo(f"{answer['file']}: in force")


def _say_refused(answer: Mapping[str, Any]) -> None:
    output.remark(answer["error"])
    if answer["hint"]:
        output.remark(f"hint: {answer['hint']}")
    output.remark("the configuration that was in force stays in force")
