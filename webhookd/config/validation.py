"""A document's data -> checked values, and pydantic's errors in our own words (pure).

A message repeats a value only if it is a name or a short text that cannot be a secret: a value below a
secret is only ever refused for its kind (a string, a list or a mapping), never for its content.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from copy import deepcopy
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from webhookd.config import schema
from webhookd.config.document import Document, KeyPath
from webhookd.config.wording import either, nearest, pasted, quoted, shape
from webhookd.errors import BadValue

_OTHER_NAMES = {  # what people write who know a key by another name
    "repositories": "repos",
    "projects": "repos",
    "port": "listen",
    "host": "listen",
    "bind": "listen",
    "concurrency": "workers",
    "command": "run",
    "cmd": "run",
    "script": "run",
    "dir": "cwd",
    "environment": "env",
    "debounce": "settle",
    "provider": "forge",
    "url": "path",
}


_WANTED = {  # by pydantic's type of error; the words are the tags of a union or the members of an enum
    "string_type": "a string, not {shape}",
    "dict_type": "a mapping, not {shape}",
    "model_type": "a mapping, not {shape}",
    "union_tag_invalid": "{words}, not {shape}",
    "enum": "{words}, not {shape}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
}


def validated(document: Document) -> schema.Settings:
    """Return the values of a file; record an error for each wrong one and leave it out.

    So the checks of how values fit together see all the rest, and every error of a file is listed at once.
    Where there are no keys at all there is nothing more to check: raise ConfigError.
    """
    if not isinstance(document.data, dict):
        if not document.errors:
            found = (
                "is empty"
                if document.data is None
                else f"holds {shape(document.data)} where keys are expected"
            )
            command = f"webhookd init --force --config {pasted(Path(document.file))}"
            document.error((), f"the file {found}", f"`{command}` puts it aside and writes another")
        document.raise_errors()
    data = deepcopy(document.data)
    recorded = False
    while True:
        try:
            return schema.Settings.model_validate(data)
        except ValidationError as error:
            details = error.errors(include_url=False)
        if not recorded:
            _record(details, document)
            recorded = True
        if not _leave_out(data, [document.known(detail["loc"]) for detail in details]):
            return schema.Settings()


def _record(details: Iterable[ErrorDetails], document: Document) -> None:
    """Record the errors; below a key that is wrong itself, only that of the key."""
    places = [(document.known(error["loc"]), _is_at_key(error), error) for error in details]
    bad_keys = {path for path, at_key, _ in places if at_key}
    for path, at_key, error in places:
        if at_key or not any(path[: len(key)] == key for key in bad_keys):
            document.error(path, *_message(error, path), at_key=at_key)


def _is_at_key(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden" or error["loc"][-1:] == ("[key]",)


def _leave_out(data: Any, paths: Iterable[KeyPath]) -> bool:
    """Remove the values at *paths*, and the rest of a list after one; return whether there were any."""
    removed = False
    for *above, last in sorted(filter(None, paths), key=len, reverse=True):
        with suppress(KeyError, IndexError, TypeError):  # it is gone, with what is above it
            parent = reduce(getitem, above, data)
            del parent[last]
            removed = True
            if isinstance(last, int):
                del parent[last:]
    return removed


def _message(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    """Return what is wrong with the value at *path*, and a hint."""
    given, context = error["input"], error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        return "unknown key", _unknown_key_hint(path)
    if isinstance(context.get("error"), BadValue):
        return str(context["error"]), context["error"].hint
    words = re.findall(r"'([^']*)'", context.get("expected_tags", context.get("expected", "")))
    if error["type"] == "enum" and isinstance(given, str):
        return f"{quoted(given)} is none of {', '.join(words)}", nearest(given, words)
    hint = ""
    if "the short form" in words:
        words, hint = ["a mapping of branches"], "write main: COMMAND below it"
    wanted = _WANTED.get(error["type"], "another value, not {shape}")
    return "must be " + wanted.format(words=either(words), shape=shape(given), **context), hint


def _unknown_key_hint(path: KeyPath) -> str:
    """Return the key that was probably meant, or all that are possible."""
    *above, key = path
    known = _keys_at(tuple(above))
    meant = _OTHER_NAMES.get(str(key).lower())
    if hint := f'did you mean "{meant}"?' if meant in known else nearest(str(key), known):
        return hint
    if known == schema.LONG_FORM_KEYS:
        return 'beside "branches", "tags", "hook" or "secret" no branch can stand: put it below "branches"'
    return f"the keys are {', '.join(known)}"


def _keys_at(path: KeyPath) -> tuple[str, ...]:
    """Return the keys that the mapping at *path* may have."""
    model: type[BaseModel]
    match path:
        case ():
            model = schema.Settings
        case ("history",):
            model = schema.HistoryKeys
        case ("hooks", _):
            model = schema.HookKeys
        case ("repos", _):
            model = schema.LongForm
        case ("secret", *_) | ("hooks", _, _, *_) | ("repos", _, "secret", *_):
            model = schema.SecretSource
        case _:
            model = schema.TargetKeys
    return tuple(model.model_fields)
