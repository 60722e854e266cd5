"""Refs and the changes of one: what is a branch, a tag, a creation, a deletion, a test (pure)."""

from typing import Any

from webhookd.intake.fields import is_zero, object_id
from webhookd.models import PushEvent, RefKind

PREFIXES = {RefKind.BRANCH: "refs/heads/", RefKind.TAG: "refs/tags/"}


def split_ref(ref: str) -> tuple[RefKind, str]:
    """Tell what a full *ref* is, and its name; the prefix goes once: refs/heads/a/b is branch a/b."""
    for kind, prefix in PREFIXES.items():
        if ref.startswith(prefix) and len(ref) > len(prefix):
            return kind, ref[len(prefix) :]
    return RefKind.OTHER, ref


def full_ref(kind: RefKind, name: str) -> str:
    """Give the full ref of a branch or tag that may be named in full already."""
    prefix = PREFIXES.get(kind, "")
    return name if name.startswith(prefix) else prefix + name


def complete_ref(ref: str, *, kind: RefKind = RefKind.BRANCH) -> str:
    """Complete a ref as git does: tags/v1 is a tag, whatever the *kind* of a bare name is."""
    if ref.startswith("refs/"):
        return ref
    return f"refs/{ref}" if ref.startswith(("heads/", "tags/")) else full_ref(kind, ref)


def push_event(  # noqa: PLR0913 - what every forge says of a change, each by name
    *,
    repo: str,
    ref: str,
    before: object,
    after: object,
    created: bool | None = None,
    deleted: bool | None = None,
    forced: bool | None = None,
    files_complete: bool = False,
    **details: Any,
) -> PushEvent:
    """Build a push event; where the forge has no flags, all-zero ids say what was created or deleted.

    Equal ids mean that nothing changed: Gitea, Forgejo and Gogs send that from their test buttons. The files
    of the commits are never all that changed when a ref is new or its history was rewritten.
    """
    kind, name = split_ref(ref)
    test = isinstance(before, str) and before != "" and before == after and not created and not deleted
    created = not test and (is_zero(before) if created is None else created)
    deleted = not test and (is_zero(after) if deleted is None else deleted)
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
        files_complete=files_complete and not (created or deleted or forced),
        **details,
    )
