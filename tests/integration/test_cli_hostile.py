"""What a command can forge as the daemon's user, a run's reason or the control socket, moves no cursor."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from configfiles import write_config
from factories import NOW
from stores import OWNER, StateFolder

from webhookd.daemon.control import ask
from webhookd.errors import NotPossible
from webhookd.models.run import Ending, Outcome

FORGED = "\x1b[2J\x1b]0;root\x07 \u202eevil\u2066 \x9b6n\r\nerror: all is well"


def shown(result: Result) -> str:
    """Return all output, which must be text that no terminal acts on."""
    text = result.stdout + result.stderr
    assert all(line.isprintable() for line in text.split("\n")), text
    assert "Traceback" not in text
    return text


@contextmanager
def answering(folder: Path, answer: Callable[[str], bytes]) -> Iterator[None]:
    """Be the daemon at the control socket of *folder*."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "control.sock"))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError):  # nobody has to read all of it
                    connection.sendall(answer(connection.recv(100).decode()))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture
def forged(state: StateFolder) -> StateFolder:
    """Return a state directory with a run whose result somebody has forged."""
    run = state.push(pusher=FORGED, message=FORGED)
    attempt = state.store.run(state.start()).attempt
    outcome = Outcome(ending=Ending.EXITED, exit_code=3, reason=FORGED, ended_at=NOW)
    state.store.finish(run, owner=OWNER, attempt=attempt, outcome=outcome, now=state.tick(), retry_in=None)
    state.store.pause(FORGED, now=NOW)
    return state


@pytest.mark.parametrize(
    "command", ["runs", "runs 1", "logs 1", "status", "deliveries", "cancel 1", "doctor", "resume x"]
)
def test_a_forged_result_moves_no_cursor(forged: StateFolder, command: str, tmp_path: Path) -> None:
    name, *arguments = command.split()
    if name == "doctor":
        arguments = ["--config", str(write_config(tmp_path, f"state_dir: {tmp_path}\n"))]
        assert "store" in shown(forged.webhookd_bare(name, *arguments))
    else:
        shown(forged.webhookd(name, *arguments))


def forged_answer(word: str) -> bytes:
    finding = {"check": FORGED, "level": "problem", "message": FORGED, "hint": FORGED}
    answers: dict[str, dict[str, Any]] = {
        "status": {"file": FORGED, "targets": [FORGED], "stopping": True},
        "doctor": {
            "user": FORGED,
            "forges": [FORGED],
            "listening": [FORGED],
            "findings": [finding],
            "hooks": [],
        },
        "wake": {"error": FORGED, "hint": FORGED, "exit_code": 1},
    }
    return json.dumps(answers.get(word, {"error": FORGED, "hint": FORGED, "exit_code": 78})).encode()


@pytest.mark.parametrize("command", ["reload", "doctor", "rerun", "status", "pause"])
def test_a_forged_answer_at_the_control_socket_moves_no_cursor(
    forged: StateFolder, command: str, tmp_path: Path
) -> None:
    file = str(write_config(tmp_path, f"state_dir: {tmp_path}\n"))
    arguments = {"rerun": ["1", "--state-dir", str(tmp_path)], "pause": ["x", "--config", file]}
    with answering(tmp_path, forged_answer):
        assert shown(forged.webhookd_bare(command, *arguments.get(command, ["--config", file])))


@pytest.mark.parametrize("answer", [b"[1]", b'"up"', b"null", b"{", b"[" * 100_000])
def test_what_is_no_answer_of_a_daemon_is_reported_as_such(tmp_path: Path, answer: bytes) -> None:
    with answering(tmp_path, lambda _: answer), pytest.raises(NotPossible, match="gave no answer"):
        ask(tmp_path, "file")


def test_an_answer_without_an_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    endless = b" " * (17 * 1024**2)
    with pytest.raises(NotPossible, match="gave no answer"), answering(tmp_path, lambda _: endless):
        ask(tmp_path, "file")
