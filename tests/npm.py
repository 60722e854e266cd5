"""Runs JavaScript packages from npm with Node, from a cache for tests."""

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CACHE = Path(os.environ.get("WEBHOOKD_TEST_CACHE") or Path(__file__).parent.parent / ".cache")


def installed(*packages: str) -> Path:
    """Return a folder with these packages (name@version); skip the test if they cannot be installed."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    folder = CACHE / "npm" / "+".join(packages).replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in parallel
        if not (folder / "complete").exists():
            _install(folder, packages)
            (folder / "complete").touch()
    return folder


def _install(folder: Path, packages: tuple[str, ...]) -> None:
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    done = subprocess.run([*command, *packages], capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        pytest.skip(f"npm could not install {', '.join(packages)}: {done.stderr.strip().splitlines()[-1:]}")


def run(folder: Path, script: str, given: object) -> Any:
    """Run an ES module in *folder* with *given* as its variable `given`; return the JSON that it prints."""
    begin = "import fs from 'node:fs'; const given = JSON.parse(fs.readFileSync(0, 'utf8'));\n"
    done = subprocess.run(
        ["node", "--input-type=module", "-e", begin + script],
        cwd=folder,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
