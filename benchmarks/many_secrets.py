"""Measure the time to refuse a forged body, by the number of repositories with their own secrets.

    python benchmarks/many_secrets.py [--rounds 20]

A forger chooses the body: a small one, the largest one, or one that mentions many repositories.
"""

import argparse
import contextlib
import json
import statistics
import time
from datetime import UTC, datetime

from webhookd.errors import NotAuthentic
from webhookd.intake import receive
from webhookd.models.delivery import Request
from webhookd.models.settings import Forge, Hook, Repository, Secret

NOW = datetime.now(UTC)
HEADERS = {
    "content-type": "application/json",
    "x-github-event": "push",
    "x-hub-signature-256": "sha256=" + "0" * 64,
}
HOOK = Hook(
    name="github",
    path="/github-webhook",
    forge=Forge.GITHUB,
    secrets=(Secret(label="of the hook", key=b"benchmark"),),
)
LARGEST = 25 * 1024**2


def main() -> None:
    """Print a row for each body and a column for each number of secrets."""
    parser = argparse.ArgumentParser(description="Time to refuse a forged body, by number of secrets")
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    numbers = (1, 16, 200, 1000)  # own secrets, of names and as many of patterns
    print(f"{'':40}" + "".join(f"{number:>12,}" for number in numbers) + "   own secrets")
    for what, body in bodies().items():
        costs = [cost(body, number, rounds) for number in numbers]
        print(f"{what:40}" + "".join(f"{seconds * 1e3:9.3f} ms" for seconds in costs))


def bodies() -> dict[str, bytes]:
    """Return bodies that a forger can send."""
    mentioned = [{"full_name": f"octocat/r{number}"} for number in range(1000)]
    return {
        "10 KB": json.dumps({"ref": "refs/heads/main", "padding": "x" * 10_000}).encode(),
        "25 MiB": b'{"padding": "' + b"x" * LARGEST,
        "1,000 repositories mentioned, 30 KB": json.dumps(mentioned).encode(),
        "1,000 repositories mentioned, 25 MiB": json.dumps(mentioned).encode() + b" " * LARGEST,
        "quotation marks, 25 MiB": b'"full_name"' * (LARGEST // 11),
    }


def cost(body: bytes, number: int, rounds: int) -> float:
    """Return the median of the seconds to refuse *body*."""
    secrets = [Secret(label="own", key=b"own %d" % each) for each in range(number)]
    repositories = [
        Repository(pattern=f"octocat/r{each}", hook="github", secrets=(secret,))
        for each, secret in enumerate(secrets)
    ]
    repositories += [
        Repository(pattern=f"*{each}/*", hook="github", secrets=(secret,))
        for each, secret in enumerate(secrets)
    ]
    request = Request(headers=HEADERS, body=body)
    took = []
    for _ in range(max(3, rounds if len(body) < 1_000_000 else rounds // 5)):
        began = time.perf_counter()
        with contextlib.suppress(NotAuthentic):
            receive(request, hook=HOOK, repositories=repositories, now=NOW)
            raise AssertionError("a forged body was accepted")
        took.append(time.perf_counter() - began)
    return statistics.median(took)


if __name__ == "__main__":
    main()
