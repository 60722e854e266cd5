"""The rules for names, patterns and paths, and what is doubtful in them (pure)."""

import re
from collections.abc import Iterable, Iterator

from webhookd.config.wording import quoted
from webhookd.errors import BadValue

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_URL_PATH = re.compile(r"/(?:[A-Za-z0-9._~-]+/)*[A-Za-z0-9._~-]*", re.ASCII)
_URL_START = re.compile(r"^(?:[a-z][a-z0-9+.-]*://[^/]+/|[^@/\s]+@[^:/\s]+:)", re.IGNORECASE)

# What `git check-ref-format` refuses, except "*" and "?", which are wildcards here.
_NOT_IN_REFS = re.compile(r"[\x00-\x20\x7f~^:\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|^[/.]|[/.]$|^@?$")
_NOT_IN_REPOS = re.compile(r"[\x00-\x20\x7f@:\[\]\\]|(?:^|/)\.{0,2}(?:/|$)")

# Signs of a regular expression or of braces; in the names of files, "(" and "," are usual.
_EXPRESSION = re.compile(r"\||[(),]|\{.*\}|\.[*+]|\$$")
_CHOICE_OF_FILES = re.compile(r"\||\{[^}]*,[^}]*\}")
_LITERAL = "is taken literally: there are no regular expressions and no braces"
_REMOTE = re.compile(r"(?:refs/)?(?:remotes/)?origin/(.+)|heads/(.+)")

_TOKEN = re.compile(r"(?:^|(?<=/))\*\*+/|\*\*+|\*|\?|[^*?]+")
_ANY, _ONE_FOLDER = "\0", "\1"  # stand for ** and * in a pattern that is itself matched


def check_word(text: str) -> str:
    """Check the name of a hook, a target or a lock: it is part of paths, URLs and command lines."""
    if _WORD.fullmatch(text) is None:
        hint = 'letters, digits, ".", "_" and "-", at most 64, the first a letter or digit'
        raise BadValue(f"{quoted(text)} is not a name", hint=hint)
    return text


def check_variable(text: str) -> str:
    """Check the name of an environment variable that a target sets."""
    if VARIABLE.fullmatch(text) is None:
        raise BadValue(f"{quoted(text)} is not a variable's name", hint='letters, digits and "_"')
    if text.startswith("WEBHOOKD_"):
        raise BadValue(f"{quoted(text)} is reserved", hint="WEBHOOKD_ variables describe the push")
    return text


def check_url_path(text: str) -> str:
    """Check the URL path of a hook; it is compared exactly."""
    if _URL_PATH.fullmatch(text) is None or {".", ".."} & set(text.split("/")):
        hint = 'begin it with "/"; letters, digits, ".", "_", "~" and "-" between single slashes'
        raise BadValue(f"{quoted(text)} is not a path for a hook", hint=hint)
    if text == "/healthz":
        raise BadValue(f"{quoted(text)} is webhookd's own", hint="choose another path")
    return text


def check_repository(text: str) -> str:
    """Check the full name of a repository, or a pattern for it."""
    name = _URL_START.sub("", text).strip("/").removesuffix(".git")
    if name not in {"", text}:
        raise BadValue(f"{quoted(text)} is not the name that the forge shows", hint=f"write {name}")
    if _NOT_IN_REPOS.search(text):
        hint = "owner/name as the forge shows it; wildcards are *, ** and ?"
        raise BadValue(f"{quoted(text)} is not a repository's name", hint=hint)
    if "/" not in text and text != "**":
        raise BadValue(f"{quoted(text)} has no owner", hint=f"write owner/{text}, or ** for every repository")
    return text


def check_ref(text: str) -> str:
    """Check the name of a branch or a tag, or a pattern for it."""
    if text.startswith("refs/"):
        kind, _, name = text.removeprefix("refs/").partition("/")
        hints = {"heads": f"write {name}", "tags": f'write {name} below "tags"'}
        hint = hints.get(kind, "rules are for branches and tags only")
        raise BadValue(f"{quoted(text)} is a full ref, not a name", hint=hint)
    if _NOT_IN_REFS.search(text):
        raise BadValue(f"{quoted(text)} cannot be a branch's or tag's name", hint="wildcards are *, ** and ?")
    return text


def check_file_pattern(text: str) -> str:
    """Check a pattern for paths inside a repository."""
    if text.startswith(("/", "./", "../")) or text == "":
        hint = f"relative to the repository's top, write {quoted(text.lstrip('./') or '**')}"
        raise BadValue(f"{quoted(text)} is not a path inside a repository", hint=hint)
    if text.startswith("!"):
        hint = 'files that do not count stand under "paths_ignore", without "!"'
        raise BadValue(f"{quoted(text)} excludes nothing", hint=hint)
    if text.endswith("/"):
        raise BadValue(f"{quoted(text)} matches no file", hint=f"write {quoted(text + '**')}")
    return check_text(text)


def check_text(text: str) -> str:
    """Check that a text can be passed to a command."""
    if "\0" in text:
        raise BadValue("holds a NUL character", hint="the system cannot pass one to a command")
    return text


def check_absolute(text: str) -> str:
    """Check that a path is absolute; nothing is expanded in it."""
    if not text.startswith("/"):
        hint = 'begin it with "/"; "~" is not expanded'
        raise BadValue(f"{quoted(text)} is not an absolute path", hint=hint)
    return check_text(text)


def doubt_about_name(pattern: str) -> tuple[str, str] | None:
    """Return what is doubtful in the name of a repository, branch or tag, and a hint; None if nothing is."""
    if _EXPRESSION.search(pattern):
        hint = "give each name a line of its own; wildcards are *, ** and ?"
        return f"{quoted(pattern)} {_LITERAL}", hint
    if remote := _REMOTE.fullmatch(pattern):
        name = remote[1] or remote[2]
        return f"{quoted(pattern)} is not the branch {quoted(name)}", f"for that branch, write {name}"
    return None


def doubt_about_files(pattern: str) -> tuple[str, str] | None:
    """Return what is doubtful in a pattern for files, and a hint; None if nothing is."""
    return (
        (f"{quoted(pattern)} {_LITERAL}", "write a list of patterns")
        if _CHOICE_OF_FILES.search(pattern)
        else None
    )


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
