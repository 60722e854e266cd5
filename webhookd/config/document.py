"""A configuration file as data, the place of each part of it, and what is wrong or doubtful there (pure)."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from webhookd.errors import ConfigError, Problem, printable

KeyPath: TypeAlias = tuple[str | int, ...]


class Plain(str):
    """A scalar without quotes, which may be read as a number where the schema wants one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The position of a value and of the key or dash before it; line and column from 1."""

    key: tuple[int, int]
    value: tuple[int, int]


class Document:
    """One file: its data, where each part stands, and the errors and warnings found so far.

    `data` is built of dict, list and str only; a part that is no valid YAML is left out of it.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.data: Any = None
        self.places: dict[KeyPath, Place] = {}
        self._errors: list[Problem] = []
        self._warnings: list[Problem] = []

    @property
    def errors(self) -> tuple[Problem, ...]:
        """All errors, in the order of the file."""
        return tuple(sorted(self._errors, key=_order))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """All warnings, in the order of the file."""
        return tuple(sorted(self._warnings, key=_order))

    def known(self, path: KeyPath) -> KeyPath:
        """Return *path* without the members that are not in the file."""
        found: KeyPath = ()
        for part in path:
            if (*found, part) in self.places:
                found = (*found, part)
        return found

    def error(self, path: KeyPath, message: str, hint: str = "", *, at_key: bool = False) -> None:
        """Record an error in the value at *path*, or in its key."""
        self._errors.append(self._problem(path, message, hint, at_key=at_key))

    def error_at(self, place: tuple[int, int], message: str, hint: str = "", *, path: KeyPath = ()) -> None:
        """Record an error at a line and column."""
        line, column = place
        self._errors.append(
            Problem(file=self.file, line=line, column=column, key=dotted(path), message=message, hint=hint)
        )

    def warn(self, path: KeyPath, message: str, hint: str = "", *, at_key: bool = False) -> None:
        """Record that the value at *path* is allowed, but probably a mistake."""
        self._warnings.append(self._problem(path, message, hint, at_key=at_key))

    def has_error(self, *paths: KeyPath) -> bool:
        """Return whether there is an error at or below one of *paths*, or in the file as a whole.

        A check that misses a value there would only repeat that error in other words.
        """
        keys = [dotted(path) for path in paths]
        return any(
            not key or problem.key == key or problem.key.startswith((f"{key}.", f"{key}["))
            for problem in self._errors
            for key in keys
        )

    def raise_errors(self) -> None:
        """Raise ConfigError with all errors, if there are any."""
        if self._errors:
            raise ConfigError(self.errors)

    def _problem(self, path: KeyPath, message: str, hint: str, *, at_key: bool) -> Problem:
        """Return a problem at *path*; if that is not in the file, at the key above it that is."""
        known = self.known(path)
        place = self.places.get(known)
        line, column = (0, 0) if place is None else place.key if at_key or known != path else place.value
        return Problem(
            file=self.file,
            line=line,
            column=column,
            key=dotted(path),
            message=printable(message),
            hint=printable(hint),
        )


def dotted(path: KeyPath) -> str:
    """Write a key path as messages show it: ``repos.octocat/blog.main[0].run``.

    Below a secret only the keys that belong there are shown: any other may be the secret itself.
    """
    shown = ["…" if _may_be_secret(path[:i], part) else part for i, part in enumerate(path)]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in shown)
    return printable(text.removeprefix("."))


def _may_be_secret(above: KeyPath, part: str | int) -> bool:
    under = above[:1] == ("secret",) or (
        above[:1] in {("hooks",), ("repos",)} and above[2:3] in {("secret",), ("token",), ("authorization",)}
    )
    return under and isinstance(part, str) and part not in {"file", "env", "credential"}


def _order(problem: Problem) -> tuple[int, int, str]:
    return problem.line, problem.column, problem.message
