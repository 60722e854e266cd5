"""The PostgreSQL backend: one connection that groups commits, and a pool of connections for readers.

Hosts write at the same time. What two of them must not decide at once is decided under `lock`, an advisory
lock that ends with its transaction. Nothing outlives a transaction on a connection, so that a proxy which
lends connections by the transaction may stand between.
"""

import contextlib
import re
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, LiteralString, cast

import psycopg
from psycopg import IsolationLevel, errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolClosed

from webhookd.errors import DiskFull, StoreError, StoreRefused, StoreUnavailable
from webhookd.models.settings import Secret
from webhookd.queue import migrations
from webhookd.queue.dialect import Result, Row, Transaction, Values
from webhookd.queue.writer import Contended, GroupCommit

Connection = psycopg.Connection[dict[str, Any]]

IDENTITY = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
OLDEST_SERVER = 140000  # PostgreSQL 14, as `server_version` has it
CONNECT_TIMEOUT = 5  # seconds
READERS = 4  # connections at most
PATIENCE = 10.0  # seconds a caller waits for its commit, or for a connection to read
_MIGRATING = "webhookd migration"  # the lock under which the tables are changed

_DEFAULTS = {
    "application_name": "webhookd",
    "connect_timeout": CONNECT_TIMEOUT,
    "keepalives_idle": 10,  # seconds; with the two below, a dead network is noticed after 25 s
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds that sent data may stay unacknowledged
}

_PARAMETER = re.compile(r":([a-z_0-9]+)")
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"
_LOCK_ALL = "SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest(%s::text[]) AS key"
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0)) AS got"


class PostgresTransaction:
    """The statements of one transaction on one connection."""

    __slots__ = ("_connection", "_locked")

    def __init__(self, connection: Connection, *, locked: Collection[str] = ()) -> None:
        self._connection = connection
        self._locked = set(locked)

    def execute(self, sql: str, values: Values) -> int:
        """Run one statement and return the number of rows that it changed."""
        return self._connection.execute(_translated(sql), values).rowcount

    def one(self, sql: str, values: Values) -> Row | None:
        """Return the first row."""
        return self._connection.execute(_translated(sql), values).fetchone()

    def all(self, sql: str, values: Values) -> list[Row]:
        """Return all rows."""
        return cast("list[Row]", self._connection.execute(_translated(sql), values).fetchall())

    def lock(self, repo: str) -> None:
        """Wait for the lock of *repo*; in a transaction that has others, only try to get it."""
        if repo in self._locked:
            return
        if not self._locked:
            self.execute(_LOCK, {"key": repo})
        elif not self.all(_TRY_LOCK, {"key": repo})[0]["got"]:
            raise Contended(repo)
        self._locked.add(repo)


@cache
def _translated(sql: str) -> LiteralString:
    """Return *sql*, which is constant text of this room, with its parameters as psycopg spells them."""
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))


class PostgresWriteConnection:
    """The writing connection, made when it is needed; used by one thread."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._connection: Connection | None = None

    def begin(self, *, durable: bool, repos: Collection[str]) -> PostgresTransaction:  # noqa: ARG002  see below
        """Begin a transaction. All are durable: a command may go on after the database lost its claim."""
        connection = self._begun()
        if repos:
            connection.execute(_LOCK_ALL, [sorted(repos)])  # in the same order everywhere
        return PostgresTransaction(connection, locked=repos)

    def _begun(self) -> Connection:
        """Begin on the connection, or on a new one if the server or a proxy has closed it meanwhile."""
        if self._connection is not None:
            try:
                self._connection.execute("BEGIN")
            except psycopg.OperationalError:
                self.disconnect()
            else:
                return self._connection
        self._connection = self._connect()
        self._connection.execute("BEGIN")
        return self._connection

    def commit(self) -> None:
        """Commit; an error leaves open whether the changes are stored."""
        if self._connection is None:
            raise AssertionError("begin comes first")
        self._connection.execute("COMMIT")

    def undo(self) -> bool:
        """Undo the transaction and return whether the connection can be used."""
        if self._connection is None:
            return False
        try:
            self._connection.execute("ROLLBACK")
        except psycopg.Error:
            self.disconnect()
            return False
        return True

    def disconnect(self) -> None:
        """Close the connection, which undoes what was not committed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.close()

    def lost_a_race(self, exc: Exception) -> bool:
        """Return whether *exc* comes from a transaction of another host.

        Two hosts can start runs of two repositories in one lane at once: the index lets the first one do it.
        """
        if isinstance(exc, errors.UniqueViolation):
            return exc.diag.constraint_name == "run_running"
        return isinstance(exc, errors.DeadlockDetected | errors.SerializationFailure)


class PostgresDatabase:
    """One database on a server, which other hosts use as well."""

    def __init__(self, readers: "ConnectionPool[Connection]", *, writer: GroupCommit) -> None:
        self._readers = readers
        self._writer = writer

    def write(
        self, work: Callable[[Transaction], Result], *, durable: bool = True, repos: Collection[str] = ()
    ) -> Result:
        """Run *work* in the next group of changes and return after its commit."""
        try:
            return self._writer.submit(work, durable=durable, repos=repos)
        except psycopg.Error as exc:
            raise _in_words(exc) from exc

    def read(self, query: Callable[[Transaction], Result]) -> Result:
        """Run *query* on one consistent state."""
        try:
            with self._readers.connection() as connection, connection.transaction():
                return query(PostgresTransaction(connection))
        except psycopg.Error as exc:
            raise _in_words(exc) from exc

    def check(self) -> tuple[str, ...]:
        """Return nothing: the server checks its own files."""
        return ()

    def close(self) -> None:
        """Commit what was asked before, then close every connection."""
        self._writer.close()
        self._readers.close()


def open_database(url: Secret, *, patience: float = PATIENCE) -> PostgresDatabase:
    """Open the database at *url* for reading and writing, its tables brought up to date.

    Raises StoreRefused when it is not ours, too new or too old, StoreUnavailable when it cannot be reached.
    """
    parameters = _parameters(url)

    def connect() -> Connection:
        return psycopg.connect(**parameters, autocommit=True, row_factory=dict_row)

    try:
        with connect() as connection:
            _prepare(connection)
    except psycopg.Error as exc:
        raise _in_words(exc) from exc
    writer = GroupCommit(PostgresWriteConnection(connect), patience=patience)
    return PostgresDatabase(_pool(parameters, patience=patience), writer=writer)


def _parameters(url: Secret) -> dict[str, Any]:
    """Return what libpq needs; *url* wins over our defaults."""
    try:
        return {**_DEFAULTS, **conninfo_to_dict(url.key.decode())}
    except (psycopg.ProgrammingError, UnicodeDecodeError):  # the message may have the password in it
        raise StoreRefused(
            "the database's URL cannot be read", hint="write postgresql://user:password@host/database"
        ) from None


def _pool(parameters: dict[str, Any], *, patience: float) -> "ConnectionPool[Connection]":
    def configure(connection: Connection) -> None:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True

    return ConnectionPool(
        kwargs={**parameters, "autocommit": True, "row_factory": dict_row},
        min_size=0,
        max_size=READERS,
        timeout=patience,
        configure=configure,
        check=ConnectionPool.check_connection,
        open=True,
        name="store-readers",
    )


def _prepare(connection: Connection) -> None:
    """Check the server and whose tables these are, and bring them up to date, one host at a time."""
    if connection.info.server_version < OLDEST_SERVER:
        found = connection.info.parameter_status("server_version")
        raise StoreRefused(f"PostgreSQL {found} is too old", hint="14 or newer is needed")
    with connection.transaction():
        tx = PostgresTransaction(connection)
        tx.lock(_MIGRATING)
        version = _version(tx)
        newest = len(migrations.MIGRATIONS)
        if version > newest:
            raise StoreRefused(
                f"the database was brought up to date by a newer webhookd (version {version} of its tables)",
                hint="install that webhookd on this host too",
            )
        if version == newest:
            return
        for sql in migrations.statements(version, identity=IDENTITY, blob="BYTEA"):
            tx.execute(sql, {})
        tx.execute("UPDATE webhookd SET version = :version", {"version": newest})


def _version(tx: Transaction) -> int:
    """Return the version of the tables; of an empty database, 0."""
    found = tx.one("SELECT to_regclass('webhookd') AS ours, to_regclass('run') AS taken", {})
    if found and found["ours"] is None:
        if found["taken"] is not None:
            raise StoreRefused("the database belongs to another program", hint="give webhookd one of its own")
        tx.execute("CREATE TABLE webhookd (version INTEGER NOT NULL)", {})
        tx.execute("INSERT INTO webhookd (version) VALUES (0)", {})
    row = tx.one("SELECT version FROM webhookd", {})
    return int(row["version"]) if row else 0


def _in_words(exc: Exception) -> StoreError:
    """Return the error for an operator, with the server's words, which never hold a password."""
    said = str(exc).strip().partition("\n")[0]
    if isinstance(exc, PoolClosed):
        return StoreUnavailable("the store is closed")
    if isinstance(exc, errors.IntegrityError):
        return StoreError(f"the store refuses a change that breaks its rules: {said}")
    if isinstance(exc, errors.DiskFull):
        return DiskFull(f"the database's disk is full ({said})", hint="free some space on the server")
    if isinstance(exc, errors.InsufficientPrivilege | errors.InvalidSchemaName):
        return StoreRefused(f"the database refuses webhookd's user ({said})", hint="make it the owner")
    return StoreUnavailable(f"the database cannot be used ({said})", hint="see whether the server is up")
