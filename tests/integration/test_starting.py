"""A supervisor that may become somebody else and has no other power of root's."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user takes root")

NOBODY = 65534
STRANGER = 65533


def as_weak_root(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python as root with CAP_SETUID and CAP_SETGID alone."""
    few = "-all,+setuid,+setgid"
    command = [
        "setpriv",
        f"--bounding-set={few}",
        f"--inh-caps={few}",
        sys.executable,
        "-c",
        script,
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def may_read(path: Path, uid: int) -> bool:
    command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "cat", str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may pass through, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


LET_READ = """
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from webhookd.deploy.starting import let_read
let_read(Path(sys.argv[1]), uid=int(sys.argv[2]), gid=None)
"""


@pytest.mark.parametrize("weak", [True, False])
def test_only_its_reader_may_read_the_file(open_folder: Path, *, weak: bool) -> None:
    file = open_folder / "payload"
    file.write_text("{}")
    file.chmod(0o600)
    if weak:
        assert as_weak_root(LET_READ, str(file), str(NOBODY)).stderr == ""
        assert file.stat().st_uid == 0
    else:
        subprocess.run([sys.executable, "-c", LET_READ, str(file), str(NOBODY)], check=True)
        assert file.stat().st_uid == NOBODY
    assert (may_read(file, NOBODY), may_read(file, STRANGER)) == (True, False)


ENTER = """
import os, sys
from webhookd.deploy.starting import acting_as
with acting_as(int(sys.argv[2]), int(sys.argv[2])):
    os.chdir(sys.argv[1])
    print(os.geteuid(), os.getegid(), os.getcwd())
print(os.geteuid(), os.getegid())
os.chdir(sys.argv[1])
"""


def test_a_private_folder_is_entered_as_its_owner(open_folder: Path) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    entered = as_weak_root(ENTER, str(home), str(NOBODY))
    assert entered.stdout == f"{NOBODY} {NOBODY} {home}\n0 0\n"
    assert "PermissionError" in entered.stderr  # of the last line, which acts for itself again
