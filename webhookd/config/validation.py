"""A document's data -> checked values, and pydantic's errors in our own words (pure).

A message repeats a value only if it is a name or a short text that cannot be a secret: a value below a
secret is only ever refused for its kind (a string, a list or a mapping), never for its content.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from webhookd.config import schema
from webhookd.config.document import Document, KeyPath
from webhookd.config.wording import either, nearest, pasted, quoted, shape
from webhookd.errors import BadValue

# The key -> what people write who know it by another name.
_OTHER_NAMES: Mapping[str, str] = {
    "repos": "repositories repository projects",
    "listen": "bind host port address",
    "workers": "threads concurrency",
    "branches": "branch",
    "tags": "tag",
    "run": "command cmd exec script",
    "cwd": "dir directory workdir working_directory",
    "env": "environment",
    "settle": "debounce",
    "lock": "concurrency_group",
    "forge": "type provider",
    "path": "url endpoint",
}


def validated(document: Document) -> schema.Settings:
    """Return the values of a file; record an error for each wrong one and leave it out.

    So the checks of how values fit together see all the rest, and every error of a file is listed at once.
    Where there are no keys at all there is nothing more to check: raise ConfigError.
    """
    if not isinstance(document.data, dict):
        if not document.errors:
            document.error((), *_no_mapping(document))
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


def _no_mapping(document: Document) -> tuple[str, str]:
    hint = f"`webhookd init --force --config {pasted(Path(document.file))}` puts it aside and writes another"
    if document.data is None:
        return "the file is empty", hint
    return f"the file holds {shape(document.data)} where keys are expected", hint


def _record(details: Iterable[ErrorDetails], document: Document) -> None:
    """Record the errors; below a key that is wrong itself, only that of the key."""
    places = [(document.known(error["loc"]), _is_at_key(error), error) for error in details]
    bad_keys = {path for path, at_key, _ in places if at_key}
    for path, at_key, error in places:
        if at_key or not any(path[: len(key)] == key for key in bad_keys):
            message, hint = _SAYINGS.get(error["type"], _unexpected)(error)
            if error["type"] == "extra_forbidden":
                hint = _unknown_key_hint(path)
            document.error(path, message, hint, at_key=at_key)


def _is_at_key(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden" or error["loc"][-1:] == ("[key]",)


def _leave_out(data: Any, paths: Iterable[KeyPath]) -> bool:
    """Remove the values at *paths*, and the rest of a list behind one; return whether there were any."""
    removed = False
    for *above, last in sorted(filter(None, paths), key=len, reverse=True):
        parent = _at(data, above)
        if isinstance(parent, dict) and last in parent:
            del parent[last]
            removed = True
        elif isinstance(parent, list) and isinstance(last, int) and last < len(parent):
            del parent[last:]
            removed = True
    return removed


def _at(data: Any, path: Iterable[str | int]) -> Any:
    """Return the value at *path*, or None."""
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _unknown_key_hint(path: KeyPath) -> str:
    """Return the key that was probably meant, or all that are possible."""
    *above, key = path
    known = _keys_at(tuple(above))
    if hint := nearest(str(key), known):
        return hint
    for meant, others in _OTHER_NAMES.items():
        if meant in known and str(key).lower() in others.split():
            return f'did you mean "{meant}"?'
    if known == schema.LONG_FORM_KEYS:
        return 'beside "branches", "tags", "hook" or "secret" no branch can stand: put it below "branches"'
    return f"there are {', '.join(known)}"


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


def _own(error: ErrorDetails) -> tuple[str, str]:
    """Return what one of our own validators said."""
    cause = error["ctx"]["error"]
    return (str(cause), cause.hint) if isinstance(cause, BadValue) else _unexpected(error)


def _wrong_shape(wanted: str) -> Callable[[ErrorDetails], tuple[str, str]]:
    return lambda error: (f"must be {wanted}, not {shape(error['input'])}", "")


def _wrong_member(error: ErrorDetails) -> tuple[str, str]:
    """Return which kinds of value a union takes; its tags are named like them."""
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
    return "is not a value for this key", "`webhookd schema` prints the possible ones"


_SAYINGS: Mapping[str, Callable[[ErrorDetails], tuple[str, str]]] = {
    "extra_forbidden": lambda _: ("unknown key", ""),
    "value_error": _own,
    "string_type": _wrong_shape("a string"),
    "tuple_type": _wrong_shape("a list"),
    "dict_type": _wrong_shape("a mapping"),
    "model_type": _wrong_shape("a mapping"),
    "union_tag_invalid": _wrong_member,
    "enum": _not_a_choice,
    "greater_than": _bound("more than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than_equal": _bound("at most", "le"),
}
