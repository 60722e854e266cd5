"""The systemd units of the daemon, as commands outside of them see them."""

import re
import shutil
import subprocess
from pathlib import Path

SERVICE, SOCKET, INSTANCES = "webhookd.service", "webhookd.socket", "webhookd@.service"
_MANAGER = Path("/run/systemd/system")  # there while systemd is the service manager (sd_booted(3))


def ask_systemd(*question: str) -> str:
    """Return what systemctl prints; "" without systemd."""
    if not _MANAGER.exists() or shutil.which("systemctl") is None:
        return ""
    return subprocess.run(
        ["systemctl", *question], capture_output=True, text=True, check=False
    ).stdout.strip()


def unit_of(config: Path) -> str:
    """Return the installed unit whose daemon reads the file *config*; "" if there is none."""
    units = (SERVICE, INSTANCES.replace("@", f"@{config.stem}"))
    return next((unit for unit in units if str(config) in _text(unit)), "")


def credentials(unit: str) -> dict[str, Path]:
    """Return the files that *unit* loads as credentials, by the names of these."""
    found = re.findall(r"^LoadCredential=([^:\n]+):(/.+)$", _text(unit), re.MULTILINE) if unit else []
    return {name: Path(file) for name, file in found}


def _text(unit: str) -> str:
    """Return *unit* and its drop-ins, with the name of the instance put in."""
    instance = unit.partition("@")[2].removesuffix(".service")
    return ask_systemd("cat", unit).replace("%i", instance)
