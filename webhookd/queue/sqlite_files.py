"""Opens the SQLite file: creates it, refuses other programs' files, migrates it, sets connections up.

WAL mode with synchronous=FULL: a commit is on the disk when it returns, and readers never wait for the
writer. A reader needs the `-wal` and `-shm` files beside the database while anybody writes; it may read them
without being able to write them, and where the folder is read-only and nobody has left a `-wal`, it reads the
database file alone. SQLite gives both files the database's owner and mode.
"""

import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

from webhookd.errors import NotFound, StoreError, StoreRefused, StoreUnavailable, in_words
from webhookd.queue import migrations
from webhookd.queue.dialect import ColumnTypes
from webhookd.queue.sqlite import SqliteDatabase
from webhookd.queue.sqlite_errors import code, is_full, refused
from webhookd.queue.writer import GroupCommit

TYPES = ColumnTypes(identity="INTEGER PRIMARY KEY AUTOINCREMENT", blob="BLOB")
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
    _create(path)
    check_place = _place_of(path)
    connection = None
    try:
        connection = _connect_writer(path, check_place)
    except sqlite3.Error as exc:
        if not is_full(exc):
            raise refused(exc, path=str(path)) from exc
    reconnect = partial(_connect_writer, path, check_place)
    writer = GroupCommit(connection, reconnect=reconnect, check_place=check_place, patience=patience)
    return SqliteDatabase(path, reader=partial(_connect_reader, path, mode="rw"), writer=writer)


def open_for_reading(path: Path) -> SqliteDatabase:
    """Open *path* without changing it, whether or not a daemon works on it."""
    _check_library()
    _check_there(path)
    try:
        connection, reader = _first_reader(path)
        try:
            _check_readable(connection, path)
        finally:
            connection.close()
    except sqlite3.Error as exc:
        raise refused(exc, path=str(path)) from exc
    return SqliteDatabase(path, reader=reader, writer=None)


def _check_library() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise StoreRefused(f"SQLite {sqlite3.sqlite_version} is too old", hint=f"{wanted} or newer is needed")


def _create(path: Path) -> None:
    """Create the file, for its owner only whatever the umask; an existing one stays as it is."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return
    except OSError as exc:
        raise StoreUnavailable(
            f'cannot create "{path}": {in_words(exc)}', hint="see the owner and mode of its folder"
        ) from exc
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)


def _check_there(path: Path) -> None:
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


def _connect(path: Path, *, mode: str) -> sqlite3.Connection:
    """Open *path*; `mode` is one of SQLite's URI modes, or "immutable"."""
    parameters = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{parameters}",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,  # transactions begin and end where this room says so
        check_same_thread=False,  # each connection is used by one thread at a time
    )
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _place_of(path: Path) -> Callable[[], None]:
    """Return a check that raises StoreUnavailable once *path* is another file than now, or none.

    SQLite goes on writing into a file that was removed, and all of it is lost with the process.
    """
    try:
        known = path.stat()
    except OSError as exc:
        raise _unreachable(path, exc) from exc

    def check() -> None:
        try:
            there = os.path.samestat(path.stat(), known)
        except FileNotFoundError:
            there = False
        except OSError as exc:
            raise _unreachable(path, exc) from exc
        if not there:
            raise StoreUnavailable(
                f'"{path}" was removed or replaced', hint="put it back, or restart webhookd"
            )

    return check


def _unreachable(path: Path, exc: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f'"{path}" cannot be reached: {in_words(exc)}', hint="see the owner and mode of its folder"
    )


def _connect_writer(path: Path, check_place: Callable[[], None]) -> sqlite3.Connection:
    check_place()
    connection = _connect(path, mode="rw")
    _prepare(connection, path)
    return connection


def _set_up_writer(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")


def _connect_reader(path: Path, *, mode: str) -> sqlite3.Connection:
    connection = _connect(path, mode=mode)
    try:
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _first_reader(path: Path) -> tuple[sqlite3.Connection, Callable[[], sqlite3.Connection]]:
    """Open *path*, beside a writer if there may be one, else alone; return also how to do it again."""
    reader = partial(_connect_reader, path, mode="ro")
    connection = reader()
    try:
        _version(connection)
    except sqlite3.Error as exc:
        connection.close()
        if code(exc) not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY} or _has_wal(path):
            raise
        reader = partial(_connect_reader, path, mode="immutable")
        connection = reader()
    return connection, reader


def _has_wal(path: Path) -> bool:
    wal = path.with_name(path.name + "-wal")
    return wal.exists() and wal.stat().st_size > 0


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check that the file is ours and not newer, switch it to WAL, and migrate it."""
    try:
        _check_ours(connection, path)
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreRefused(f'"{path}" cannot be switched to WAL', hint="keep state_dir on a local disk")
        _set_up_writer(connection)
        _migrate(connection, path)
    except (sqlite3.Error, StoreError):
        connection.close()
        raise


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables up to date in one transaction; another process may just have done it."""
    if _version(connection) == len(migrations.MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    _check_ours(connection, path)
    for sql in migrations.statements(_version(connection), types=TYPES):
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


def _check_readable(connection: sqlite3.Connection, path: Path) -> None:
    _check_ours(connection, path)
    version = _version(connection)
    if version == 0:
        raise NotFound(f'no runs yet: "{path}" is empty', hint="`webhookd serve` starts the daemon")
    if version < len(migrations.MIGRATIONS):
        raise StoreRefused(
            f'"{path}" was written by an older webhookd', hint="start the daemon, it brings it up to date"
        )
