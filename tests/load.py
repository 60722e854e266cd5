"""Clients that push all the time until they are stopped, then print how many requests failed.

    python3 load.py ADDRESS …

This script needs only the standard library, so that it runs everywhere. ADDRESS is HOST:PORT or the path of a
unix socket. Half of the clients keep their connection, half open a new one for each request. The script ends
after a line, or the end, of standard input.
"""

import hashlib
import hmac
import http.client
import json
import socket
import sys
import threading
import time
import uuid

SECRET = b"correct horse battery staple"
CLIENTS = 6  # per address
TIMEOUT = 30.0  # seconds


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(self._path)


def connect(address: str) -> http.client.HTTPConnection:
    if address.startswith("/"):
        return UnixConnection(address)
    return http.client.HTTPConnection(address, timeout=TIMEOUT)


def push(connection: http.client.HTTPConnection, *, keep: bool) -> tuple[int, bool]:
    """Send one push; return its status and whether the connection stays open."""
    after = hashlib.sha1(uuid.uuid4().bytes).hexdigest()
    body = json.dumps(
        {
            "ref": "refs/heads/main",
            "before": "1" * 40,
            "after": after,
            "repository": {"full_name": "octocat/blog"},
        }
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "Connection": "keep-alive" if keep else "close",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET, body, "sha256").hexdigest(),
    }
    connection.request("POST", "/github-webhook", body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status, not answer.will_close


class Client(threading.Thread):
    """Sends pushes, one after the other."""

    def __init__(self, address: str, *, keep: bool, stopping: threading.Event) -> None:
        super().__init__()
        self._address = address
        self._keep = keep
        self._stopping = stopping
        self.sent = 0
        self.failures: list[str] = []
        self.slowest = 0.0  # seconds

    def run(self) -> None:
        connection = None
        while not self._stopping.is_set():
            began = time.monotonic()
            self.sent += 1
            try:
                connection = connection or connect(self._address)
                status, open_still = push(connection, keep=self._keep)
                if status not in (200, 202):
                    self.failures.append(f"status {status}")
            except (OSError, http.client.HTTPException) as error:
                open_still = False
                self.failures.append(repr(error))
            if not open_still and connection is not None:
                connection.close()
                connection = None
            self.slowest = max(self.slowest, time.monotonic() - began)
        if connection is not None:
            connection.close()


def main() -> None:
    """Push until stopped, then print the counts and the first failures."""
    stopping = threading.Event()
    clients = [
        Client(address, keep=number % 2 == 0, stopping=stopping)
        for address in sys.argv[1:]
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    sys.stdin.readline()
    stopping.set()
    for client in clients:
        client.join()
    failures = [failure for client in clients for failure in client.failures]
    sent, slowest = sum(client.sent for client in clients), max(client.slowest for client in clients)
    sys.stdout.write(f"{len(failures)} failed of {sent}, slowest {slowest:.2f} s {failures[:5]}\n")


if __name__ == "__main__":
    main()
