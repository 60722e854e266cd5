"""The command line: one file per group of commands."""

import click


@click.group()
def main() -> None:
    """Run deploy commands for verified pushes."""
