"""What is found wrong or doubtful in one file while it is loaded."""

from webhookd.config.document import Document, KeyPath, dotted
from webhookd.errors import ConfigError, Problem


class Findings:
    """Collects problems and warnings, so that all of them are told at once."""

    def __init__(self, document: Document) -> None:
        self.document = document  # the file it is about
        self._problems = list(document.problems)
        self._warnings: list[Problem] = []

    def add(self, problem: Problem) -> None:
        """Note a problem."""
        self._problems.append(problem)

    def error(self, path: KeyPath, message: str, hint: str = "", *, at_key: bool = False) -> None:
        """Note that what stands at *path* is wrong."""
        self.add(self.document.problem(path, message, hint, at_key=at_key))

    def warn(self, path: KeyPath, message: str, hint: str = "", *, at_key: bool = False) -> None:
        """Note that what stands at *path* is allowed, but doubtful."""
        self._warnings.append(self.document.problem(path, message, hint, at_key=at_key))

    def spoiled(self, *paths: KeyPath) -> bool:
        """Tell whether something at or below one of *paths* is wrong already.

        A check that misses what stands there would only repeat that in other words.
        """
        keys = [dotted(path) for path in paths]
        return any(
            not key or problem.key == key or problem.key.startswith((f"{key}.", f"{key}["))
            for problem in self._problems
            for key in keys
        )

    def raise_if_any(self) -> None:
        """Raise ConfigError with every problem, in the order of the file."""
        if self._problems:
            raise ConfigError(tuple(sorted(self._problems, key=_order)))

    def warnings(self) -> tuple[Problem, ...]:
        """Give the warnings, in the order of the file."""
        return tuple(sorted(self._warnings, key=_order))


def _order(problem: Problem) -> tuple[int, int, str]:
    return problem.line, problem.column, problem.message
