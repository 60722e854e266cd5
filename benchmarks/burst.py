"""Send 500 pushes to one branch in two seconds, with a command that takes 0.2 s, and count the runs.

    python benchmarks/burst.py

The bars: at most 15 runs, one at a time, and the last commit is deployed within 2.6 s of the first push.
Every other push is superseded by the run that replaced it. Exits with 1 when a bar is missed.
"""

import hashlib
import hmac
import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from served import SECRET, WEBHOOKD, Served, webhookd

PUSHES, SECONDS, SENDERS = 500, 2.0, 4
MOST_RUNS, DEPLOYED_WITHIN = 15, 2.6


def main() -> None:
    """Send the burst, wait for its end, and print the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = 'mkdir busy || touch overlap; sleep 0.2; rmdir busy; echo "$WEBHOOKD_COMMIT" > deployed'
        rule = f"    main: {{cwd: {folder}, run: '{script}'}}"
        with webhookd(folder / "webhookd", rule) as served:
            first, last_commit = send_burst(served)
            took = wait_for_commit(folder / "deployed", last_commit) - first
            runs = list_runs(folder / "webhookd")
        report(runs, took, overlapped=(folder / "overlap").exists())


def send_burst(served: Served) -> tuple[float, str]:
    """Push at a steady rate; return the time of the first push and the last commit."""
    began = time.perf_counter()
    turns = threading.Lock()
    sent: list[str] = []

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", served.port)
        while True:
            with turns:  # pushes are sent in order, so that there is a last one
                number = len(sent)
                if number == PUSHES:
                    return
                time.sleep(max(0.0, began + SECONDS * number / PUSHES - time.perf_counter()))
                sent.append(push(connection, number))

    threads = [threading.Thread(target=send) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return began, sent[-1]


def push(connection: http.client.HTTPConnection, number: int) -> str:
    """Send one signed push and return its commit."""
    commit = hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()
    push = {"ref": "refs/heads/main", "after": commit, "before": "1" * 40}
    body = json.dumps(push | {"repository": {"full_name": "octocat/blog"}}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": commit,
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET, body, "sha256").hexdigest(),
    }
    connection.request("POST", "/github-webhook", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 202, text
    return commit


def wait_for_commit(path: Path, commit: str) -> float:
    """Return the time at which *commit* is deployed."""
    while not path.exists() or path.read_text().strip() != commit:
        time.sleep(0.005)
    return time.perf_counter()


def list_runs(folder: Path) -> list[dict[str, Any]]:
    """Return all runs, oldest first, when all have ended."""
    command = [
        WEBHOOKD,
        "--config",
        str(folder / "webhookd.yaml"),
        "runs",
        "--json",
        "--limit",
        str(2 * PUSHES),
    ]
    while True:
        listed = subprocess.run(command, capture_output=True, check=True)
        runs: list[dict[str, Any]] = json.loads(listed.stdout)
        if all(run["state"] not in ("queued", "running") for run in runs):
            return runs[::-1]
        time.sleep(0.1)


def report(runs: list[dict[str, Any]], took: float, *, overlapped: bool) -> None:
    """Print the figures, and exit with 1 when one misses its bar."""
    ran = {run["run"] for run in runs if run["state"] == "succeeded"}
    superseded = [run for run in runs if run["state"] == "superseded"]
    linked = all(run["superseded_by"] > run["run"] for run in superseded)
    print(f"pushes                      {len(runs)}")
    print(f"runs                        {len(ran)} (bar {MOST_RUNS})")
    print(f"two at the same time        {'yes' if overlapped else 'never'}")
    print(f"first push to last deployed {took:.2f} s (bar {DEPLOYED_WITHIN} s)")
    print(f"superseded, with their link {len(superseded)}, {'all linked' if linked else 'NOT all linked'}")
    complete = len(runs) == PUSHES == len(ran) + len(superseded)
    good = complete and linked and len(ran) <= MOST_RUNS and took <= DEPLOYED_WITHIN and not overlapped
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
