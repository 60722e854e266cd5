"""Reading the configuration file."""

import os
import stat
from pathlib import Path

from webhookd.config.accounts import let_read, user_name
from webhookd.config.wording import pasted, quoted
from webhookd.errors import ConfigError, Problem, in_words

_LARGEST = 1024**2  # bytes


def read_text(path: Path, *, uid: int) -> tuple[str, list[tuple[str, str]]]:
    """Give the text of a configuration file, and what is doubtful about the file: message and hint.

    Raise ConfigError with one problem when it cannot be had.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _unreadable(path, error, uid=uid) from None
    if len(content) > _LARGEST:
        raise _refused(path, f"the file is larger than {_LARGEST // 1024**2}MiB", "is it the right one?")
    doubts = []
    if mode & stat.S_IWOTH:
        message = "every user of this machine can change this file, and so which commands run"
        doubts.append((message, f"chmod o-w {pasted(path)}"))
    return _decoded(path, content), doubts


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        problem = _problem(path, "the file is not UTF-8 from here on", "save it as UTF-8", line, column)
        raise ConfigError((problem,)) from None


def _unreadable(path: Path, error: OSError, *, uid: int) -> ConfigError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        hint = f"`webhookd init --config {pasted(path)}` writes one"
        return _refused(path, "there is no such file", hint)
    if isinstance(error, PermissionError):
        message = f"the user {quoted(user_name(uid))} may not read this file"
        return _refused(path, message, let_read(path, uid=uid))
    if isinstance(error, IsADirectoryError):
        return _refused(path, "this is a folder", f"name the file in it: {path / 'webhookd.yaml'}")
    return _refused(path, f"the file cannot be read: {in_words(error)}", "")


def _refused(path: Path, message: str, hint: str) -> ConfigError:
    return ConfigError((_problem(path, message, hint),))


def _problem(path: Path, message: str, hint: str, line: int = 0, column: int = 0) -> Problem:
    return Problem(file=str(path), line=line, column=column, key="", message=message, hint=hint)
