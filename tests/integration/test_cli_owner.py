"""Commands on another user's state directory: root becomes its owner, others get an error."""

import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from configfiles import NOBODY, as_nobody
from stores import StateFolder

import webhookd
from webhookd.cli import main
from webhookd.daemon.control import Control
from webhookd.intake.signing import Probe

UNLISTED = 54_321  # no such user

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

Answer = Callable[[], Mapping[str, Any]]


@pytest.fixture
def folder(open_folder: Path) -> Path:
    """A state directory that other users can reach, with a configuration in it."""
    open_folder.chmod(0o755)
    (open_folder / "webhookd.yaml").write_text(
        f"secret: 0123456789abcdef\nlisten: 127.0.0.1:0\nstate_dir: {open_folder}\n"
        "repos: {a/b: {main: 'true'}}\n"
    )
    return open_folder


@pytest.fixture
def daemon(folder: Path) -> Iterator[Callable[..., None]]:
    """Return a function that starts a control socket with the given answers."""
    controls: list[tuple[Control, threading.Thread]] = []

    def speak(**answers: Answer) -> None:
        control = Control(folder, answers)
        thread = threading.Thread(target=control.run)
        thread.start()
        controls.append((control, thread))

    yield speak
    for control, thread in controls:
        control.stop()
        thread.join()
        control.close()


class Taking(BaseHTTPRequestHandler):
    """Answers 200 to everything."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - http.server's name

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a server that accepts everything."""
    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def webhookd_on(folder: Path, command: str) -> Result:
    return CliRunner().invoke(main, [command, "--config", str(folder / "webhookd.yaml")])


@needs_root
@pytest.mark.parametrize("command", ["reload", "doctor"])
@pytest.mark.parametrize(
    ("mode", "what"), [(0o755, "use the control socket of the daemon on"), (0o711, "read")]
)
def test_without_permission_the_error_names_who_has_it(
    folder: Path, daemon: Callable[..., None], command: str, mode: int, what: str
) -> None:
    webhookd_on(folder, command)  # imports all that another user may not read
    daemon()
    folder.chmod(mode)
    with as_nobody():
        shown = webhookd_on(folder, command)
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert shown.stderr == (
        f'error: this user may not {what} "{folder}"\nhint: run it as root, or as the daemon\'s user\n'
    )


@needs_root
def test_a_state_directory_in_an_unreadable_folder_is_reported(folder: Path) -> None:
    webhookd_on(folder, "reload")
    (folder / "webhookd.yaml").write_text(f"state_dir: {folder}/closed/state\n")
    (folder / "closed").mkdir(mode=0o700)
    with as_nobody():
        shown = webhookd_on(folder, "reload")
    assert (shown.exit_code, shown.stderr.splitlines()[0]) == (
        1,
        f'error: this user may not read "{folder}/closed/state"',
    )


def test_a_daemon_that_closes_the_connection_is_reported(folder: Path, daemon: Callable[..., None]) -> None:
    def go_away() -> Mapping[str, Any]:
        raise OSError

    daemon(reload=go_away)
    shown = webhookd_on(folder, "reload")
    assert (shown.exit_code, shown.stderr.splitlines()[0]) == (
        1,
        f'error: the daemon on "{folder}" gave no answer: it has closed the connection',
    )


def in_a_closed_folder(closed: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a command with Python and all modules in a folder that only root may enter."""
    closed.mkdir(mode=0o700)
    (closed / sys.platlibdir).mkdir()
    stdlib = Path(sysconfig.get_path("stdlib"))
    (closed / sys.platlibdir / stdlib.name).symlink_to(stdlib)
    paths = {"packages": sysconfig.get_path("purelib"), "project": str(Path(webhookd.__file__).parents[1])}
    for name, place in paths.items():
        (closed / name).symlink_to(place)
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONHOME": str(closed),
        "PYTHONPATH": os.pathsep.join(str(closed / name) for name in paths),
    }
    command = [sys.executable, "-B", "-m", "webhookd", *args]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


@needs_root
@pytest.mark.parametrize("is_up", [True, False])
def test_the_doctor_reads_no_program_file_after_it_became_the_owner(
    folder: Path, tmp_path: Path, daemon: Callable[..., None], address: str, *, is_up: bool
) -> None:
    if is_up:
        hook = {"path": "/x", "headers": {probe: {} for probe in Probe}}
        daemon(
            doctor=lambda: {"user": "nobody", "listening": [address], "findings": [], "hooks": [hook]},
        )
    for path in (folder, *folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    url = ("--url", f"http://localhost:{address.partition(':')[2]}")
    shown = in_a_closed_folder(tmp_path / "closed", "doctor", "--config", str(folder / "webhookd.yaml"), *url)
    assert (shown.returncode, shown.stderr) == (0 if is_up else 1, "")
    checks = {line.split()[2] for line in shown.stdout.splitlines() if line.startswith(("+", "!", "x"))}
    assert checks >= ({"listening", "probe"} if is_up else {"configuration", "target", "listening"})


def ids_after_becoming_owner(folder: Path) -> list[str]:
    code = (
        "import os, sys; from pathlib import Path; from webhookd.cli.state import become_owner;"
        "become_owner(Path(sys.argv[1])); print(*os.getresuid(), *os.getresgid(), *os.getgroups())"
    )
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@needs_root
def test_root_becomes_the_owner_and_keeps_none_of_its_groups(folder: Path) -> None:
    os.chown(folder, NOBODY, NOBODY)
    assert ids_after_becoming_owner(folder) == [str(NOBODY)] * 7


@needs_root
def test_an_owner_without_an_entry_in_passwd_works_too(folder: Path) -> None:
    os.chown(folder, UNLISTED, UNLISTED)
    assert ids_after_becoming_owner(folder) == [str(UNLISTED)] * 7


def test_on_an_own_folder_the_user_stays_the_same(folder: Path) -> None:
    before = [str(number) for number in (*os.getresuid(), *os.getresgid(), *os.getgroups())]
    assert ids_after_becoming_owner(folder) == before


@needs_root
def test_a_command_run_by_root_leaves_no_file_of_roots(folder: Path) -> None:
    state = StateFolder(folder)
    state.push()
    state.store.close()
    for path in (folder, *folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    command = [sys.executable, "-m", "webhookd", "runs", "--state-dir", str(folder)]
    subprocess.run(command, capture_output=True, check=True, timeout=30)
    assert {path.stat().st_uid for path in folder.iterdir()} == {NOBODY}
