"""The daemon's own log: one line per event on standard error."""

import logging
import sys
from datetime import UTC, datetime

_CONTROL = {code: f"\\x{code:02x}" for code in [*range(32), *range(127, 160)]}
_UNSAFE = _CONTROL | {0x2028: "\\u2028", 0x2029: "\\u2029"}


class LineFormatter(logging.Formatter):
    """Formats a record as one line: what a request brought cannot begin a second one or move the cursor."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - logging's
        """Give the moment in RFC 3339, UTC."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return moment.replace("+00:00", "Z")

    def format(self, record: logging.LogRecord) -> str:
        """Give the message escaped, and a traceback, which is ours, as it is."""
        message = record.getMessage().translate(_UNSAFE)
        line = f"{self.formatTime(record)} {record.levelname} {message}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line.encode("utf-8", "backslashreplace").decode()


def set_up(*, debug: bool) -> None:
    """Send everything from INFO up (DEBUG with *debug*) to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    logging.captureWarnings(capture=True)
