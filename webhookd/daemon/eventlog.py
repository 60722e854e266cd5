"""The daemon's own log: one line per event on standard error, or one entry per event in the journal."""

import contextlib
import faulthandler
import json
import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, partialmethod
from pathlib import Path
from typing import Any

import structlog
from structlog.processors import JSONRenderer, add_log_level, format_exc_info
from structlog.typing import EventDict

from webhookd.deploy.journal import SOCKET, Field, Journal

_STANDARD_ERROR = 2
_NO_VALUE: tuple[object, ...] = (None, "", (), [])
_WORD = re.compile(r"[^\s\"\\=]+")


def set_up(form: str | None, *, environ: Mapping[str, str], journal_at: Path = SOCKET) -> None:
    """Send all events from INFO up to where the operator looks for them.

    The *form* of a line is "text" or "json". Without one: to the journal, with fields, if standard error
    leads there; else as text.
    """
    in_journal = leads_to_journal(_STANDARD_ERROR, environ)
    journal = None
    if in_journal and form is None:
        with contextlib.suppress(OSError):
            journal = Journal(journal_at)
    renderer = JSONRenderer(default=str) if form == "json" else _text_line
    structlog.configure(
        processors=[add_log_level, format_exc_info, _in_order, _journal_entry if journal else renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=partial(_Output, threading.Lock(), journal, in_journal),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [_FromLibraries()]
    root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    threading.excepthook = _log_end_of_thread
    faulthandler.enable()  # a watchdog's SIGABRT then shows where the main loop hung


def leads_to_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Return whether *descriptor* is the stream to the journal that systemd gave us (systemd.exec(5))."""
    status = os.fstat(descriptor)
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


# -- rendering


def _in_order(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Put time, level and message first and a traceback last; leave out fields without a value."""
    traceback = event.pop("exception", None)
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ordered = {"time": moment, "level": event.pop("level"), "message": event.pop("event")}
    ordered |= {name: value for name, value in event.items() if value not in _NO_VALUE}
    return ordered | {"traceback": traceback} if traceback else ordered


def _text_line(_logger: object, _method: str, event: EventDict) -> str:
    return f"{event.pop('time')} {event.pop('level').upper()} {_message(event)}"


def _journal_entry(_logger: object, _method: str, event: EventDict) -> tuple[Any, ...]:
    del event["time"], event["level"]
    return (_message(event), event), {}


def _message(event: EventDict) -> str:
    """Return the line of *event*: its message, its fields, and below them its traceback.

    Whatever a value holds, it cannot start a line, move the cursor, or look like another field.
    """
    message, traceback = event.pop("message"), event.pop("traceback", "")
    line = " ".join([_escaped(message), *(f"{name}={_word(value)}" for name, value in event.items())])
    return "\n  ".join([line, *map(_escaped, traceback.splitlines())])


def _word(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if _WORD.fullmatch(text) and text.isprintable() else f'"{_escaped(text, quotes=True)}"'


def _escaped(text: str, *, quotes: bool = False) -> str:
    r"""Escape as JSON does, and all that is not ASCII where something in it cannot be printed (\u202e)."""
    if text.isprintable() and not quotes:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())[1:-1]


# -- writing


@dataclass(frozen=True, slots=True)
class _Output:
    """Writes each line of one logger at once, to the journal or standard error; drops it if that fails."""

    lock: threading.Lock  # of all loggers: a long line is not written to a pipe in one piece
    journal: Journal | None
    has_priorities: bool  # whether standard error leads to the journal
    name: str

    def _write(self, line: str, fields: EventDict | None = None, *, priority: int) -> None:
        with contextlib.suppress(OSError):
            if self.journal is not None and fields is not None:
                self.journal.send(self._entry(line, fields, priority))
                return
        with contextlib.suppress(OSError):
            self._print(line, priority)

    # Source: sd-daemon(3): "<3>" at the start of a line is its priority in the journal, as in syslog(3).
    critical = partialmethod(_write, priority=2)
    error = partialmethod(_write, priority=3)
    warning = partialmethod(_write, priority=4)
    info = partialmethod(_write, priority=6)

    def _print(self, line: str, priority: int) -> None:
        if self.has_priorities:
            line = "\n".join(f"<{priority}>{part}" for part in line.split("\n"))
        data = f"{line}\n".encode()
        with self.lock:
            while data:
                data = data[os.write(_STANDARD_ERROR, data) :]

    def _entry(self, line: str, fields: EventDict, priority: int) -> Iterator[Field]:
        yield "MESSAGE", line.encode()
        yield "PRIORITY", str(priority).encode()
        yield "SYSLOG_IDENTIFIER", b"webhookd"
        yield "LOGGER", self.name.encode()
        for name, value in fields.items():
            several = isinstance(value, list | tuple)
            key = f"WEBHOOKD_{name.removesuffix('s') if several else name}".upper()
            for each in value if several else (value,):  # WEBHOOKD_RUN once for each of the runs
                yield key, str(each).encode("utf-8", "backslashreplace")


class _FromLibraries(logging.Handler):
    """Logs what libraries say through the standard library's `logging`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record*, all of it as the message."""
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        try:
            structlog.get_logger(record.name).log(level, record.getMessage(), exc_info=record.exc_info)
        except Exception:  # noqa: BLE001 - a bug of the library's must not end its thread
            self.handleError(record)


def _log_end_of_thread(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else None
    structlog.get_logger(__name__).critical("thread ended", thread=name, exc_info=args.exc_value)
