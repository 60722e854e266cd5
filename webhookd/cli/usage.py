"""What click finds wrong with a command line, said in the tone of all our messages."""

import re

import click

_QUOTED = re.compile(r"'([^']*)'")
_NEAR = re.compile(r" \(?Did you mean (?:one of: )?(.*?)\?\)?$")
_EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)")


def complaint(error: click.ClickException) -> tuple[str, str]:
    """Give a sentence with the place in front and values in double quotes, and a hint."""
    words = error.format_message()
    if type(error) is click.BadParameter and error.param is not None:
        return f"{_place(error.param)}: {_requoted(error.message).removesuffix('.')}", _help(error)
    if extra := _EXTRA.match(words):
        return f'"{extra[1]}" is too much: the command takes no further argument', _help(error)
    words = _requoted(words[:1].lower() + words[1:]).removesuffix(".")
    near = _NEAR.search(words)
    if near is None:
        return words, _help(error)
    return words[: near.start()].removesuffix("."), f"did you mean {_choice(near[1])}?"


def _place(param: click.Parameter) -> str:
    """Name an option as it is written, and an argument as the help calls it."""
    return param.opts[-1] if isinstance(param, click.Option) else param.human_readable_name


def _requoted(words: str) -> str:
    return _QUOTED.sub(r'"\1"', words)


def _choice(words: str) -> str:
    *most, last = words.split(", ")
    return f"{', '.join(most)} or {last}" if most else last


def _help(error: click.ClickException) -> str:
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "webhookd"
    return f"see `{command} --help`"
