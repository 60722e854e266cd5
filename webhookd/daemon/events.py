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
_PLAIN = re.compile(r"[^\s\"\\=]+")
_CONTROL = {code: f"\\x{code:02x}" for code in [*range(32), *range(127, 160)]}
_UNSAFE = _CONTROL | {0x2028: "\\u2028", 0x2029: "\\u2029"}
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


def line_of(event: Event) -> str:
    """Give the event as one line: its phrase, then name=value, in quotes where that is no single word.

    The value of a field cannot begin a second line, move the cursor, or look like another field.
    """
    fields = (f"{name}={_word(str(value))}" for name, value in event.fields)
    return " ".join([event.phrase.translate(_UNSAFE), *fields])


def journal_fields(event: Event) -> Iterable[tuple[str, str]]:
    """Give the fields as the journal has them: WEBHOOKD_RUN, WEBHOOKD_TARGET and so on."""
    for name, value in event.fields:
        single = _SEVERAL.get(name, name)
        for part in _parts(value) if name in _SEVERAL else (value,):
            yield f"WEBHOOKD_{single.upper()}", str(part)


def _word(value: str) -> str:
    if _PLAIN.fullmatch(value) and value == value.translate(_UNSAFE):
        return value
    escaped = value.replace("\\", r"\\").replace('"', r"\"").translate(_UNSAFE)
    return f'"{escaped}"'


def _parts(value: object) -> Sequence[str]:
    return str(value).split(",")
