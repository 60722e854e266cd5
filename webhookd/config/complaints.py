"""pydantic's findings in our own words (pure).

Values are repeated only where they are names or short texts that cannot be secrets: what stands below a
secret fails for its shape alone, and shapes have no content.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from webhookd.config import schema
from webhookd.config.document import Document, KeyPath
from webhookd.config.wording import either, nearest, quoted, shape
from webhookd.errors import BadValue, Problem

# What people write who come from elsewhere.
_SYNONYMS: Mapping[str, str] = {
    "repositories": "repos",
    "repository": "repos",
    "projects": "repos",
    "bind": "listen",
    "host": "listen",
    "port": "listen",
    "address": "listen",
    "threads": "workers",
    "concurrency": "workers",
    "branch": "branches",
    "tag": "tags",
    "command": "run",
    "cmd": "run",
    "exec": "run",
    "script": "run",
    "dir": "cwd",
    "directory": "cwd",
    "workdir": "cwd",
    "working_directory": "cwd",
    "environment": "env",
    "debounce": "settle",
    "concurrency_group": "lock",
    "type": "forge",
    "provider": "forge",
    "url": "path",
    "endpoint": "path",
}


class Complaint(NamedTuple):
    """A problem, and the key path that it is about."""

    path: KeyPath
    problem: Problem
    at_key: bool  # the key itself is wrong


def complaint(error: ErrorDetails, document: Document) -> Complaint:
    """Say what is wrong, and where: at the part of the file that pydantic's location leads to."""
    path = document.known(error["loc"])
    unknown = error["type"] == "extra_forbidden"
    message, hint = _SAYINGS.get(error["type"], _unexpected)(error)
    if unknown:
        message, hint = "unknown key", _unknown_key_hint(path)
    at_key = unknown or error["loc"][-1:] == ("[key]",)
    return Complaint(path, document.problem(path, message, hint, at_key=at_key), at_key)


def _unknown_key_hint(path: KeyPath) -> str:
    """Say which key was meant, or which there are."""
    *above, key = path
    known = _keys_at(tuple(above))
    if hint := nearest(str(key), known):
        return hint
    if (meant := _SYNONYMS.get(str(key).lower())) in known:
        return f'did you mean "{meant}"?'
    if known == schema.LONG_FORM_KEYS:
        return 'beside "branches", "tags", "hook" or "secret" no branch can stand: put it below "branches"'
    return f"there are {', '.join(known)}"


def _keys_at(path: KeyPath) -> tuple[str, ...]:
    """Name the keys that the mapping at *path* may have; none where they are free names."""
    model: type[BaseModel]
    match path:
        case ():
            model = schema.Settings
        case ("history",):
            model = schema.History
        case ("defaults",):
            model = schema.Target
        case ("hooks", _):
            model = schema.Hook
        case ("repos", _):
            model = schema.LongForm
        case ("secret", *_) | ("hooks", _, _, *_) | ("repos", _, "secret", *_):
            model = schema.Source
        case _:
            model = schema.Target
    return tuple(model.model_fields)


def _own(error: ErrorDetails) -> tuple[str, str]:
    """Take over what one of our validators said."""
    cause = error["ctx"]["error"]
    return (str(cause), cause.hint) if isinstance(cause, BadValue) else _unexpected(error)


def _wrong_shape(wanted: str) -> Callable[[ErrorDetails], tuple[str, str]]:
    return lambda error: (f"must be {wanted}, not {shape(error['input'])}", "")


def _wrong_member(error: ErrorDetails) -> tuple[str, str]:
    """Say which shapes a union takes; its tags are named like them."""
    wanted = re.findall(r"'([^']*)'", error["ctx"]["expected_tags"])
    if "the short form" in wanted:
        return f"must be a mapping of branches, not {error['ctx']['tag']}", "write main: COMMAND below it"
    return f"must be {either(wanted)}, not {error['ctx']['tag']}", ""


def _not_a_choice(error: ErrorDetails) -> tuple[str, str]:
    words = re.findall(r"'([^']*)'", error["ctx"]["expected"])
    given = error["input"]
    if not isinstance(given, str):
        return f"must be {either(words)}, not {shape(given)}", ""
    return f"{quoted(given)} is none of {', '.join(words)}", nearest(given, words)


def _bound(words: str, limit: str) -> Callable[[ErrorDetails], tuple[str, str]]:
    return lambda error: (f"must be {words} {error['ctx'][limit]:g}", "")


def _unexpected(_: ErrorDetails) -> tuple[str, str]:
    return "is not what this key takes", "`webhookd schema` says what is"


_SAYINGS: Mapping[str, Callable[[ErrorDetails], tuple[str, str]]] = {
    "value_error": _own,
    "string_type": _wrong_shape("a string"),
    "list_type": _wrong_shape("a list"),
    "dict_type": _wrong_shape("a mapping"),
    "model_type": _wrong_shape("a mapping"),
    "union_tag_invalid": _wrong_member,
    "enum": _not_a_choice,
    "greater_than": _bound("more than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than_equal": _bound("at most", "le"),
}
