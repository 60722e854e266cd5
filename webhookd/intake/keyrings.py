"""Which keys may open a request: the hook's, or those of a repository that has its own (pure).

The repository is known only after the JSON is parsed, and the JSON is parsed only once the signature is
right. So all keys are tried, unless there are many: a hostile body of 25 MB would be hashed once for each.
Then only those of the repositories and patterns that the raw bytes mention are tried, and no more than a
few. This decides nothing but what is tried: `opening_for` asks for the key of the repository that the parsed
payload names.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice, product

from webhookd.errors import NotAuthentic
from webhookd.intake.causes import Cause
from webhookd.intake.forges import forge
from webhookd.intake.globs import is_pattern, matches
from webhookd.intake.matching import repositories_of
from webhookd.intake.payloads import percent_decoded
from webhookd.intake.signature import Keyring, Opening, split_tokens
from webhookd.models.settings import Hook, Repository, Secret

MANY = 16  # own keys that are tried without a look at the body; after one, as many of names and of patterns
_MOST_PLACES = 10_000  # looked at in one body
# What follows a key: a quote, a colon and the text in quotes, plain or percent-encoded.
_VALUE = re.compile(
    rb'(?:"|%22)(?:\s|\+|%20|%0A|%09){0,9}(?::|%3A)(?:\s|\+|%20|%0A|%09){0,9}(?:"|%22)((?:[^"%]|%(?!22)){1,600})(?:"|%22)'
)


def keyring_of(hook: Hook, repository: Repository | None = None) -> Keyring:
    """Return the keys that open *repository*: its own if it has any, or else the hook's.

    The hook's Authorization header is required in both cases.
    """
    if repository is None or not repository.secrets:
        return Keyring(secrets=hook.secrets, tokens=hook.tokens, authorization=hook.authorization)
    secrets, tokens = split_tokens(repository.secrets, forge(hook.forge).scheme)
    return Keyring(
        repository=repository.pattern, secrets=secrets, tokens=tokens, authorization=hook.authorization
    )


def keyrings_for(
    hook: Hook, repositories: Sequence[Repository], *, body: bytes | None = None
) -> Iterator[Keyring]:
    """Yield the keyrings to try at *hook*; all of them without a *body*."""
    yield keyring_of(hook)
    with_own = [repository for repository in repositories_of(hook.name, repositories) if repository.secrets]
    if body is not None and len(with_own) > MANY:
        with_own = _mentioned(with_own, body, [keys[-1] for keys in forge(hook.forge).repo_at])
    yield from (keyring_of(hook, repository) for repository in with_own)


def every_secret(hooks: Sequence[Hook], repositories: Sequence[Repository]) -> list[Secret]:
    """Return all configured keys, for a diagnosis: the right one may belong to another hook or repository."""
    of_hooks = (secret for hook in hooks for _, secrets in keyring_of(hook).by_kind() for secret in secrets)
    return [*of_hooks, *(secret for repository in repositories for secret in repository.secrets)]


def opening_for(opened: Sequence[Opening], repo: str, repository: Repository | None) -> Opening:
    """Return the opening that counts: a *repository* with secrets of its own is opened by those alone.

    *repo* is the name in the payload. An event that names none, which runs nothing, is opened by any key.
    """
    if not repo:
        return opened[0]
    owner = repository.pattern if repository is not None and repository.secrets else ""
    right = next((opening for opening in opened if opening.repository == owner), None)
    if right is None and owner:
        raise NotAuthentic(
            "the repository has a secret of its own, and another was used",
            cause=Cause.OWN_SECRET_NOT_USED,
            hint=f'set the secret of "{owner}" in the forge\'s webhook settings',
        )
    if right is None:
        raise NotAuthentic(
            "a secret that belongs to another repository was used",
            cause=Cause.FOREIGN_SECRET_USED,
            hint="set the hook's secret in the forge's webhook settings",
        )
    return right


def _mentioned(repositories: Sequence[Repository], body: bytes, keys: Sequence[str]) -> list[Repository]:
    """Return the repositories that *body* mentions; a name has a part at each of *keys*."""
    values = [_values(body, key) for key in keys]
    names = ["/".join(parts) for parts in islice(product(*values), MANY)]  # a push has few
    named = (repository for repository in repositories if _is_in(values, repository.pattern.casefold()))
    fitting = (repository for repository in repositories if _fits_any(repository.pattern.casefold(), names))
    return [*islice(named, MANY), *islice(fitting, MANY)]


def _fits_any(pattern: str, names: Sequence[str]) -> bool:
    return is_pattern(pattern) and any(matches(pattern, name) for name in names)


def _is_in(values: Sequence[Collection[str]], name: str) -> bool:
    parts = name.split("/", len(values) - 1) if len(values) > 1 else [name]
    return len(parts) == len(values) and all(part in found for part, found in zip(parts, values, strict=True))


def _values(body: bytes, key: str) -> Collection[str]:
    """Return all texts at *key* in *body*, which is JSON or a form, at any depth, the first one first."""
    found: dict[str, None] = {}
    word, place = key.encode(), -1
    for _ in range(_MOST_PLACES):
        place = body.find(word, place + 1)
        if place < 0:
            break
        if match := _VALUE.match(body, place + len(word)):
            text = percent_decoded(match[1]).replace(b"\\/", b"/").decode(errors="replace")
            found[text.casefold()] = None
    return found
