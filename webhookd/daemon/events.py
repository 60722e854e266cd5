"""A line of the log as an event: its phrase, and its fields by name (pure).

Every call says `log.info("run started run=%d target=%s", run, target)`: a fixed phrase, then key=value. The
names are read from that template and the values from its arguments: what a value holds is never taken for a
field.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_PLACE = re.compile(r"(?: ?\b([a-z_]+)=)?%[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")
_UNKNOWN = "-"  # how a call writes what there is none of
_SEVERAL = {"runs": "run"}  # "runs=12,13" is found under each


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened."""

    phrase: str
    fields: tuple[tuple[str, Any], ...] = ()


def event_of(template: object, args: object) -> Event:
    """Read a log call's *template* and *args*; one of another shape is all phrase."""
    text = str(template)
    if not isinstance(args, tuple) or not args:
        return Event(phrase=text % args if args else text)
    names = [found[1] for found in _PLACE.finditer(text)]
    if "%%" in text or len(names) != len(args):
        return Event(phrase=text % args)
    unnamed = [arg for name, arg in zip(names, args, strict=True) if not name]
    kept = _PLACE.sub(lambda found: "" if found[1] else found[0], text)
    fields = [(name, arg) for name, arg in zip(names, args, strict=True) if name and arg != _UNKNOWN]
    return Event(phrase=(kept % tuple(unnamed)).strip(), fields=tuple(fields))


def journal_fields(event: Event) -> Iterable[tuple[str, str]]:
    """Give the fields as the journal has them: WEBHOOKD_RUN, WEBHOOKD_TARGET and so on."""
    for name, value in event.fields:
        single = _SEVERAL.get(name, name)
        for part in _parts(value) if name in _SEVERAL else (value,):
            yield f"WEBHOOKD_{single.upper()}", str(part)


def _parts(value: object) -> Sequence[str]:
    return str(value).split(",")
