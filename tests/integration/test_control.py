"""The daemon's control socket: whatever one request meets, the next is answered."""

import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import DEADLINE, wait_for
from structlog.typing import EventDict

from webhookd.daemon.control import Control, ask
from webhookd.errors import NotPossible


def broken() -> Mapping[str, Any]:
    raise ValueError("a bug")


def refusing() -> Mapping[str, Any]:
    raise NotPossible("it is stopping", hint="wait")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    listening = Control(tmp_path, {"wake": lambda: {"awake": True}, "broken": broken, "refusing": refusing})
    thread = threading.Thread(target=listening.run)
    thread.start()
    yield tmp_path
    listening.stop()
    thread.join()
    listening.close()


def test_a_word_gets_its_answer(folder: Path) -> None:
    assert ask(folder, "wake") == {"awake": True}
    assert ask(folder, "refusing") == {"error": "it is stopping", "hint": "wait", "exit_code": 1}


def test_an_unknown_word_is_told_from_another_version(folder: Path) -> None:
    answer = ask(folder, "dance")
    assert answer is not None
    assert answer["error"] == 'unknown request "dance"'


def test_a_handler_that_fails_fails_alone(folder: Path, logged: list[EventDict]) -> None:
    with pytest.raises(NotPossible, match="gave no answer"):
        ask(folder, "broken")
    assert "ValueError: a bug" in logged[0]["exception"]
    assert ask(folder, "wake") == {"awake": True}


def test_a_connection_that_cannot_be_taken_is_taken_later(folder: Path, logged: list[EventDict]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Two: where the daemon waits for a connection already, the kernel has a descriptor ready for the first.
    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            for connection in (first, second):
                connection.settimeout(DEADLINE)
                connection.connect(str(folder / "control.sock"))
                connection.sendall(b"wake")
            blocked = {"event": "control blocked", "log_level": "error", "error": "too many open files"}
            wait_for(lambda: blocked in logged, what="a connection that is not taken")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for connection in (first, second):
            assert connection.recv(100) == b'{"awake": true}'
    assert ask(folder, "wake") == {"awake": True}


def test_where_no_daemon_listens_there_is_no_answer(tmp_path: Path) -> None:
    assert ask(tmp_path, "wake") is None


def test_a_command_that_asks_the_daemon_does_not_load_the_log() -> None:
    code = "import sys, webhookd.daemon.control; print('structlog' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"
