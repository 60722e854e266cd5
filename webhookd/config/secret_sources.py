"""Secrets from files, variables, credentials or the configuration itself.

Nothing here puts a secret, or a part of one, into a message.
"""

import base64
import binascii
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from webhookd.config.accounts import exposures, is_service, reading_hint, user_name
from webhookd.config.document import Document, KeyPath, dotted
from webhookd.config.schema import SecretSource, SecretSources
from webhookd.config.wording import pasted, quoted, quoted_path
from webhookd.errors import BadValue, in_words
from webhookd.models.settings import Secret

_LARGEST = 4096  # bytes; a longer file is the wrong one
_SHORT = 16  # bytes; a shorter secret can be guessed
_VARIABLE = re.compile(r"\$\{?[A-Za-z_][A-Za-z0-9_]*\}?")
_SIGNING_PREFIX = b"whsec_"


class SecretAccess(Enum):
    """How much is read of the secrets; one that is not read becomes a random key, which opens nothing."""

    ALL = auto()  # for the daemon
    OUTSIDE = auto()  # all but those that only the daemon's environment may hold
    NONE = auto()  # for a command that needs no secrets


class Expected(Enum):
    """What kind of secret is needed."""

    ANYTHING = auto()
    SIGNING = auto()  # GitLab's signing secret: whsec_ and base64
    EITHER = auto()  # GitLab's token, or its signing secret if it begins with whsec_


class _Elsewhere(BadValue):
    """The secret is in an environment that only the daemon may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReader:
    """Reads the secrets of a configuration; those that cannot be read are recorded in *document*."""

    document: Document
    access: SecretAccess
    env: Mapping[str, str]
    uid: int
    trusted: Collection[int]  # users who may change a secret
    credential: Callable[[str], Path | None]  # outside the unit: the file that the unit loads
    hook_of: dict[bytes, str] = field(default_factory=dict)  # the first hook that has a key

    def read(
        self, path: KeyPath, sources: SecretSources | None, *, expected: Expected = Expected.ANYTHING
    ) -> tuple[Secret, ...]:
        """Return the secrets of all *sources* at *path*, except those that cannot be read."""
        places = ((self.document.known((*path, index)), source) for index, source in enumerate(sources or ()))
        secrets = [self._read(place, source, expected) for place, source in places]
        return tuple(secret for secret in secrets if secret is not None)

    def _read(self, path: KeyPath, source: str | SecretSource, expected: Expected) -> Secret | None:
        unread = Secret(label=_label(path, source), key=os.urandom(32))
        if self.access is SecretAccess.NONE:
            return unread
        try:
            key = Secret.key_in(self._content(path, source))
            _check(key, expected)
        except BadValue as bad:
            if isinstance(bad, _Elsewhere) and self.access is SecretAccess.OUTSIDE:
                self.document.warn(path, "only the running daemon can read this secret, if it exists")
                return unread
            if not self.document.has_error(path):
                self.document.error(path, str(bad), bad.hint)
            return None
        for message, hint in (*_doubts(key), *self._other_hook(path, key)):
            self.document.warn(path, message, hint)
        return Secret(label=unread.label, key=key)

    def _other_hook(self, path: KeyPath, key: bytes) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with a key that another hook has too; a `secret` at the top is GitHub's."""
        if path[0] != "repos":
            hook = str(path[1]) if path[0] == "hooks" else "github"
            other = self.hook_of.setdefault(key, hook)
            if other != hook:
                hint = "give each its own: a delivery for one can be sent to the other"
                yield f"hook {quoted(other)} has this secret too", hint

    def _content(self, path: KeyPath, source: str | SecretSource) -> bytes:
        """Return the bytes that *source* holds; raise BadValue if they cannot be read."""
        if isinstance(source, str):
            hint = "keep it in a file of its own, mode 600: {file: …}"
            self.document.warn(path, "the secret is written out in this file", hint)
            _check_literal(source)
            return source.encode()
        if source.env is not None:
            return self._variable(source.env)
        if source.credential is not None:
            return self._credential(path, source.credential)
        file = source.file or Path()
        folder = Path(self.document.file).absolute().parent  # where a relative path begins
        return self._file(path, folder / file, is_place=_is_place(file))

    def _variable(self, name: str) -> bytes:
        if name not in self.env:
            hint = "it has to be set where webhookd starts (systemd: EnvironmentFile=)"
            raise _Elsewhere("the variable named here is not set", hint=hint)
        return os.fsencode(self.env[name])

    def _credential(self, path: KeyPath, name: str) -> bytes:
        if folder := self.env.get("CREDENTIALS_DIRECTORY"):
            return self._file(path, Path(folder, name), is_place=False)
        if file := self.credential(name):
            return self._file(path, file, is_place=True)
        hint = "the unit needs LoadCredential=NAME:/PATH; elsewhere `webhookd check --without-secrets`"
        raise _Elsewhere("there are no credentials outside a systemd unit", hint=hint)

    def _file(self, path: KeyPath, file: Path, *, is_place: bool) -> bytes:
        """Return the content of *file*; a message repeats the path of a missing one only if it *is_place*."""
        shown = quoted_path(file)
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as opened:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise IsADirectoryError  # as opening a folder does
                content = opened.read(_LARGEST + 1)
        except OSError as error:
            raise self._unreadable(file, error, is_place=is_place) from None
        if len(content) > _LARGEST:
            raise BadValue(f"{shown} is longer than any secret", hint=f"at most {_LARGEST} bytes")
        self._check_exposed(path, file, status)
        return content

    def _check_exposed(self, path: KeyPath, file: Path, status: os.stat_result) -> None:
        """Check who else can read the secret in *file*, or put another in its place."""
        shown, owner = quoted_path(file), status.st_uid
        if status.st_mode & stat.S_IROTH:
            message = f"{shown} can be read by every user of this machine"
            self.document.warn(path, message, f"chmod 600 {pasted(file)}")
        if owner not in {0, *self.trusted} and not is_service(owner):
            self.document.warn(path, f"{shown} belongs to the user {quoted(user_name(owner))}")
        for exposure in exposures(file, trusted={*self.trusted, owner}):
            record = self.document.warn if exposure.is_doubtful else self.document.error
            record(path, exposure.message, exposure.hint)

    def _unreadable(self, file: Path, error: OSError, *, is_place: bool) -> BadValue:
        shown = quoted_path(file)
        if isinstance(error, PermissionError):
            message = f"{shown} cannot be read by the user {quoted(user_name(self.uid))}"
            return BadValue(message, hint=reading_hint(file, uid=self.uid))
        if isinstance(error, IsADirectoryError):
            return BadValue(f"{shown} is not a regular file", hint="name the file itself")
        if not is_place:
            hint = "write the path of one: (umask 077; openssl rand -hex 32 > FILE)"
            return BadValue("the file named here does not exist", hint=hint)
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            hint = f"make one: (umask 077; openssl rand -hex 32 > {pasted(file)})"
            return BadValue(f"{shown} does not exist", hint=hint)
        return BadValue(f"{shown} cannot be read: {in_words(error)}")


def _is_place(file: Path) -> bool:
    """Return whether *file* is a path into a folder; any other text may be the secret itself."""
    return file.is_absolute() and file.parent != Path("/") and os.path.isdir(file.parent)  # noqa: PTH112


def _label(path: KeyPath, source: str | SecretSource) -> str:
    """Return where a secret is kept; for one in the configuration itself, its key."""
    if isinstance(source, str):
        return f"literal {dotted(path)}"
    (kind,) = source.model_fields_set
    return f"{kind} {getattr(source, kind)}"


def _check_literal(text: str) -> None:
    """Refuse a text that is meant to name a place; the message does not repeat it."""
    if _VARIABLE.fullmatch(text):
        raise BadValue("a variable is not expanded here", hint="write {env: NAME}, without $")
    if _is_place(Path(text)):
        raise BadValue("this is the path of a file", hint="write {file: PATH}")


def _check(key: bytes, expected: Expected) -> None:
    signing = key.startswith(_SIGNING_PREFIX)
    if expected is Expected.SIGNING and not signing:
        hint = 'GitLab\'s signing secret begins with whsec_; its secret token goes under "token"'
        raise BadValue("not a signing secret", hint=hint)
    if signing and expected is not Expected.ANYTHING and not _is_key(key.removeprefix(_SIGNING_PREFIX)):
        raise BadValue("not a signing secret: no base64 key after whsec_", hint="copy all of it again")


def _is_key(text: bytes) -> bool:
    """Return whether *text* is base64 of anything but NUL bytes, which are the empty key for HMAC."""
    try:
        return bool(base64.b64decode(text + b"=" * (-len(text) % 4), validate=True).strip(b"\0"))
    except binascii.Error:
        return False


def _doubts(key: bytes) -> Iterator[tuple[str, str]]:
    """Yield what is allowed in a secret, but probably a mistake."""
    if len(key) < _SHORT:
        yield f"the secret is shorter than {_SHORT} bytes", "it can be guessed: openssl rand -hex 32"
    if key != key.strip(b" \t\r\n\v\f\"'"):
        message = "the secret begins or ends with white space or a quote"
        yield message, "webhookd takes it as a part of the secret"
