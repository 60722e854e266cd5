"""The part of `webhookd doctor` about the machine: the store, the disk, the clock, the units."""

import ctypes
import filecmp
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import webhookd
from webhookd.cli.state import open_reader
from webhookd.cli.units import INSTANCES, SERVICE, SOCKET, credentials
from webhookd.config.wording import pasted
from webhookd.errors import NotFound, StoreError
from webhookd.models.run import Finding, Level
from webhookd.models.settings import Forge
from webhookd.report.text import rfc3339

_TOO_LITTLE = 100 * 1024**2  # bytes; below it a burst of pushes may not fit
_LITTLE = 1024**3  # bytes; below it somebody should know
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised

# Source: systemd.unit(5), the first that has a unit counts.
_UNIT_FOLDERS = tuple(
    Path(folder, "systemd/system") for folder in ("/etc", "/run", "/usr/local/lib", "/usr/lib")
)
_UNITS = (SERVICE, SOCKET, INSTANCES)


def check_store(folder: Path) -> Iterator[Finding]:
    """Check the whole database, and the times in it."""
    try:
        with open_reader(folder) as store:
            damage = store.check()
            counts = store.counts()
    except (NotFound, StoreError) as error:
        level = Level.WARNING if isinstance(error, NotFound) else Level.PROBLEM
        yield Finding(check="store", level=level, message=str(error), hint=error.hint)
        return
    for what in damage:
        yield Finding.problem("store", what, "stop the daemon and replace the database by a backup")
    if not damage:
        counted = f"{counts.queued} queued, {counts.running} running"
        yield Finding.ok("store", f'"{folder}" is sound: {counted}')


def check_disk(folder: Path) -> Iterator[Finding]:
    """Check the space that is left for the store and the logs."""
    if not folder.exists():
        return
    found = os.statvfs(folder)
    free, size = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    message = f'{free / 1024**3:.1f} of {size / 1024**3:.1f} GiB are free for "{folder}"'
    level = Level.PROBLEM if free < _TOO_LITTLE else Level.WARNING if free < _LITTLE else Level.OK
    hint = "" if level is Level.OK else "free some space, or keep less: `history` in the configuration"
    yield Finding(check="disk", level=level, message=message, hint=hint)
    if found.f_files and not found.f_favail:
        message = f'no file can be created in "{folder}": its file system has no inodes left'
        yield Finding.problem("disk", message, "remove files; `df -i` shows how many")


def check_clock(forges: Collection[str]) -> Iterator[Finding]:
    """Ask the kernel whether the clock is synchronised, which matters if GitLab is one of *forges*."""
    state = clock_state()
    now = rfc3339(datetime.now(UTC))
    if state == _TIME_ERROR and Forge.GITLAB in forges:
        message = f"it is {now}, and the clock is not synchronised"
        hint = "GitLab's signatures are valid for 5 minutes: timedatectl set-ntp true"
        yield Finding.warning("clock", message, hint)
    else:
        synchronised = "not synchronised" if state == _TIME_ERROR else "synchronised"
        yield Finding.ok("clock", f"it is {now}, and the clock is {synchronised}")


def clock_state() -> int:
    """Return the clock's state, which adjtimex(2) returns without changing anything."""
    return int(ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512)))


def check_units() -> Iterator[Finding]:
    """Compare the installed units with those of this version, and look at the files of credentials."""
    shipped = _shipped()
    if shipped is not None:
        yield from check_drift(shipped, folders=_UNIT_FOLDERS)
    for file in credentials(SERVICE).values():
        if file.is_file() and file.stat().st_mode & 0o077:
            message = f'"{file}" can be read by users other than its owner'
            yield Finding.warning("units", message, f"chmod 600 {pasted(file)}")


def check_drift(shipped: Path, *, folders: Sequence[Path]) -> Iterator[Finding]:
    """Compare each installed unit, the first one found in *folders*, with the *shipped* one."""
    for name in _UNITS:
        place = next((folder / name for folder in folders if (folder / name).exists()), None)
        if place is None:
            continue
        if filecmp.cmp(shipped / name, place, shallow=False):
            yield Finding.ok("units", f'"{place}" is as shipped')
        else:
            command = f"install -m 644 {pasted(shipped / name)} {pasted(place)}"
            hint = f"put your own settings into a drop-in; then: {command}"
            yield Finding.warning("units", f'"{place}" differs from the shipped one', hint)


def _shipped() -> Path | None:
    """Find the units of this version: installed with it, or in the clone that it runs from."""
    places = (Path(sys.prefix, "share/webhookd/systemd"), Path(webhookd.__file__).parents[1] / "systemd")
    return next((place for place in places if os.access(place / _UNITS[0], os.R_OK)), None)
