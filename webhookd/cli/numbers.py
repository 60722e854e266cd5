"""Whole numbers as a person writes them on the command line, as click calls for them."""

import re

import click

from webhookd.errors import no_run
from webhookd.report.text import printable

_WHOLE = re.compile(r"0*([1-9][0-9]*)")
_DIGITS = 18  # of so many every number is one that the store can look for


def number(value: str | int) -> int:
    """Read a whole number from 1 up; a default is one already."""
    digits = _digits(value)
    if len(digits) > _DIGITS:
        raise click.BadParameter(f'"{digits}" is too large')
    return int(digits)


def run_number(value: str) -> int:
    """Read the number of a run; of one that no run can have it is said that none has it."""
    digits = _digits(value)
    if len(digits) > _DIGITS:
        raise no_run(digits)
    return int(digits)


def _digits(value: str | int) -> str:
    found = _WHOLE.fullmatch(str(value))
    if found is None:
        raise click.BadParameter(f'"{printable(str(value))}" is not a whole number from 1 up')
    return found[1]
