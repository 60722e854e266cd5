"""`webhookd schema`: the configuration's JSON Schema, for editors."""

import click

from webhookd.cli import output


@click.command()
def schema() -> None:
    """Print the JSON Schema of the configuration.

    An editor that is given it completes and checks the file, for example by a first line
    "# yaml-language-server: $schema=webhookd.schema.json" with the output in that file.
    """
    from webhookd import config  # noqa: PLC0415 - pydantic takes its time

    output.print_json(config.json_schema())
