"""The Git repositories of the demo: a bare one, a clone to commit in, and the deployed working copy."""

import os
import shutil
import subprocess
from pathlib import Path

from webhookd.errors import WebhookdError

PAGE = "index.html"


class DemoRepository:
    """Three folders below *folder*; the Git settings of this user and machine do not affect them."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("git")
        if program is None:
            raise WebhookdError("the demo needs git, which is not installed", hint="apt-get install git")
        self._program = program
        self._folder = folder
        self.working_copy = folder / "site"

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which Git, also the deploy command's, reads only the repository's own settings."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }

    def prepare(self) -> None:
        """Create the bare repository with a first commit, and the working copy of it."""
        self._git("init", "--quiet", "--bare", "origin.git")
        self._git("--git-dir=origin.git", "symbolic-ref", "HEAD", "refs/heads/main")
        self._git("init", "--quiet", "clone")
        self._git("-C", "clone", "symbolic-ref", "HEAD", "refs/heads/main")
        self._git("-C", "clone", "remote", "add", "origin", "../origin.git")
        self.push_commit("Begin")
        self._git("clone", "--quiet", "origin.git", self.working_copy.name)

    def push_commit(self, message: str) -> str:
        """Commit a new page, push it, and return the commit's id."""
        (self._folder / "clone" / PAGE).write_text(f"<h1>{message}</h1>\n", encoding="utf-8")
        author = ("-c", "user.name=Demo", "-c", "user.email=demo@example.org", "-c", "commit.gpgSign=false")
        self._git("-C", "clone", "add", PAGE)
        self._git("-C", "clone", *author, "commit", "--quiet", "--message", message)
        self._git("-C", "clone", "push", "--quiet", "origin", "main")
        return self._git("-C", "clone", "rev-parse", "HEAD")

    def deployed(self) -> tuple[str, str]:
        """Return the commit of the working copy, and the text of its page."""
        return self._git("-C", self.working_copy.name, "rev-parse", "HEAD"), (
            self.working_copy / PAGE
        ).read_text()

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._program, *arguments],
            cwd=self._folder,
            env=self.environment | {"HOME": str(self._folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            raise WebhookdError(f"git {' '.join(arguments)} failed: {done.stdout.strip()}")
        return done.stdout.strip()
