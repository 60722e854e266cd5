"""The rules for names of repositories, branches, tags, hooks and variables, and for paths (pure)."""

import re

from webhookd.config.wording import quoted
from webhookd.errors import BadValue

RESERVED_PATHS = frozenset({"/healthz"})

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
URL_PATH = re.compile(r"/(?:[A-Za-z0-9._~-]+/)*[A-Za-z0-9._~-]*", re.ASCII)
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*://[^/]+/|[^@/\s]+@[^:/\s]+:)(?P<name>.+)", re.IGNORECASE)

# What `git check-ref-format` refuses, except "*" and "?", which are wildcards here.
NOT_IN_REFS = re.compile(r"[\x00-\x20\x7f~^:\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")
NOT_IN_REPOS = re.compile(r"[\x00-\x20\x7f@:\[\]\\]")


def check_word(text: str) -> str:
    """Check the name of a hook, a target or a lock: it is part of paths, URLs and command lines."""
    if WORD.fullmatch(text) is None:
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
    if not text.startswith("/"):
        raise BadValue(f'{quoted(text)} does not begin with "/"', hint=f"write /{text.lstrip('/')}")
    if URL_PATH.fullmatch(text) is None or {".", ".."} & set(text.split("/")):
        hint = 'letters, digits, ".", "_", "~" and "-" between single slashes'
        raise BadValue(f"{quoted(text)} is not a path for a hook", hint=hint)
    if text in RESERVED_PATHS:
        raise BadValue(f"{quoted(text)} is webhookd's own", hint="choose another path")
    return text


def check_repository(text: str) -> str:
    """Check the full name of a repository, or a pattern for it."""
    if url := _URL.fullmatch(text):
        raise BadValue(f"{quoted(text)} is a URL", hint=f"write the name: {_bare(url['name'])}")
    if text.endswith(".git"):
        raise BadValue(f'{quoted(text)} ends in ".git"', hint=f"write {_bare(text)}")
    parts = text.split("/")
    if NOT_IN_REPOS.search(text) or {"", ".", ".."} & set(parts):
        hint = "owner/name as the forge shows it; wildcards are *, ** and ?"
        raise BadValue(f"{quoted(text)} is not a repository's name", hint=hint)
    if len(parts) == 1 and text != "**":
        raise BadValue(f"{quoted(text)} has no owner", hint=f"write owner/{text}, or ** for every repository")
    return text


def check_branch(text: str) -> str:
    """Check the name of a branch, or a pattern for it."""
    if text.startswith("refs/heads/"):
        hint = f"write {text.removeprefix('refs/heads/')}"
        raise BadValue(f"{quoted(text)} is a full ref, not a branch's name", hint=hint)
    if text.startswith("refs/tags/"):
        hint = f'put {text.removeprefix("refs/tags/")} under "tags"'
        raise BadValue(f"{quoted(text)} is a tag", hint=hint)
    if text.startswith("refs/"):
        raise BadValue(f"{quoted(text)} is a full ref, not a branch's name", hint="write the branch's name")
    return _check_ref(text, "branch")


def check_tag(text: str) -> str:
    """Check the name of a tag, or a pattern for it."""
    if text.startswith("refs/tags/"):
        hint = f"write {text.removeprefix('refs/tags/')}"
        raise BadValue(f"{quoted(text)} is a full ref, not a tag's name", hint=hint)
    if text.startswith("refs/"):
        raise BadValue(f"{quoted(text)} is no tag", hint='branches stand under "branches"')
    return _check_ref(text, "tag")


def _check_ref(text: str, kind: str) -> str:
    ends = text.startswith(("/", ".")) or text.endswith(("/", ".")) or text in {"", "@"}
    if ends or NOT_IN_REFS.search(text):
        raise BadValue(f"{quoted(text)} cannot be a {kind}'s name", hint="wildcards are *, ** and ?")
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
    if text.startswith("~"):
        raise BadValue(f"{quoted(text)} is not an absolute path", hint='"~" is not expanded: write it out')
    if not text.startswith("/"):
        raise BadValue(f"{quoted(text)} is not an absolute path", hint="begin it with /")
    return check_text(text)


def _bare(name: str) -> str:
    return name.strip("/").removesuffix(".git")
