"""Secrets from files, variables, credentials or the configuration itself.

Nothing here puts a secret, or a part of one, into a message.
"""

import base64
import binascii
import os
import stat
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from webhookd.config.accounts import let_read, user_name
from webhookd.config.document import KeyPath, dotted
from webhookd.config.findings import Findings
from webhookd.config.schema import Source, Sources
from webhookd.config.wording import pasted, quoted, quoted_path
from webhookd.errors import BadValue, in_words
from webhookd.models import Secret

_LARGEST = 4096  # bytes; what is longer is the wrong file
_SHORT = 16  # bytes; a shorter secret can be guessed
_SIGNING_PREFIX = b"whsec_"
_EVERYBODY = {
    stat.S_IROTH: "can be read by every user of this machine",
    stat.S_IWOTH: "can be changed by every user of this machine",
}


class Expected(StrEnum):
    """What a secret has to be."""

    ANYTHING = "anything"
    SIGNING = "signing"  # GitLab's signing secret: whsec_ and base64
    EITHER = "either"  # GitLab's token, or its signing secret if it begins with whsec_


class _Elsewhere(BadValue):
    """The secret is in surroundings that may be the daemon's alone."""


class SecretReader:
    """Opens what a configuration says of secrets; what cannot be had is noted in *findings*."""

    def __init__(self, findings: Findings, *, env: Mapping[str, str], uid: int, folder: Path) -> None:
        self._findings = findings
        self._env = env
        self._uid = uid
        self._folder = folder  # where relative paths begin

    def read(
        self, path: KeyPath, sources: Sources | None, *, expected: Expected = Expected.ANYTHING
    ) -> tuple[Secret, ...]:
        """Give the secrets of all *sources* at *path*, but those that cannot be had."""
        opened = (self._open(at, source, expected) for at, source in sources_at(path, sources))
        return tuple(secret for secret in opened if secret is not None)

    def _open(self, path: KeyPath, source: str | Source, expected: Expected) -> Secret | None:
        try:
            key = Secret.key_in(self._content(path, source))
            _check(key, expected)
        except BadValue as bad:
            return self._without(path, source, bad)
        for message, hint in _doubts(key):
            self._findings.warn(path, message, hint)
        return Secret(label=label(path, source), key=key)

    def _without(self, path: KeyPath, source: str | Source, bad: BadValue) -> Secret | None:
        """Note why there is no secret, and give what may stand in for it."""
        del source
        if not self._findings.spoiled(path):
            self._findings.error(path, str(bad), bad.hint)
        return None

    def _content(self, path: KeyPath, source: str | Source) -> bytes:
        """Get the bytes from where they are kept; raise BadValue with the way out when they are not there."""
        if isinstance(source, str):
            hint = "keep it in a file of its own, mode 600: {file: …}"
            self._findings.warn(path, "the secret is written out in this file", hint)
            return source.encode()
        given = source.model_fields_set
        if len(given) != 1:
            what = "names no place" if not given else "names several places"
            raise BadValue(f"{what} for the secret", hint="exactly one of file, env, credential")
        if source.env is not None:
            return self._variable(source.env)
        if source.credential is not None:
            return self._file(path, self._credential(source.credential))
        return self._file(path, self._folder / (source.file or ""))

    def _variable(self, name: str) -> bytes:
        if name not in self._env:
            hint = "it has to be set where webhookd starts (systemd: EnvironmentFile=)"
            raise _Elsewhere(f"the variable {quoted(name)} is not set", hint=hint)
        return os.fsencode(self._env[name])

    def _credential(self, name: str) -> Path:
        folder = self._env.get("CREDENTIALS_DIRECTORY")
        if not folder:
            hint = f"the unit needs LoadCredential={name}:/PATH; elsewhere `webhookd check --without-secrets`"
            raise _Elsewhere("there are no credentials outside a systemd unit", hint=hint)
        return Path(folder, name)

    def _file(self, path: KeyPath, file: Path) -> bytes:
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as opened:
                mode = os.fstat(descriptor).st_mode
                if not stat.S_ISREG(mode):
                    raise _not_regular(file)
                content = opened.read(_LARGEST + 1)
        except OSError as error:
            raise self._unreadable(file, error) from None
        if len(content) > _LARGEST:
            raise BadValue(f"{quoted_path(file)} is longer than any secret", hint=f"at most {_LARGEST} bytes")
        for bit, message in _EVERYBODY.items():
            if mode & bit:
                self._findings.warn(path, f"{quoted_path(file)} {message}", f"chmod 600 {pasted(file)}")
        return content

    def _unreadable(self, file: Path, error: OSError) -> BadValue:
        shown = quoted_path(file)
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            hint = f"make one: (umask 077; openssl rand -hex 32 > {pasted(file)})"
            return BadValue(f"{shown} does not exist", hint=hint)
        if isinstance(error, PermissionError):
            message = f"{shown} cannot be read by the user {quoted(user_name(self._uid))}"
            return BadValue(message, hint=let_read(file, uid=self._uid))
        if isinstance(error, IsADirectoryError):
            return _not_regular(file)
        return BadValue(f"{shown} cannot be read: {in_words(error)}")


class OutsideReader(SecretReader):
    """Reads secrets beside the daemon: what only its surroundings hold is no mistake."""

    def _without(self, path: KeyPath, source: str | Source, bad: BadValue) -> Secret | None:
        if not isinstance(bad, _Elsewhere):
            return super()._without(path, source, bad)
        self._findings.warn(path, "only the running daemon sees this secret, if it is there at all")
        return _sealed(path, source)


class SealedSecrets:
    """Stands in for a SecretReader where no secret is needed: each is a random key, which opens nothing."""

    def read(
        self, path: KeyPath, sources: Sources | None, *, expected: Expected = Expected.ANYTHING
    ) -> tuple[Secret, ...]:
        """Give one closed secret for each source, whatever is *expected*."""
        del expected
        return tuple(_sealed(at, source) for at, source in sources_at(path, sources))


Secrets: TypeAlias = SecretReader | SealedSecrets


def _sealed(path: KeyPath, source: str | Source) -> Secret:
    return Secret(label=label(path, source), key=os.urandom(32))


def sources_at(path: KeyPath, sources: Sources | None) -> Iterator[tuple[KeyPath, str | Source]]:
    """Give every single source with its place."""
    if isinstance(sources, list):
        yield from (((*path, index), source) for index, source in enumerate(sources))
    elif sources is not None:
        yield path, sources


def label(path: KeyPath, source: str | Source) -> str:
    """Name a secret by where it is kept; one that stands in the configuration, by its key."""
    if isinstance(source, str):
        return f"literal {dotted(path)}"
    kind, place = next(((k, getattr(source, k)) for k in sorted(source.model_fields_set)), ("no place", ""))
    return f"{kind} {place}"


def _not_regular(file: Path) -> BadValue:
    return BadValue(f"{quoted_path(file)} is not a regular file", hint="name the file itself")


def _check(key: bytes, expected: Expected) -> None:
    signing = key.startswith(_SIGNING_PREFIX)
    if expected is Expected.SIGNING and not signing:
        hint = 'GitLab\'s signing secret begins with whsec_; its secret token goes under "token"'
        raise BadValue("not a signing secret", hint=hint)
    if signing and expected is not Expected.ANYTHING and not _is_base64(key.removeprefix(_SIGNING_PREFIX)):
        raise BadValue("not a signing secret: no base64 behind whsec_", hint="copy it again, the whole of it")


def _is_base64(text: bytes) -> bool:
    try:
        return bool(base64.b64decode(text + b"=" * (-len(text) % 4), validate=True))
    except binascii.Error:
        return False


def _doubts(key: bytes) -> Iterator[tuple[str, str]]:
    """Name what is allowed in a secret and most often a mistake."""
    if len(key) < _SHORT:
        yield f"the secret is shorter than {_SHORT} bytes", "it can be guessed: openssl rand -hex 32"
    if key != key.strip():
        yield "the secret begins or ends with white space", "webhookd takes it as a part of the secret"
    if len(key) > 1 and key[:1] == key[-1:] and key[:1] in {b'"', b"'"}:
        yield "the secret stands in quotes", "webhookd takes them as a part of the secret"
