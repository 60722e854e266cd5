"""Commands that misbehave, and supervisors and fork servers that are stopped: no attempt is lost over it."""

from pathlib import Path

import pytest
from harness import is_alive, read_pids, wait_for
from supervision import finish, start

from webhookd.deploy.launcher import Launcher


@pytest.mark.parametrize("ask", ["cancel", "interrupt"])
def test_a_command_that_has_ended_stays_so_whatever_is_asked_for_then(
    launcher: Launcher, tmp_path: Path, ask: str
) -> None:
    watched = start(launcher, "sh", "-c", f"sleep 600 & echo $$ > {tmp_path}/main.pid")
    (main,) = wait_for(lambda: read_pids(tmp_path))
    wait_for(lambda: not is_alive(main))
    getattr(watched, ask)()
    result = finish(launcher, watched)
    assert (result.ending, result.exit_code, result.reason) == ("exited", 0, "1 left-over process ended")
