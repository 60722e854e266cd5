"""Opens the SQLite file: creates it, refuses other programs' files, migrates it, sets connections up.

WAL mode with synchronous=FULL: a commit is on the disk when it returns, and readers never wait for the
writer. A reader needs the `-wal` and `-shm` files beside the database. It may read them without being able to
write them while a daemon is up; without one, SQLite makes them, so the folder has to take files. SQLite gives
both files the database's owner and mode.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

from webhookd.errors import DiskFull, NotFound, StoreRefused, StoreUnavailable, in_words
from webhookd.queue import migrations
from webhookd.queue.sqlite import SqliteDatabase, SqliteWriteConnection
from webhookd.queue.sqlite_errors import store_error
from webhookd.queue.writer import GroupCommit

IDENTITY = "INTEGER PRIMARY KEY AUTOINCREMENT"
APPLICATION_ID = 0x77686B64  # "whkd": tells our file from another program's
OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING
BUSY_TIMEOUT = 5.0  # seconds a transaction waits for another process's
PATIENCE = 10.0  # seconds a caller waits for its commit
CHECKPOINT_PAGES = 4000  # of 4 KiB: how long the -wal grows before it is moved into the database
WAL_LIMIT = 64 * 1024**2  # bytes of -wal left on disk after a burst


def open_database(path: Path, *, patience: float = PATIENCE) -> SqliteDatabase:
    """Open *path* for reading and writing; create it when missing, bring it up to date when older.

    On a full disk it is opened by the first change for which there is room; until then all of them fail.
    """
    _check_library()
    check_place = _create(path)
    connect = partial(_connect_writer, path, check_place)
    connection = None
    try:
        connection = connect()
    except sqlite3.Error as exc:
        error = store_error(exc, path=str(path))
        if not isinstance(error, DiskFull):
            raise error from exc
    writing = SqliteWriteConnection(connection, reconnect=connect, check_place=check_place)
    writer = GroupCommit(writing, patience=patience)
    # The last connection to be closed moves the -wal into the database: each of them has to be able to.
    reader = partial(_connect, path, mode="rw", prepare=_prepare_reader)
    return SqliteDatabase(path, reader=reader, writer=writer)


def open_for_reading(path: Path) -> SqliteDatabase:
    """Open *path* without changing it, whether or not a daemon works on it."""
    _check_library()
    try:
        path.stat()
    except FileNotFoundError as exc:
        raise NotFound(
            f'no runs yet: there is no "{path}"', hint="it appears with the first start of `webhookd serve`"
        ) from exc
    except OSError as exc:
        raise StoreUnavailable(
            f'cannot read "{path}": {in_words(exc)}', hint="run it as root or as the daemon's user"
        ) from exc
    reader = partial(_connect, path, mode="ro", prepare=_prepare_reader)
    database = SqliteDatabase(path, reader=reader, writer=None)
    database.read(lambda tx: tx.one("PRAGMA user_version", {}))
    return database


def _check_library() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise StoreRefused(f"SQLite {sqlite3.sqlite_version} is too old", hint=f"{wanted} or newer is needed")


def _create(path: Path) -> Callable[[], None]:
    """Create the file, for its owner only whatever the umask; an existing one stays as it is.

    Returns a check that raises StoreUnavailable once *path* is another file than now, or none: SQLite goes on
    writing into a file that was removed, and all of it is lost with the process.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(path, flags, 0o600)
            os.fchmod(descriptor, 0o600)
            os.close(descriptor)
        known = path.stat()
    except OSError as exc:
        raise StoreUnavailable(
            f'cannot create "{path}": {in_words(exc)}', hint="see the owner and mode of its folder"
        ) from exc

    def check_place() -> None:
        with contextlib.suppress(OSError):
            if os.path.samestat(path.stat(), known):
                return
        raise StoreUnavailable(f'"{path}" was removed or replaced', hint="put it back, or restart webhookd")

    return check_place


def _connect(
    path: Path, *, mode: str, prepare: Callable[[sqlite3.Connection, Path], None]
) -> sqlite3.Connection:
    """Open *path* in one of SQLite's URI modes."""
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,  # transactions begin and end where this room says so
        check_same_thread=False,  # each connection is used by one thread at a time
    )
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")
        prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_writer(path: Path, check_place: Callable[[], None]) -> sqlite3.Connection:
    check_place()
    return _connect(path, mode="rw", prepare=_prepare_writer)


def _prepare_writer(connection: sqlite3.Connection, path: Path) -> None:
    """Check that the file is ours and not newer, switch it to WAL, and migrate it."""
    _check_ours(connection, path)
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreRefused(f'"{path}" cannot be switched to WAL', hint="keep state_dir on a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
    _migrate(connection, path)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables up to date in one transaction; another process may just have done it."""
    if _version(connection) == len(migrations.MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    _check_ours(connection, path)
    for sql in migrations.statements(_version(connection), identity=IDENTITY, blob="BLOB"):
        connection.execute(sql)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(migrations.MIGRATIONS)}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application or tables):
        raise StoreRefused(f'"{path}" is another program\'s database', hint="choose another state_dir")
    if (version := _version(connection)) > len(migrations.MIGRATIONS):
        raise StoreRefused(
            f'"{path}" was written by a newer webhookd (version {version} of its tables)',
            hint="install that webhookd again, or restore a backup",
        )


def _prepare_reader(connection: sqlite3.Connection, path: Path) -> None:
    """Check that the file is ours and of this version, and refuse changes."""
    connection.execute("PRAGMA query_only = ON")
    _check_ours(connection, path)
    version = _version(connection)
    if version == 0:
        raise NotFound(f'no runs yet: "{path}" is empty', hint="`webhookd serve` starts the daemon")
    if version < len(migrations.MIGRATIONS):
        raise StoreRefused(
            f'"{path}" was written by an older webhookd', hint="start the daemon, it brings it up to date"
        )
