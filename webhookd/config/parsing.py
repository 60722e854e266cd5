"""YAML text -> plain text, lists and mappings, and the place of each in the file (pure).

Every scalar is the text that was written: a branch `on`, a version `1.10` or an umask `022` never turns
into a truth value or a number. What a value has to be is the schema's business.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from webhookd.config.document import Document, KeyPath, Place, Plain, dotted
from webhookd.config.syntax import place_and_meaning
from webhookd.errors import Problem

_DEEPEST = 24  # levels; the schema needs 8
_MOST = 100_000  # values, aliases followed: "billion laughs" ends here
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_YAML = "tag:yaml.org,2002:"
_MERGE = _YAML + "merge"
_NULL = _YAML + "null"
_SCALARS = frozenset(
    _YAML + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")
)
_LISTS = frozenset({_YAML + "seq"})
_MAPPINGS = frozenset({_YAML + "map"})


def parse(text: str, *, file: str) -> Document:
    """Read *text* as one YAML document; what is wrong with it is in the document's `problems`."""
    if control := _CONTROL.search(text):
        before = text[: control.start()]
        place = (before.count("\n"), len(before) - before.rfind("\n") - 1)
        return _refused(file, *place, "not valid YAML: a control character", "")
    try:
        root = yaml.compose(text, Loader=_Loader)
        return _Reader(file).read(root)
    except yaml.YAMLError as error:
        return _refused(file, *place_and_meaning(error))
    except _TooMuch as error:
        return _refused(
            file, error.mark.line, error.mark.column, str(error), "do aliases lead back to themselves?"
        )


def _refused(file: str, line: int, column: int, message: str, hint: str) -> Document:
    problem = Problem(file=file, line=line + 1, column=column + 1, key="", message=message, hint=hint)
    return Document(file=file, data=None, problems=(problem,))


class _TooMuch(Exception):
    """More levels or values than any configuration has; from `mark` on."""

    def __init__(self, message: str, mark: yaml.Mark) -> None:
        super().__init__(message)
        self.mark = mark


class _Loader(yaml.SafeLoader):
    """PyYAML's composer, which calls itself for each level, with a limit to the levels."""

    level = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.level += 1
        if parent is not None and self.level > _DEEPEST:
            raise _TooMuch(f"more than {_DEEPEST} levels", parent.start_mark)
        node = super().compose_node(parent, index)
        self.level -= 1
        return node


class _Reader:
    """One walk over the nodes of a document."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._places: dict[KeyPath, Place] = {}
        self._problems: list[Problem] = []
        self._values = 0

    def read(self, root: yaml.Node | None) -> Document:
        data = None if root is None else self._value(root, ())
        return Document(file=self._file, data=data, places=self._places, problems=tuple(self._problems))

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        """Give the data of *node*, or None where it has none and a problem is noted."""
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
        if not self._is_plain_yaml(node, _SCALARS, path):
            return None
        if node.tag == _NULL:
            hint = 'write one, or remove the key; the text "null" stands in quotes'
            self._note(node, path, "has no value", hint)
            return None
        is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return Plain(node.value) if is_plain else str(node.value)

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any] | None:
        """Give the items; those behind one without a value would have the wrong place, and are left out."""
        if not self._is_plain_yaml(node, _LISTS, path):
            return None
        items = []
        for index, item in enumerate(node.value):
            place = _place(item)
            self._places[(*path, index)] = Place(key=place, value=place)
            items.append(self._value(item, (*path, index)))
        return (items[: items.index(None)] or None) if None in items else items

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any] | None:
        if not self._is_plain_yaml(node, _MAPPINGS, path):
            return None
        data: dict[str, Any] = {}
        for key, key_node, value_node in self._pairs(node, path):
            here = (*path, key)
            self._places[here] = Place(key=_place(key_node), value=_place(value_node))
            value = self._value(value_node, here)
            if value is not None:
                data[key] = value
        return data

    def _pairs(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Give the pairs of a mapping, then those of the mappings it merges that it has not itself."""
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
                    self._note(key_node, path, "a key that is no text", "put it in quotes")
                elif key_node.value in own:
                    first = _place(own[key_node.value])[0]
                    self._note(key_node, (*path, key_node.value), "is there twice", f"first in line {first}")
                else:
                    own[key_node.value] = key_node
                    if key_node.value not in given:
                        yield key_node.value, key_node, value_node
            given |= own.keys()
            sources += reversed(merged)  # the first one wins

    def _merged(self, node: yaml.Node, path: KeyPath) -> list[yaml.MappingNode]:
        """Give the mappings that stand behind a merge key."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        mappings = [source for source in nodes if isinstance(source, yaml.MappingNode)]
        if len(mappings) < len(nodes):
            self._note(node, path, '"<<" merges mappings only', "write <<: *name of an anchored mapping")
        return mappings

    def _is_plain_yaml(self, node: yaml.Node, tags: frozenset[str], path: KeyPath) -> bool:
        if node.tag not in tags:
            hint = 'remove it; a text that begins with "!" stands in quotes'
            self._note(node, path, "a YAML tag, which means nothing here", hint)
        return node.tag in tags

    def _note(self, node: yaml.Node, path: KeyPath, message: str, hint: str) -> None:
        line, column = _place(node)
        self._problems.append(
            Problem(file=self._file, line=line, column=column, key=dotted(path), message=message, hint=hint)
        )


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
