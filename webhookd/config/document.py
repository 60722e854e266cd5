"""A configuration file as data, the place of each part of it, and what is wrong or doubtful there (pure)."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeAlias

from webhookd.errors import ConfigError, Problem, printable

KeyPath: TypeAlias = tuple[str | int, ...]

_PLACE = attrgetter("line", "column", "message")


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

    `data` is built of dict, list and str only; a part that is not valid YAML is left out of it.
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
        return tuple(sorted(self._errors, key=_PLACE))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """All warnings, in the order of the file."""
        return tuple(sorted(self._warnings, key=_PLACE))

    def known(self, path: KeyPath) -> KeyPath:
        """Return *path* without the members that are not in the file."""
        found: KeyPath = ()
        for part in path:
            if (*found, part) in self.places:
                found = (*found, part)
        return found

    def error(
        self,
        path: KeyPath,
        message: str,
        hint: str = "",
        *,
        at_key: bool = False,
        place: tuple[int, int] | None = None,
    ) -> None:
        """Record an error in the value at *path*, in its key, or at a line and column."""
        self._errors.append(self._problem(path, message, hint, place or self._place(path, at_key=at_key)))

    def warn(self, path: KeyPath, message: str, hint: str = "", *, at_key: bool = False) -> None:
        """Record that the value at *path* is allowed, but probably a mistake."""
        self._warnings.append(self._problem(path, message, hint, self._place(path, at_key=at_key)))

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

    def _place(self, path: KeyPath, *, at_key: bool) -> tuple[int, int]:
        """Return the place of *path*; if that is not in the file, of the key above it that is."""
        known = self.known(path)
        place = self.places.get(known)
        if place is None:
            return 0, 0
        return place.key if at_key or known != path else place.value

    def _problem(self, path: KeyPath, message: str, hint: str, place: tuple[int, int]) -> Problem:
        return Problem(
            file=self.file,
            line=place[0],
            column=place[1],
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
