"""What the store needs of a database: one protocol per backend, so that its SQL is written once.

The SQL of this room is plain: ``:name`` parameters, ``ON CONFLICT``, ``RETURNING`` and partial indexes, which
SQLite and PostgreSQL both take. What differs is here: how a transaction is run, and how the runs of a
repository are locked in it. Column types are filled in by `migrations.statements`; whatever else only SQLite
has is in the modules that begin with its name. The store notifies nobody: the caller that changed
something wakes those who wait for it, with the `wake` that the daemon passes around. A backend whose
workers run on other machines does that in `write`, after its commit.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")
Value = str | int | bytes | None
Values = Mapping[str, Value]


class Row(Protocol):
    """One row, its columns by name."""

    def __getitem__(self, column: str, /) -> Any:
        """Return the value of *column*."""


class Transaction(Protocol):
    """Statements that take effect together."""

    def execute(self, sql: str, values: Values) -> int:
        """Run one statement and return the number of rows that it changed."""

    def one(self, sql: str, values: Values) -> Row | None:
        """Return the first row."""

    def all(self, sql: str, values: Values) -> list[Row]:
        """Return all rows."""

    def lock(self, repo: str) -> None:
        """Keep other transactions from changing the runs of *repo* until this one has ended.

        Every change to a run that waits, starts or ends is made under it.
        """


class Database(Protocol):
    """A backend. Calls may come from any thread, block, and raise StoreErrors."""

    def write(
        self, work: Callable[[Transaction], Result], *, durable: bool = True, repos: Collection[str] = ()
    ) -> Result:
        """Run *work* in a transaction and return after its commit.

        A power cut may undo a change that is not *durable*, but no part of it and none that is. The *repos*
        are locked before the transaction begins its work: who knows them spares it waiting in between.
        """

    def read(self, query: Callable[[Transaction], Result]) -> Result:
        """Run *query* on one consistent state."""

    def check(self) -> tuple[str, ...]:
        """Check for damage and return what was found."""

    def close(self) -> None:
        """Finish what was asked before; everything after is refused."""
