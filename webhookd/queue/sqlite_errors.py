"""SQLite's errors in an operator's words (pure)."""

import sqlite3

from webhookd.errors import DiskFull, StoreError, StoreRefused, StoreUnavailable

_PRIMARY = 0xFF  # the primary code is the low byte of an extended one

_CAUSES = {
    sqlite3.SQLITE_FULL: ("the disk is full", "free some space"),
    sqlite3.SQLITE_READONLY: (
        "the database is read-only",
        "see its owner and mode, and how its disk is mounted",
    ),
    sqlite3.SQLITE_BUSY: ("another process holds the database", "see which: fuser webhookd.db"),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "see the kernel's log: dmesg"),
    sqlite3.SQLITE_CANTOPEN: ("the database cannot be opened", "see the owner and mode of its folder"),
    sqlite3.SQLITE_PERM: ("the database may not be opened", "see its owner and mode"),
    sqlite3.SQLITE_NOMEM: ("memory is exhausted", ""),
}

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}  # the second: no room for the -shm
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


def store_error(exc: sqlite3.Error, *, path: str) -> StoreError:
    """Return what *exc* means for the database at *path*."""
    code = getattr(exc, "sqlite_errorcode", 0)
    detail = f"{getattr(exc, 'sqlite_errorname', type(exc).__name__)}: {exc}"
    if code & _PRIMARY in _DAMAGE:
        message = f'"{path}" is damaged or no database ({detail})'
        return StoreRefused(message, hint="stop webhookd, and move it away or restore a backup")
    cause, hint = _CAUSES.get(code & _PRIMARY, ("the store failed", ""))
    kind = DiskFull if code in _FULL else StoreUnavailable
    return kind(f'"{path}": {cause} ({detail})', hint=hint)
