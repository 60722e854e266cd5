"""Refs and push events: what is a branch, a tag, a creation, a deletion, a test (pure)."""

import re
from collections.abc import Sequence
from typing import Any

from webhookd.intake.payloads import Payload, changed_files, is_zero, object_id
from webhookd.models.delivery import PushEvent
from webhookd.models.settings import RefKind

# What no ref has: https://git-scm.com/docs/git-check-ref-format
_NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|\A/|[/.]\Z|(?:\A|/)\.|\.lock(?:/|\Z)")

PREFIXES = {RefKind.BRANCH: "refs/heads/", RefKind.TAG: "refs/tags/"}


def is_ref(ref: str) -> bool:
    """Return whether git accepts *ref* as the full name of a ref."""
    return "/" in ref and not _NO_REF.search(ref)


def is_repository(name: str) -> bool:
    """Return whether *name* can be that of a repository: as a path, it leads nowhere else."""
    return {"", ".", ".."}.isdisjoint(name.split("/"))


def split_ref(ref: str) -> tuple[RefKind, str]:
    """Return the kind and the name of a full *ref*; the prefix goes once: refs/heads/a/b is branch a/b."""
    for kind, prefix in PREFIXES.items():
        if ref.startswith(prefix) and len(ref) > len(prefix):
            return kind, ref[len(prefix) :]
    return RefKind.OTHER, ref


def full_ref(kind: RefKind, name: str) -> str:
    """Return the full ref of a branch or tag, which may be given in full already."""
    prefix = PREFIXES.get(kind, "")
    return name if name.startswith(prefix) else prefix + name


def complete_ref(ref: str, *, kind: RefKind = RefKind.BRANCH) -> str:
    """Complete a ref as git does: tags/v1 is a tag, whatever the *kind* of a bare name is."""
    if ref.startswith("refs/"):
        return ref
    return f"refs/{ref}" if ref.startswith(("heads/", "tags/")) else full_ref(kind, ref)


def push_event(  # noqa: PLR0913 - what every forge says about a change, each by name
    *,
    repo: str,
    ref: str,
    before: object,
    after: object,
    created: bool | None = None,
    deleted: bool | None = None,
    forced: bool | None = None,
    commits: Sequence[Payload] = (),
    total: int | None = None,
    cap: int = 0,
    **details: Any,
) -> PushEvent:
    """Build a push event; where the forge has no flags, all-zero ids say what was created or deleted.

    Equal ids mean that nothing changed: the test buttons of Gitea, Forgejo and Gogs send such a push. The
    files of *commits* are never all that changed when a ref is new or its history was rewritten, or when the
    forge left some out: there are *total*, or, if it does not say how many, as many as its *cap* or more.
    """
    kind, name = split_ref(ref)
    test = isinstance(before, str) and before != "" and before == after and not created and not deleted
    created = not test and (is_zero(before) if created is None else created)
    deleted = not test and (is_zero(after) if deleted is None else deleted)
    every_commit = len(commits) < cap if total is None else total <= len(commits)
    files, complete = changed_files(commits, every_commit=every_commit)
    return PushEvent(
        repo=repo,
        ref=ref,
        branch=name if kind is RefKind.BRANCH else None,
        tag=name if kind is RefKind.TAG else None,
        before=object_id(before),
        after=object_id(after),
        created=created,
        deleted=deleted,
        forced=forced,
        test=test,
        changed_files=files,
        files_complete=complete and not (created or deleted or forced),
        **details,
    )
