"""What happens to a secret on its way into a file or a forge's settings: undone, with its name (pure)."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from webhookd.intake.causes import Cause

_ASSIGNMENT = re.compile(rb"\A(?:export )?[A-Za-z_][A-Za-z0-9_]*=")


@dataclass(frozen=True, slots=True)
class Altered:
    """What may have been signed, and what then happened to it."""

    cause: Cause
    hint: str
    value: bytes


def keys(key: bytes) -> Iterator[Altered]:
    """Give what the forge may have for a secret, when webhookd has *key*."""
    for value, hint in (
        (key + b"\n", "the forge's secret ends in a newline: paste it again, without one"),
        (key + b"\r\n", "the forge's secret ends in a newline (CRLF): paste it again, without one"),
        (key.rstrip(b"\r\n"), "this secret ends in a newline of its own: write it with printf, not echo"),
    ):
        yield Altered(Cause.SECRET_NEWLINE, hint, value)
    for quote in (b'"', b"'"):
        hint = "the forge's secret stands in quotes: paste it again, without them"
        yield Altered(Cause.SECRET_QUOTES, hint, quote + key + quote)
        if key[:1] == key[-1:] == quote:
            hint = "this secret stands in quotes, the forge's does not: take them off"
            yield Altered(Cause.SECRET_QUOTES, hint, key[1:-1])
    hint = "one of the two secrets begins or ends with white space: paste it again"
    yield from (Altered(Cause.SECRET_SPACES, hint, value) for value in (key.strip(), key + b" ", b" " + key))
    hint = "this secret is a whole line of an environment file: keep what stands behind the ="
    yield Altered(Cause.SECRET_ASSIGNMENT, hint, _ASSIGNMENT.sub(b"", key).strip(b"\"'"))
    yield from _decoded(key)


def _decoded(key: bytes) -> Iterator[Altered]:
    hint = "one side decodes the secret, the other takes it as it is written: use a plain one"
    for decode in (base64.b64decode, binascii.unhexlify, unquote_to_bytes, _latin1_as_utf8, _utf8_as_latin1):
        try:
            yield Altered(Cause.SECRET_ENCODED, hint, decode(key))
        except ValueError:
            continue
    yield Altered(Cause.SECRET_ENCODED, hint, base64.b64encode(key))


def _latin1_as_utf8(key: bytes) -> bytes:
    return key.decode("latin-1").encode("utf-8")


def _utf8_as_latin1(key: bytes) -> bytes:
    return key.decode("utf-8").encode("latin-1")
