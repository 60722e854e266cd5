"""A command that is known by name before its module is imported."""

from importlib import import_module
from typing import Any

import click


class LazyCommand(click.Command):
    """Stands for the command at *place* (``module:attribute``) until somebody runs it.

    click makes a context before anything else it does with a command: there the real one takes over.
    """

    name: str

    def __init__(self, name: str, place: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self.place = place

    def load(self) -> click.Command:
        """Import the real command."""
        module, _, attribute = self.place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Begin the real command; what is wrong with its options is an error of that command."""
        command = self.load()
        try:
            return command.make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            error.ctx = error.ctx or click.Context(command, parent, info_name)  # the parser names none
            raise
