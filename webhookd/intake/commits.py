"""What the commits of a push say about changed files (pure)."""

from collections.abc import Sequence

from webhookd.intake.fields import LONGEST_NAME, Payload

_LISTS = ("added", "modified", "removed")


def changed_files(commits: Sequence[Payload], *, every_commit: bool) -> tuple[tuple[str, ...] | None, bool]:
    """Give the changed files, sorted, and whether that is all of them.

    *every_commit* says that the forge left no commit out. No commits at all also means "unknown":
    a new branch, a tag, or a branch set back to an older commit.
    """
    lists = [commit.get(key) for commit in commits for key in _LISTS]
    known = [files for files in lists if isinstance(files, list)]
    if not known:
        return None, False
    names = [file for files in known for file in files]
    usable = {file for file in names if isinstance(file, str) and len(file) <= LONGEST_NAME}
    complete = every_commit and len(known) == len(lists) and len(usable) == len(set(map(str, names)))
    return tuple(sorted(usable)), complete
