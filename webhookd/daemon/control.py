"""The control socket: how a command talks to a running daemon. One request word, one JSON answer.

The socket is in the state directory with mode 0600, so only the daemon's user and root can use it. Work
itself goes through the store; this is for what the daemon must do at once.
"""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from webhookd.errors import NotPossible, WebhookdError, in_words
from webhookd.models.layout import StateLayout

_LONGEST = 16 * 1024**2  # bytes of an answer; a command of the daemon's user can forge one
_PAUSE = 1.0  # seconds after a failed accept
_TIMEOUT = 60.0  # seconds for one exchange


class Control:
    """The server; `run` is the body of its thread.

    Each handler serves one request word and returns the fields of the answer. A WebhookdError becomes an
    answer too.
    """

    def __init__(self, state_dir: Path, handlers: Mapping[str, Callable[[], Mapping[str, Any]]]) -> None:
        import structlog  # noqa: PLC0415 - slow to import, and commands that call `ask` do not log

        self._log = structlog.get_logger(__name__)
        self._path = StateLayout(state_dir).control_socket
        self._handlers = handlers
        self._stopping = threading.Event()
        self._path.unlink(missing_ok=True)  # left by a killed daemon; no other one uses this directory
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short_path(self._path) as name:
            self._socket.bind(name)
        self._path.chmod(0o600)
        self._socket.listen()

    def run(self) -> None:
        """Answer until stopped."""
        while not self._stopping.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError as error:  # shut down by `stop`, or no descriptor is left
                if not self._stopping.wait(_PAUSE):
                    self._log.error("control blocked", error=in_words(error))
                continue
            with connection:
                self._serve(connection)

    def stop(self) -> None:
        """Make `run` return, and remove the socket."""
        self._stopping.set()
        self._path.unlink(missing_ok=True)
        self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket, after `run` has returned."""
        self._socket.close()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_TIMEOUT)
        try:
            word = connection.recv(100).decode("ascii", "replace").strip()
            connection.sendall(json.dumps(self._answer(word)).encode())
        except OSError as error:
            self._log.warning("control connection lost", error=in_words(error))
        except Exception:  # noqa: BLE001 - a bug of ours must not end the next request
            self._log.exception("control request failed")

    def _answer(self, word: str) -> Mapping[str, Any]:
        handler = self._handlers.get(word)
        if handler is None:
            hint = "the daemon is of another version: systemctl restart webhookd"
            return {"error": f'unknown request "{word}"', "hint": hint, "exit_code": NotPossible.exit_code}
        try:
            return handler()
        except WebhookdError as error:
            return {"error": str(error), "hint": error.hint, "exit_code": error.exit_code}


@contextlib.contextmanager
def _short_path(path: Path) -> Iterator[str]:
    """Return a name for *path* that fits into the 107 bytes of a unix socket's address (unix(7))."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def ask(state_dir: Path, word: str, *, patience: float = _TIMEOUT) -> Mapping[str, Any] | None:
    """Send *word* to the daemon that uses *state_dir*, and return its answer; None when no daemon runs.

    Raise NotPossible when this user may not use the socket, or when the daemon ends before it answers, or
    says nothing for *patience* seconds.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(patience)
        try:
            with _short_path(StateLayout(state_dir).control_socket) as name:
                connection.connect(name)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except PermissionError:
            message = f'this user may not use the control socket of the daemon on "{state_dir}"'
            raise NotPossible(message, hint="run it as root, or as the daemon's user") from None
        try:
            return _exchange(connection, word)
        except (OSError, ValueError, RecursionError) as error:
            message = f'the daemon on "{state_dir}" gave no answer: {in_words(error)}'
            raise NotPossible(message, hint="it may be stopping or busy; see its log") from error


def _exchange(connection: socket.socket, word: str) -> Mapping[str, Any]:
    connection.sendall(word.encode())
    connection.shutdown(socket.SHUT_WR)
    with connection.makefile("rb") as answering:
        text = answering.read(_LONGEST + 1)
    if not text:
        raise ConnectionResetError("it has closed the connection")
    answer = json.loads(text) if len(text) <= _LONGEST else None
    if not isinstance(answer, dict):
        raise ValueError("it is no answer of a daemon")  # noqa: TRY004 - reported as the other ones are
    return answer
