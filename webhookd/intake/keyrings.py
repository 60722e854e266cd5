"""Whose keys may open a request: the hook's, and those of repositories that have their own (pure).

The repository is known only after the JSON is read, and that is read only once the signature is right. So
all keys are tried, unless there are many: a hostile body of 25 MB would be hashed once for each. Then only
those of the repositories that the raw bytes mention are tried. This decides nothing but what is tried:
`receive` asks of the parsed payload which key was the right one.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from webhookd.intake.documents import percent_decoded
from webhookd.intake.globs import is_pattern
from webhookd.intake.schemes import Scheme
from webhookd.intake.signature import Keyring, hook_keyring, repository_keyring
from webhookd.models import Hook, Repository

MANY = 16  # repositories whose own keys are tried without a look at the body, and at most after one
_MOST_PLACES = 10_000  # looked at in one body
# What follows a key: a quote, a colon and the text in quotes, plain or percent-encoded.
_VALUE = re.compile(
    rb'(?:"|%22)(?:\s|\+|%20|%0A|%09){0,9}(?::|%3A)(?:\s|\+|%20|%0A|%09){0,9}(?:"|%22)((?:[^"%]|%(?!22)){1,600})(?:"|%22)'
)


def keyrings_for(
    hook: Hook, repositories: Sequence[Repository], scheme: Scheme, *, body: bytes | None = None
) -> Iterator[Keyring]:
    """Give the keyrings to try at *hook*; *repositories* are the hook's own. Without a *body*: all."""
    yield hook_keyring(hook)
    with_own = [repository for repository in repositories if repository.secrets]
    if body is not None and len(with_own) > MANY:
        with_own = _mentioned(with_own, body, scheme.repo_keys)
    yield from (repository_keyring(repository, hook, scheme) for repository in with_own)


def _mentioned(repositories: Sequence[Repository], body: bytes, keys: tuple[str, ...]) -> list[Repository]:
    """Give the repositories that *body* mentions; a name can have several parts, one at each of *keys*."""
    values = [_values(body, key) for key in keys]
    named = (repository for repository in repositories if _is_in(values, repository.pattern.casefold()))
    patterns = [repository for repository in repositories if is_pattern(repository.pattern)]
    return [*islice(named, MANY), *patterns]


def _is_in(values: Sequence[set[str]], name: str) -> bool:
    if len(values) == 1:
        return name in values[0]
    parts = name.split("/", len(values) - 1)
    return len(parts) == len(values) and all(part in found for part, found in zip(parts, values, strict=True))


def _values(body: bytes, key: str) -> set[str]:
    """Give the texts that stand at *key* anywhere in *body*, JSON or form."""
    found: set[str] = set()
    word, place = key.encode(), -1
    for _ in range(_MOST_PLACES):
        place = body.find(word, place + 1)
        if place < 0:
            break
        if match := _VALUE.match(body, place + len(word)):
            text = percent_decoded(match[1]).replace(b"\\/", b"/").decode(errors="replace")
            found.add(text.casefold())
    return found
