"""Whose keys may open a request: the hook's, and those of repositories that have their own (pure).

The repository is known only after the JSON is read, and that is read only once the signature is right. So
all keys are tried, unless there are many: a hostile body of 25 MB would be hashed once for each. Then only
those of the repositories that the raw bytes mention are tried. This decides nothing but what is tried:
`receive` asks of the parsed payload which key was the right one.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

from webhookd.intake.documents import percent_decoded
from webhookd.intake.globs import is_pattern
from webhookd.intake.schemes import Scheme
from webhookd.intake.signature import Keyring, hook_keyring, repository_keyring
from webhookd.models import Hook, Repository

MANY = 16  # repositories whose own keys are tried without a look at the body, and at most after one
_MOST_VALUES = 256  # looked at in one body


def keyrings_for(
    hook: Hook, repositories: Sequence[Repository], scheme: Scheme, *, body: bytes | None = None
) -> tuple[Keyring, ...]:
    """Give the keyrings to try at *hook*; *repositories* are the hook's own. Without a *body*: all."""
    with_own = [repository for repository in repositories if repository.secrets]
    if body is not None and len(with_own) > MANY:
        with_own = _mentioned(with_own, body, scheme.repo_keys)
    return (hook_keyring(hook), *(repository_keyring(repository, hook, scheme) for repository in with_own))


def _mentioned(repositories: Sequence[Repository], body: bytes, keys: tuple[str, ...]) -> list[Repository]:
    """Give the repositories that *body* mentions; a name can have several parts, one at each of *keys*."""
    values = [_values(body, key) for key in keys]
    named = (
        repository
        for repository in repositories
        if all(
            part in found for part, found in zip(_parts(repository.pattern, len(keys)), values, strict=True)
        )
    )
    patterns = [repository for repository in repositories if is_pattern(repository.pattern)]
    return [*islice(named, MANY), *patterns]


def _parts(name: str, count: int) -> list[str]:
    parts = name.casefold().split("/", count - 1)
    return parts + [""] * (count - len(parts))


def _values(body: bytes, key: str) -> set[str]:
    """Give the texts that stand at *key* anywhere in *body*, JSON or form."""
    found: set[str] = set()
    for match in _at(key).finditer(body):
        text = percent_decoded(match[1]).replace(b"\\/", b"/").decode(errors="replace")
        found.add(text.casefold())
        if len(found) == _MOST_VALUES:
            break
    return found


@lru_cache(maxsize=16)
def _at(key: str) -> re.Pattern[bytes]:
    quote, space = rb'(?:"|%22)', rb"(?:\s|\+|%20|%0A|%09){0,9}"
    value = rb'((?:[^"%]|%(?!22)){1,600})'
    return re.compile(quote + key.encode() + quote + space + rb"(?::|%3A)" + space + quote + value + quote)
