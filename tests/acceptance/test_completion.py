import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()


def test_the_documented_line_makes_bash_complete_commands() -> None:
    (line,) = re.findall(r"^eval .*_WEBHOOKD_COMPLETE=.*$", PAGE, re.MULTILINE)
    script = f"""{line}
        COMP_WORDS=(webhookd sta) COMP_CWORD=1
        _webhookd_completion webhookd
        echo "${{COMPREPLY[@]}}"
        complete -p webhookd
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shown = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60, env={"PATH": path}
    )
    completed, registered = shown.stdout.splitlines()
    assert completed == "status"
    assert registered.endswith(" -F _webhookd_completion webhookd")
