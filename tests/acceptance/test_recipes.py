"""docs/recipes.md, tried."""

import os
import re
import subprocess
import sys
from pathlib import Path

from booted import ROOT
from daemon import SECRET, Daemon

RECIPES = (ROOT / "docs" / "recipes.md").read_text()
WEBHOOKD = str(Path(sys.executable).with_name("webhookd"))
COMMAND = """
  octocat/blog:
    branches:
      dev:
        run: 'echo "$WEBHOOKD_PUSHER $WEBHOOKD_CREATED $WEBHOOKD_AFTER" >> {told}'
        on_delete: 'echo deleted >> {told}'
        paths: ["site/**"]
    tags:
      "v*": 'echo "$WEBHOOKD_TAG" >> {told}'
"""


def post_receive(daemon: Daemon) -> str:
    """Return the hook of the page, for this program and this daemon."""
    found = re.search(r"<!-- file: post-receive -->\n```sh\n(.*?)```", RECIPES, re.DOTALL)
    assert found
    return found[1].replace("/opt/webhookd/bin/webhookd", WEBHOOKD).replace(":9000", f":{daemon.port}")


def test_a_push_to_a_bare_repository_deploys(tmp_path: Path) -> None:
    told = tmp_path / "told"
    home, bare, work = tmp_path / "home", tmp_path / "blog.git", tmp_path / "work"
    home.mkdir()
    identity = {f"GIT_{who}_{what}": "anna" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {"PATH": os.environ["PATH"], "HOME": str(home)} | identity

    def git(*args: str, cwd: Path = work) -> str:
        done = subprocess.run(["git", *args], cwd=cwd, env=env, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    (home / "webhookd-secret").write_text(SECRET)
    git("init", "-q", "--bare", "-b", "main", str(bare), cwd=tmp_path)
    git("clone", "-q", str(bare), str(work), cwd=tmp_path)
    git("checkout", "-q", "-B", "dev")
    daemon = Daemon(tmp_path, COMMAND.format(told=told)).start()
    try:
        hook = bare / "hooks" / "post-receive"
        hook.write_text(post_receive(daemon))
        hook.chmod(0o755)
        commits = []
        for message in ("first", "second"):
            git("commit", "-q", "--allow-empty", "-m", message)
            commits.append(git("rev-parse", "HEAD").strip())
            assert "remote: 202 Accepted" in git("push", "origin", "dev")
            daemon.wait_until_idle()
        git("tag", "v1")
        git("commit", "-q", "--allow-empty", "-m", "third [skip deploy]")
        assert '"status":"ignored"' in git("push", "origin", "dev")
        git("push", "origin", "v1", ":dev")
        daemon.wait_until_idle()
    finally:
        daemon.close()
    pusher = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    lines = told.read_text().splitlines()
    assert lines[:2] == [f"{pusher} true {commits[0]}", f"{pusher} false {commits[1]}"]
    assert sorted(lines[2:]) == ["deleted", "v1"]
