"""YAML text -> a `Document` of text, lists and mappings with their places (pure).

Every scalar is the text that was written: a branch `on`, a version `1.10` or an umask `022` never becomes
a truth value or a number. The schema decides what a value has to be.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import yaml

from webhookd.config.document import Document, KeyPath, Place, Plain

_DEEPEST = 24  # levels; the schema needs 8
_MOST = 100_000  # values, aliases followed: "billion laughs" ends here

# Spaces and others that a person takes for a usual space, or does not see.
_UNSEEN = re.compile(
    "[\\u00a0\\u00ad\\u2000-\\u200b\\u200e\\u200f\\u2028-\\u202f\\u205f-\\u2069\\u3000\\ufeff]"
)

_YAML = "tag:yaml.org,2002:"
_MERGE = _YAML + "merge"
_NULL = _YAML + "null"
_SCALARS = frozenset(
    _YAML + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")
)
_LISTS = frozenset({_YAML + "seq"})
_MAPPINGS = frozenset({_YAML + "map"})

# Part of PyYAML's "context: problem" -> (message, hint); the first match counts. PyYAML's own words are
# never shown: they may repeat a piece of the file, which may be a piece of a secret.
_MEANINGS = (
    ("found undefined alias", "an alias without its anchor", 'put a text that begins with "*" in quotes'),
    ("scanning an alias", "an alias without a name", 'put a text that begins with "*" in quotes'),
    ("scanning an anchor", "an anchor without a name", 'put a text that begins with "&" in quotes'),
    ("duplicate anchor", "an anchor with the name of an earlier one", "give each its own"),
    (r"character '\\t'", "a tab where YAML wants spaces", "indent with spaces"),
    (
        "cannot start any token|parsing a tag|scanning a directive|tag handle",
        "a character that no plain text can begin with",
        "put the text in quotes",
    ),
    (
        "mapping values are not allowed",
        'a ":" where no key can be',
        'check the indentation, or put a text that holds ": " in quotes',
    ),
    ("flow sequence", 'a list that begins with "[" has no end', 'close it with "]"'),
    ("flow mapping", 'a mapping that begins with "{" has no end', 'close it with "}"'),
    ("quoted scalar.*(unexpected end|document separator)", "a quote that is never closed", "close it"),
    (
        "unknown escape|hexadecimal",
        "an unknown escape in double quotes",
        "use single quotes, or double the \\",
    ),
    ("block scalar", 'a text behind "|" or ">"', "begin the text on the next line"),
    ("node content", "no value where one has to be", 'put a text that begins with ":" in quotes'),
    ("single document", "a second document", 'one file holds one: remove the line "---"'),
    ("could not find expected ':'", 'a key without its ":"', 'write "key: value"'),
    ("found '<scalar>'", "text behind the end of a quoted text", "put the whole text in quotes"),
    ("block mapping start|block (mapping|collection)|document start", "an indentation that fits nothing", ""),
)


def parse_yaml(text: str, *, file: str) -> Document:
    """Read *text* as one YAML document; what is wrong with it is in the document's `errors`."""
    document = Document(file)
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is not None:
            document.data = _Reader(document).value(root, ())
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = before.count("\n") + 1, len(before) - before.rfind("\n")
        document.error_at(place, "not valid YAML: a control character")
    except yaml.MarkedYAMLError as error:
        message, hint = _meaning(f"{error.context}: {error.problem}")
        line, column = _position(error.problem_mark)
        unseen = _unseen(
            "".join(text.splitlines()[max(line - 2, 0) : line])
        )  # an error often shows one line later
        document.error_at(
            (line, column), f"not valid YAML{message}", f"there is {unseen}" if unseen else hint
        )
    except _TooMuch as error:
        document = Document(file)
        document.error_at(_position(error.mark), str(error), "do aliases lead back to themselves?")
    return document


def _meaning(words: str) -> tuple[str, str]:
    """Return the message and the hint for an error of PyYAML."""
    found = ((f": {message}", hint) for pattern, message, hint in _MEANINGS if re.search(pattern, words))
    return next(found, ("", ""))


def _unseen(text: str) -> str:
    """Return the name of the first character in *text* that looks like a space, or like nothing; else ""."""
    found = _UNSEEN.search(text)
    return f"a {unicodedata.name(found[0]).lower()} (U+{ord(found[0]):04X})" if found else ""


class _TooMuch(Exception):
    """More levels or values than any configuration has, from `mark` on."""

    def __init__(self, message: str, mark: yaml.Mark) -> None:
        super().__init__(message)
        self.mark = mark


class _Loader(yaml.SafeLoader):
    """PyYAML's composer, which calls itself for each level, with a limit on the levels."""

    level = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.level += 1
        if parent is not None and self.level > _DEEPEST:
            raise _TooMuch(f"more than {_DEEPEST} levels", parent.start_mark)
        node = super().compose_node(parent, index)
        self.level -= 1
        return node


class _Reader:
    """One walk over the nodes of a document; it fills in the places and errors."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._values = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        """Return the data of *node*, or None and record an error if it has none."""
        self._count(node)
        if len(path) > _DEEPEST:
            raise _TooMuch(f"more than {_DEEPEST} levels", node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, path)
        return self._scalar(node, path)

    def _count(self, node: yaml.Node) -> None:
        self._values += 1
        if self._values > _MOST:
            raise _TooMuch(f"more than {_MOST} values", node.start_mark)

    def _scalar(self, node: yaml.Node, path: KeyPath) -> str | None:
        if not self._has_tag(node, _SCALARS, path):
            return None
        if node.tag == _NULL:
            hint = 'write one, or remove the key; put the text "null" in quotes'
            self._error(node, path, "has no value", hint)
            return None
        self._warn_of_unseen(node.value, path)
        is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return Plain(node.value) if is_plain else str(node.value)

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any] | None:
        """Return the items; those after one without a value would have the wrong place and are left out."""
        if not self._has_tag(node, _LISTS, path):
            return None
        items = []
        for index, item in enumerate(node.value):
            place = _position(item.start_mark)
            self._document.places[(*path, index)] = Place(key=place, value=place)
            items.append(self.value(item, (*path, index)))
        return (items[: items.index(None)] or None) if None in items else items

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any] | None:
        if not self._has_tag(node, _MAPPINGS, path):
            return None
        data: dict[str, Any] = {}
        for key, key_node, value_node in self._pairs(node, path):
            here = (*path, key)
            self._document.places[here] = Place(
                key=_position(key_node.start_mark), value=_position(value_node.start_mark)
            )
            self._warn_of_unseen(key, here, at_key=True)
            value = self.value(value_node, here)
            if value is not None:
                data[key] = value
        return data

    def _pairs(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Yield the pairs of a mapping, then those of the mappings it merges that it does not have itself."""
        given: set[str] = set()
        sources = [node]
        while sources:  # grows: a merged mapping may merge others
            source = sources.pop()
            self._count(source)
            merged: list[yaml.MappingNode] = []
            own: dict[str, yaml.Node] = {}
            for key_node, value_node in source.value:
                if key_node.tag == _MERGE:
                    merged += self._merged(value_node, path)
                elif not isinstance(key_node, yaml.ScalarNode):
                    self._error(key_node, path, "a key that is no text", "put it in quotes")
                elif key_node.value in own:
                    first = f"first in line {own[key_node.value].start_mark.line + 1}"
                    self._error(key_node, (*path, key_node.value), "is there twice", first)
                else:
                    own[key_node.value] = key_node
                    if key_node.value not in given:
                        yield key_node.value, key_node, value_node
            given |= own.keys()
            sources += reversed(merged)  # the first one wins

    def _merged(self, node: yaml.Node, path: KeyPath) -> list[yaml.MappingNode]:
        """Return the mappings behind a merge key."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        mappings = [source for source in nodes if isinstance(source, yaml.MappingNode)]
        if len(mappings) < len(nodes):
            self._error(node, path, '"<<" merges mappings only', "write <<: *name of an anchored mapping")
        return mappings

    def _has_tag(self, node: yaml.Node, tags: frozenset[str], path: KeyPath) -> bool:
        """Return whether *node* has one of YAML's own *tags*; record an error if not."""
        if node.tag not in tags:
            hint = 'remove it; put a text that begins with "!" in quotes'
            self._error(node, path, "a YAML tag, which means nothing here", hint)
        return node.tag in tags

    def _warn_of_unseen(self, text: str, path: KeyPath, *, at_key: bool = False) -> None:
        if unseen := _unseen(text):
            hint = "type a usual space, or remove it"
            self._document.warn(path, f"holds {unseen}", hint, at_key=at_key)

    def _error(self, node: yaml.Node, path: KeyPath, message: str, hint: str) -> None:
        self._document.error_at(_position(node.start_mark), message, hint, path=path)


def _position(mark: yaml.Mark | None) -> tuple[int, int]:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
