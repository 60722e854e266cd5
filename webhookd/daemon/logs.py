"""The daemon's own log: one line per event on standard error, or one entry per event in the journal."""

import faulthandler
import json
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from webhookd.daemon.events import event_of, journal_fields, line_of
from webhookd.deploy.journal import Field, Journal

# Source: sd-daemon(3): "<3>" at the start of a line is its priority in the journal, as in syslog(3).
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_LOWEST = 7


class Format(StrEnum):
    """How a line is written."""

    TEXT = "text"
    JSON = "json"


class TextFormatter(logging.Formatter):
    """Formats a record as one line of text."""

    def format(self, record: logging.LogRecord) -> str:
        """Give time, level and event; a traceback, which is ours, follows as it is."""
        return f"{_moment(record)} {record.levelname} {_text(record)}"


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON, its fields by name."""

    def format(self, record: logging.LogRecord) -> str:
        """Give time, level and message, then the event's own fields; a traceback comes last."""
        event = event_of(record.msg, record.args)
        values: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "message": event.phrase,
        }
        values |= {
            name: value if isinstance(value, int | float) else str(value) for name, value in event.fields
        }
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        return json.dumps(values)


class PriorityFormatter(logging.Formatter):
    """Puts the priority in front of another formatter's line, for a journal that reads standard error."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, each part of it with its priority."""
        prefix = f"<{_priority(record)}>"
        return "\n".join(prefix + line for line in self._inner.format(record).split("\n"))


class JournalHandler(logging.Handler):
    """Sends each record to the journal with its fields; to standard error where that cannot be done."""

    def __init__(self, journal: Journal, *, instead: logging.Handler) -> None:
        super().__init__()
        self._journal = journal
        self._instead = instead

    def emit(self, record: logging.LogRecord) -> None:
        """Make an entry."""
        try:
            self._journal.send(_entry(record))
        except OSError:
            self._instead.handle(record)

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()
        super().close()


def set_up(form: Format | None, *, environ: Mapping[str, str]) -> None:
    """Send everything from INFO up to where the operator looks for it.

    Without a wish for a *form*: to the journal, with fields, if standard error leads there; else as text.
    """
    root = logging.getLogger()
    root.handlers[:] = [_handler(form, journal=leads_to_journal(sys.stderr.fileno(), environ))]
    root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    threading.excepthook = _log_end_of_thread
    faulthandler.enable()  # a watchdog's SIGABRT then shows where the main loop hung


def leads_to_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Tell whether *descriptor* is the stream to the journal that systemd gave us (systemd.exec(5))."""
    status = os.fstat(descriptor)
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _handler(form: Format | None, *, journal: bool) -> logging.Handler:
    formatter: logging.Formatter = JsonFormatter() if form is Format.JSON else TextFormatter()
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(PriorityFormatter(formatter) if journal else formatter)
    if form is not None or not journal:
        return stream
    try:
        return JournalHandler(Journal(), instead=stream)
    except OSError:
        return stream


def _entry(record: logging.LogRecord) -> Iterator[Field]:
    fields = (
        ("MESSAGE", _text(record)),
        ("PRIORITY", str(_priority(record))),
        ("SYSLOG_IDENTIFIER", "webhookd"),
        ("LOGGER", record.name),
        *journal_fields(event_of(record.msg, record.args)),
    )
    for name, value in fields:
        yield name, value.encode("utf-8", "backslashreplace")


def _text(record: logging.LogRecord) -> str:
    text = line_of(event_of(record.msg, record.args))
    if record.exc_info:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
    return text.encode("utf-8", "backslashreplace").decode()


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")


def _priority(record: logging.LogRecord) -> int:
    return next((number for level, number in _PRIORITIES if record.levelno >= level), _LOWEST)


def _log_end_of_thread(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "-"
    info = (args.exc_type, args.exc_value, args.exc_traceback)
    logging.getLogger(__name__).critical("thread ended thread=%s", name, exc_info=info)  # type: ignore[arg-type]
