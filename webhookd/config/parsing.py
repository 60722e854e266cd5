"""YAML text -> a `Document` of text, lists and mappings with their places (pure).

Every scalar is the text that was written: a branch `on`, a version `1.10` or a umask `022` never becomes
a truth value or a number. The schema decides what a value has to be.
"""

import re
import unicodedata
from typing import Any

import yaml

from webhookd.config.document import Document, KeyPath, Place, Plain

_DEEPEST = 24  # levels; the schema needs 8
_MOST = 100_000  # values, aliases followed: "billion laughs" ends here

# Spaces and others that a person takes for a normal space, or does not see.
_UNSEEN = re.compile(
    "[\\u00a0\\u00ad\\u2000-\\u200b\\u200e\\u200f\\u2028-\\u202f\\u205f-\\u2069\\u3000\\ufeff]"
)

_YAML = "tag:yaml.org,2002:"
_MERGE = _YAML + "merge"
_NULL = _YAML + "null"
_TAGS = frozenset(  # of what has no tag in the file
    _YAML + kind
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
)
_TOO_MUCH = f"more than {_DEEPEST} levels or {_MOST} values"

# Part of PyYAML's "context: problem" -> (message, hint); the first match counts. PyYAML's own words are
# never shown: they may repeat a piece of the file, which may be a piece of a secret.
_MEANINGS = (
    (_TOO_MUCH, _TOO_MUCH, "do aliases lead back to themselves?"),
    ("found undefined alias", "an alias without its anchor", 'put a text that begins with "*" in quotes'),
    ("duplicate anchor", "an anchor with the name of an earlier one", "give each its own"),
    (r"character '\\t'", "a tab where YAML wants spaces", "indent with spaces"),
    (
        "cannot start any|scanning an? (alias|anchor|directive)|parsing a tag|tag handle|node content",
        "a character that no plain text can begin with",
        "put the text in quotes",
    ),
    (
        "mapping values are not allowed",
        'a ":" where no key can be',
        'check the indentation, or put a text that holds ": " in quotes',
    ),
    ("flow (sequence|mapping)", 'a "[" or "{" that is never closed', "close it, or put the text in quotes"),
    ("quoted scalar.*(unexpected end|document separator)", "a quote that is never closed", "close it"),
    (
        "unknown escape|hexadecimal",
        "an unknown escape in double quotes",
        "use single quotes, or write \\\\",
    ),
    ("block scalar", 'a text after "|" or ">"', "begin the text on the next line"),
    ("single document", "a second document", 'one file holds one: remove the line "---"'),
    ("could not find expected ':'", 'a key without its ":"', 'write "key: value"'),
    ("found '<scalar>'", "text after the end of a quoted text", "put the whole text in quotes"),
    ("block mapping start|block (mapping|collection)|document start", "an indentation that fits nothing", ""),
)


def parse_yaml(text: str, *, file: str) -> Document:
    """Read *text* as one YAML document; what is wrong with it is in the document's `errors`."""
    document = Document(file)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            document.data = _Reader(document).value(root, ())
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = "not valid YAML: a control character, or a text that is not UTF-8"
        document.error((), message, "save the file as UTF-8", place=place)
    except (yaml.MarkedYAMLError, RecursionError) as error:
        document = _refused(error, text, file)
    return document


def _refused(error: yaml.MarkedYAMLError | RecursionError, text: str, file: str) -> Document:
    """Return a document with only the error that ended the reading."""
    if isinstance(error, RecursionError):
        error = yaml.MarkedYAMLError(problem=_TOO_MUCH)
    words = f"{error.context}: {error.problem}"
    found = ((f": {message}", hint) for pattern, message, hint in _MEANINGS if re.search(pattern, words))
    message, hint = next(found, ("", ""))
    document = Document(file)
    unseen = _unseen(text)
    hint = f"the file holds {unseen}" if unseen else hint
    document.error((), f"not valid YAML{message}", hint, place=_position(error.problem_mark))
    return document


def _unseen(text: str) -> str:
    """Return the name of the first character in *text* that looks like a space, or like nothing; else ""."""
    found = _UNSEEN.search(text)
    return f"a {unicodedata.name(found[0]).lower()} (U+{ord(found[0]):04X})" if found else ""


class _Reader:
    """One walk over the nodes of a document; it fills in the places and errors."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._values = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        """Return the data of *node*, or None and record an error if it has none."""
        self._enter(node, path)
        if node.tag not in _TAGS:
            hint = 'remove it; put a text that begins with "!" in quotes'
            self._error(node, path, "a YAML tag, which means nothing here", hint)
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, path)
        return self._scalar(node, path)

    def _enter(self, node: yaml.Node, path: KeyPath) -> None:
        self._values += 1
        if self._values > _MOST or len(path) > _DEEPEST:
            raise yaml.MarkedYAMLError(problem=_TOO_MUCH, problem_mark=node.start_mark)

    def _scalar(self, node: yaml.Node, path: KeyPath) -> str | None:
        if node.tag == _NULL:
            hint = 'write one, or remove the key; put the text "null" in quotes'
            self._error(node, path, "has no value", hint)
            return None
        self._warn_of_unseen(node.value, path)
        is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return Plain(node.value) if is_plain else str(node.value)

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any] | None:
        """Return the items; those after one without a value would have the wrong place and are left out."""
        items = []
        for index, item in enumerate(node.value):
            place = _position(item.start_mark)
            self._document.places[(*path, index)] = Place(key=place, value=place)
            items.append(self.value(item, (*path, index)))
        return (items[: items.index(None)] or None) if None in items else items

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, (key_node, value_node) in self._pairs(node, path).items():
            here = (*path, key)
            self._document.places[here] = Place(
                key=_position(key_node.start_mark), value=_position(value_node.start_mark)
            )
            self._warn_of_unseen(key, here, at_key=True)
            value = self.value(value_node, here)
            if value is not None:
                data[key] = value
        return data

    def _pairs(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return the pairs of a mapping, then those that only the mappings have which it merges."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                for source in sources:
                    merged = merged | self._merged(source, (*path, "<<")) | merged  # the first one wins
            elif not isinstance(key_node, yaml.ScalarNode):
                self._error(key_node, path, "a key that is not text", "put it in quotes")
            elif key_node.value in own:
                first = f"first in line {own[key_node.value][0].start_mark.line + 1}"
                self._error(key_node, (*path, key_node.value), "appears twice", first)
            else:
                own[key_node.value] = key_node, value_node
        return own | merged | own

    def _merged(self, node: yaml.Node, path: KeyPath) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        self._enter(node, path)
        if isinstance(node, yaml.MappingNode):
            return self._pairs(node, path)
        self._error(node, path, "only a mapping can be merged", "write <<: *name of an anchored mapping")
        return {}

    def _warn_of_unseen(self, text: str, path: KeyPath, *, at_key: bool = False) -> None:
        if unseen := _unseen(text):
            hint = "type a normal space, or remove it"
            self._document.warn(path, f"holds {unseen}", hint, at_key=at_key)

    def _error(self, node: yaml.Node, path: KeyPath, message: str, hint: str) -> None:
        self._document.error(path, message, hint, place=_position(node.start_mark))


def _position(mark: yaml.Mark | None) -> tuple[int, int]:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
