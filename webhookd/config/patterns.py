"""Patterns that probably do not mean what their author meant (pure)."""

import re
from collections.abc import Iterable, Iterator

from webhookd.config.wording import quoted

_CHOICE = re.compile(r"\||\{[^}]*,[^}]*\}")  # also in file names, where "(" and "," are usual
_EXPRESSION = re.compile(r"\||[(),]|\{.*\}|\.[*+]|\$$")
_REMOTE = re.compile(r"(?:refs/)?(?:remotes/)?origin/(.+)|heads/(.+)")
_TOKEN = re.compile(r"(?:^|(?<=/))\*\*+/|\*\*+|\*|\?|[^*?]+")
_ANY, _ONE_FOLDER = "\0", "\1"  # stand for ** and * in a pattern that is itself matched

_LITERAL = "is taken literally: there are no regular expressions and no braces"
_EACH = "give each name a line of its own; wildcards are *, ** and ?"


def doubt_about_name(pattern: str) -> tuple[str, str] | None:
    """Return what is doubtful in the name of a repository, branch or tag, and a hint; None if nothing is."""
    if _EXPRESSION.search(pattern):
        return f"{quoted(pattern)} {_LITERAL}", _EACH
    if remote := _REMOTE.fullmatch(pattern):
        name = remote[1] or remote[2]
        return f"{quoted(pattern)} is not the branch {quoted(name)}", f"for that branch, write {name}"
    return None


def doubt_about_files(pattern: str) -> tuple[str, str] | None:
    """Return what is doubtful in a pattern for files, and a hint; None if nothing is."""
    return (f"{quoted(pattern)} {_LITERAL}", "write a list of patterns") if _CHOICE.search(pattern) else None


def hidden(patterns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each pattern that matches nothing which an earlier one does not match, and that earlier one."""
    earlier: list[tuple[str, re.Pattern[str]]] = []
    for pattern in patterns:
        if not set("*?") & set(pattern):
            continue  # an exact name comes before all patterns
        stand_in = re.sub(r"\*\*+", _ANY, pattern).replace("*", _ONE_FOLDER)
        if first := next((other for other, regex in earlier if regex.fullmatch(stand_in)), None):
            yield pattern, first
        earlier.append((pattern, _covering(pattern)))


def _covering(pattern: str) -> re.Pattern[str]:
    """Return an expression for the stand-ins of patterns that match nothing else than *pattern* does."""
    parts = []
    for token in _TOKEN.findall(pattern):
        if token.startswith("**"):
            parts.append("(?:.*/)?" if token.endswith("/") else ".*")
        else:
            parts.append(
                {"*": f"[^/{_ANY}]*", "?": f"[^/{_ANY}{_ONE_FOLDER}]"}.get(token) or re.escape(token)
            )
    return re.compile("".join(parts), re.DOTALL)
