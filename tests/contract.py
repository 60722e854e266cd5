"""A daemon with every kind of rule and hook for the tests of the HTTP contract, and requests to it."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

from daemon import SECRET, Daemon, push_payload, signed
from rawhttp import Reply, posted, wire

MAX_BODY = 64 * 1024
RULES = """\
    hook: github
    branches:
      main: exit 0
      broken: exit 3
      slow: "until [ -e {go} ]; do sleep 0.02; done"
      docs: {{run: exit 0, paths: ["docs/**"]}}
  octocat/shop:
    hook: github
    secret: {{file: {own}}}
    branches: {{main: exit 0}}"""
SETTINGS = """\
max_body: 64KiB
trusted_proxies: [127.0.0.1]
hooks:
  inside:
    {{forge: github, path: /inside, secret: {{file: {secret}}}, allow_from: [192.0.2.0/24, "2001:db8::/32"]}}
"""
NUMBERS = itertools.count(1)
UNAUTHORIZED = {"status": "rejected", "reason": "signature missing or wrong"}


@contextmanager
def contract_daemon(folder: Path) -> Iterator[Daemon]:
    """Run a daemon in *folder*."""
    own, secret = folder / "own", folder / "secret"
    for path, text in ((own, "shop's own"), (secret, SECRET)):
        path.touch(mode=0o600)
        path.write_text(text + "\n")
    rules = RULES.format(go=folder / "go", own=own)
    daemon = Daemon(folder, f"  octocat/blog:\n{rules}", settings=SETTINGS.format(secret=secret))
    yield daemon.start()
    daemon.close()


def ask(daemon: Daemon, *parts: bytes, method: str = "POST") -> Reply:
    """Send bytes on a new connection and return the answer."""
    with wire(daemon.port) as connection:
        for part in parts:
            connection.send(part)
        return connection.reply(method)


def push(
    body: bytes = b"", secret: str = SECRET, event: str = "push", *, without: str = "", **headers: str
) -> bytes:
    """A signed POST, whatever its body is. Each has an address of its own, so that none is throttled."""
    address = {"x_forwarded_for": str(ip_address("198.18.0.0") + next(NUMBERS))}
    fields = address | lower(signed(body, secret, event=event)) | headers
    return posted(body, **{name: value for name, value in fields.items() if name != without})


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_").lower(): value for name, value in headers.items()}


def payload(**over: object) -> bytes:
    return json.dumps(push_payload(**over)).encode()  # type: ignore[arg-type]


BODY = payload()
ACCEPTED = {200, 202}  # 200: when the same body comes again
RIGHT = signed(BODY)["X-Hub-Signature-256"]
