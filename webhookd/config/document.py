"""A configuration file as data, and the place of each part of it (pure)."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from webhookd.config.wording import visible
from webhookd.errors import Problem

KeyPath: TypeAlias = tuple[str | int, ...]


class Plain(str):
    """A scalar without quotes: what may be read as a number where the schema wants one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value stands, and the key or the dash before it; line and column from 1."""

    key: tuple[int, int]
    value: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The data of one file, where each part of it stands, and what is wrong with it as YAML.

    `data` is built of dict, list and str only; a part with a problem is left out of it.
    """

    file: str
    data: Any
    places: dict[KeyPath, Place] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def known(self, path: KeyPath) -> KeyPath:
        """Leave out the members of *path* that are not in the file."""
        found: KeyPath = ()
        for part in path:
            if (*found, part) in self.places:
                found = (*found, part)
        return found

    def problem(self, path: KeyPath, message: str, hint: str = "", *, at_key: bool = False) -> Problem:
        """Make a problem of what stands at *path*: at its value, or at its key.

        What is not in the file has the place of the key that it is missing below.
        """
        known = self.known(path)
        place = self.places.get(known)
        line, column = (0, 0) if place is None else place.key if at_key or known != path else place.value
        return Problem(
            file=self.file,
            line=line,
            column=column,
            key=dotted(path),
            message=visible(message),
            hint=visible(hint),
        )


def dotted(path: KeyPath) -> str:
    """Write a key path as messages show it: ``repos.octocat/blog.main[0].run``.

    Below a secret only the keys that belong there are shown: anything else may be the secret itself.
    """
    shown = ["…" if _may_be_secret(path[:i], part) else part for i, part in enumerate(path)]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in shown)
    return visible(text.removeprefix("."))


def _may_be_secret(above: KeyPath, part: str | int) -> bool:
    under = above[:1] == ("secret",) or (
        above[:1] in {("hooks",), ("repos",)} and above[2:3] in {("secret",), ("token",), ("authorization",)}
    )
    return under and isinstance(part, str) and part not in {"file", "env", "credential"}
