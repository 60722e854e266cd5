"""The command line: each command is imported when it runs."""

import click

from webhookd import __version__
from webhookd.cli.group import CommandGroup, LazyCommand
from webhookd.cli.options import config_option

_COMMANDS = (
    ("serve", "serve", "Receive pushes and run their commands."),
    ("check", "check", "Check the configuration, and show what a push would run."),
    ("init", "init", "Write a first configuration and a secret."),
    ("schema", "check", "Print the JSON Schema of the configuration."),
    ("demo", "demo", "Deploy one push, start to end, in a temporary folder."),
    ("status", "status", "Show whether the daemon is up, and what runs and waits."),
    ("runs", "runs", "List runs, newest first, or show one."),
    ("logs", "logs", "Print the output of a run's command."),
    ("deliveries", "runs", "List deliveries, newest first."),
    ("deploy", "deploy", "Run a target without a push."),
    ("cancel", "deploy", "Cancel a run that is queued or running."),
    ("rerun", "deploy", "Run a finished run again."),
    ("doctor", "doctor", "Check everything that a deploy needs."),
    ("reload", "serve", "Make the daemon read its configuration again."),
    ("pause", "deploy", "Start no more runs of a target until it is resumed."),
    ("resume", "deploy", "Start runs of a paused target again."),
    ("replay", "deploy", "Process a stored delivery again."),
    ("sign", "sign", "Make a signed delivery, and send it if asked to."),
    ("verify", "verify", "Check whether a delivery is authentic, and what it would run."),
)
COMMANDS = tuple(
    LazyCommand(name, f"webhookd.cli.{module}:{name}", short_help) for name, module, short_help in _COMMANDS
)


@click.group(
    cls=CommandGroup,
    commands={command.name: command for command in COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@config_option
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, "--version", message="%(prog)s %(version)s")
def main(*, debug: bool) -> None:
    """Run your deploy command for every verified push."""
