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


def code(exc: BaseException) -> int:
    """Return the primary result code behind *exc*, or 0."""
    return getattr(exc, "sqlite_errorcode", 0) & _PRIMARY


def is_damage(exc: BaseException) -> bool:
    """Return whether *exc* means that the file is not an intact database."""
    return code(exc) in _DAMAGE


def unavailable(exc: Exception) -> StoreUnavailable:
    """Return the error of a write that could not be stored."""
    if isinstance(exc, StoreUnavailable):
        return type(exc)(str(exc), hint=exc.hint)
    if isinstance(exc, StoreError):
        return StoreUnavailable(str(exc), hint=exc.hint)
    if is_damage(exc):
        return StoreUnavailable(f"the database is damaged: {exc}", hint="stop webhookd and restore a backup")
    cause, hint = _CAUSES.get(code(exc), ("the store failed", ""))
    return _class_of(exc)(f"{cause} ({_detail(exc)})", hint=hint)


def refused(exc: sqlite3.Error, *, path: str) -> StoreError:
    """Return the error of a database at *path* that cannot be opened or read."""
    if is_damage(exc):
        return StoreRefused(
            f'"{path}" is damaged or no database ({exc})', hint="move it away, or restore a backup"
        )
    cause, hint = _CAUSES.get(code(exc), ("the store failed", ""))
    return _class_of(exc)(f'"{path}": {cause} ({_detail(exc)})', hint=hint)


def is_full(exc: BaseException) -> bool:
    """Return whether *exc* means that the disk is full."""
    return getattr(exc, "sqlite_errorcode", 0) in _FULL


def _class_of(exc: BaseException) -> type[StoreUnavailable]:
    return DiskFull if is_full(exc) else StoreUnavailable


def _detail(exc: Exception) -> str:
    name = getattr(exc, "sqlite_errorname", None)
    return f"{name}: {exc}" if name else f"{type(exc).__name__}: {exc}"
