"""The command line: each command is imported when it runs."""

import click

from webhookd import __version__
from webhookd.cli.group import CommandGroup, LazyCommand
from webhookd.cli.options import config_option

COMMANDS = (
    LazyCommand("serve", "serve", "Receive pushes and run their commands."),
    LazyCommand("check", "check", "Check the configuration, and show what a push would run."),
    LazyCommand("init", "init", "Write a first configuration and a secret."),
    LazyCommand("schema", "check", "Print the JSON Schema of the configuration."),
    LazyCommand("demo", "demo", "Deploy one push, start to end, in a temporary folder."),
    LazyCommand("status", "status", "Show whether the daemon is up, and what runs and waits."),
    LazyCommand("runs", "runs", "List runs, newest first, or show one."),
    LazyCommand("logs", "logs", "Print the output of a run's command."),
    LazyCommand("deliveries", "runs", "List deliveries, newest first."),
    LazyCommand("deploy", "deploy", "Run a target without a push."),
    LazyCommand("cancel", "deploy", "Cancel a run that is queued or running."),
    LazyCommand("rerun", "deploy", "Run a finished run again."),
    LazyCommand("doctor", "doctor", "Check everything that a deploy needs."),
    LazyCommand("reload", "serve", "Make the daemon read its configuration again."),
    LazyCommand("pause", "deploy", "Start no more runs of a target until it is resumed."),
    LazyCommand("resume", "deploy", "Start runs of a paused target again."),
    LazyCommand("replay", "deploy", "Process a stored delivery again."),
    LazyCommand("sign", "sign", "Make a signed delivery, and send it if asked to."),
    LazyCommand("verify", "verify", "Check whether a delivery is authentic, and what it would run."),
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
