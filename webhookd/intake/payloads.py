"""From the bytes of a body to checked values: form, JSON, then fields of whatever type (pure).

Whatever the bytes are, only `Rejected` errors leave this module.
"""

import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Never

from webhookd.errors import BadPayload, UnsupportedContentType
from webhookd.intake.causes import Cause

Payload = Mapping[str, Any]  # a JSON object, as received

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
LONGEST_NAME = 4096  # characters of a repository or ref; Linux accepts no longer path either
LONGEST_TEXT = 16_384  # characters of a commit message or URL
MOST_CHANGES = 1000  # of refs that one delivery is read for
MOST_FILE_NAMES = 4 * 1024**2  # characters of all changed files of a push, with 100 more for each file

_LARGEST_COUNT = 2**31  # no push has that many commits
_FIELD = b"payload="
_PIECE = 64 * 1024  # bytes of a form that are decoded at a time
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Anything that is not hex could pass for an option when a command hands it to git.
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{4,64}")
_FILE_LISTS = ("added", "modified", "removed")


def _refuse_constant(_name: str) -> Never:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def content_type(headers: Mapping[str, str]) -> str:
    """Return the media type in lower case, without its parameters; "" when there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def json_text(body: bytes, media_type: str) -> bytes:
    """Return the JSON in a body, which may be a form."""
    if media_type == JSON:
        return body
    if media_type == FORM:
        return payload_field(body)
    raise UnsupportedContentType("the content type is neither JSON nor form", cause=Cause.CONTENT_TYPE)


def payload_field(form: bytes) -> bytes:
    """Return the decoded value of a form's only field, `payload`.

    A body is read as a form only if it cannot be anything else: the header that calls it one is not signed.
    """
    if not form.startswith(_FIELD) or b"&" in form:
        raise BadPayload('the form is not one field "payload"', cause=Cause.MALFORMED_PAYLOAD)
    return b"".join(_decoded_pieces(form, len(_FIELD)))


def _decoded_pieces(form: bytes, at: int) -> Iterator[bytes]:
    """Decode *form* piece by piece: decoding takes several times the memory of what is decoded."""
    while piece := form[at : at + _PIECE]:
        cut = piece.rfind(b"%", -2)  # an escape that goes on in the next piece
        if cut > 0 and at + len(piece) < len(form):
            piece = piece[:cut]
        value = percent_decoded(piece)
        every_escape_decoded = len(value) == len(piece) - 2 * piece.count(b"%")
        if not every_escape_decoded or b"\n" in piece or b"\r" in piece:
            raise BadPayload("the form is not percent-encoded", cause=Cause.MALFORMED_PAYLOAD)
        yield value
        at += len(piece)


def percent_decoded(value: bytes) -> bytes:
    """Decode percent signs at C speed, as quoted-printable text, which is nearly the same."""
    return binascii.a2b_qp(value.replace(b"=", b"=3D").replace(b"+", b" ").replace(b"%", b"="))


def parse_json(document: bytes) -> Payload:
    """Parse a JSON object in UTF-8."""
    try:
        value = _DECODER.decode(document.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise BadPayload("the body is not UTF-8", cause=Cause.NOT_JSON) from exc
    except RecursionError as exc:
        raise BadPayload("the JSON is nested too deeply", cause=Cause.NOT_JSON) from exc
    except ValueError as exc:  # also a number with more digits than Python converts
        raise BadPayload("the body is not JSON", cause=Cause.NOT_JSON) from exc
    if not isinstance(value, dict):
        raise BadPayload("the JSON is not an object", cause=Cause.NOT_JSON)
    return value


def child(payload: Payload, key: str) -> Payload:
    """Return the object at *key*; an empty one when it is absent or null."""
    value = payload.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadPayload(f'"{key}" is not an object', cause=Cause.MALFORMED_PAYLOAD)
    return value


def children(payload: Payload, key: str) -> list[Payload]:
    """Return the list of objects at *key*; an empty one when it is absent or null."""
    value = payload.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadPayload(f'"{key}" is not a list of objects', cause=Cause.MALFORMED_PAYLOAD)
    return value


def listed_changes(payload: Payload) -> tuple[list[Payload], str]:
    """Return the objects in `changes`, at most MOST_CHANGES, and what was left out in words."""
    changes = children(payload, "changes")
    if len(changes) <= MOST_CHANGES:
        return changes, ""
    return changes[:MOST_CHANGES], f"only the first {MOST_CHANGES} of {len(changes)} changes were read"


def text(payload: Payload, *keys: str) -> str | None:
    """Return the first LONGEST_TEXT characters at the first of *keys* that has text; None when none has."""
    for key in keys:
        value = payload.get(key)
        if isinstance(value, str) and value:
            return _encodable(value[:LONGEST_TEXT])
    return None


def name(payload: Payload, key: str) -> str:
    """Return the repository or ref name at *key*; "" when it is absent. No forge has control characters."""
    value = payload.get(key)
    if not isinstance(value, str):
        return ""
    if value.isascii() and value.isprintable() and len(value) <= LONGEST_NAME:
        return value
    if len(value) > LONGEST_NAME or _CONTROL.search(value) or _encodable(value) != value:
        raise BadPayload(f'"{key}" is not a name', cause=Cause.MALFORMED_PAYLOAD)
    return value


def repository_name(payload: Payload, places: Sequence[Sequence[str]]) -> str:
    """Return the full name of the repository; "" when the payload, of whatever shape, has none.

    *places* has the path of keys to each part of the name.
    """
    parts = []
    for *objects, key in places:
        inner: Any = payload
        for step in objects:
            inner = inner.get(step) if isinstance(inner, dict) else None
        parts.append(name(inner, key) if isinstance(inner, dict) else "")
    return "/".join(parts) if all(parts) else ""


def flag(payload: Payload, key: str) -> bool | None:
    """Return the boolean at *key*; None when there is none."""
    value = payload.get(key)
    return value if isinstance(value, bool) else None


def count(payload: Payload, key: str) -> int | None:
    """Return the number of things at *key*; None when there is none or it cannot be one."""
    value = payload.get(key)
    return value if type(value) is int and 0 <= value < _LARGEST_COUNT else None


def object_id(value: object) -> str | None:
    """Return *value* if it is the id of a Git object; None for zeros and for anything else."""
    if not isinstance(value, str) or is_zero(value) or not _OBJECT_ID.fullmatch(value):
        return None
    return value


def is_zero(value: object) -> bool:
    """Return whether *value* is the all-zero id, of 40 or 64 digits, that stands for "no object"."""
    return isinstance(value, str) and value != "" and not value.strip("0")


def changed_files(commits: Sequence[Payload], *, every_commit: bool) -> tuple[tuple[str, ...] | None, bool]:
    """Return the changed files, sorted, and whether the list is complete.

    *every_commit* says that the forge left no commit out. No commits at all also means "unknown":
    a new branch, a tag, or a branch set back to an older commit. More than MOST_FILE_NAMES are not looked at.
    """
    lists = [commit.get(key) for commit in commits for key in _FILE_LISTS]
    known = [files for files in lists if isinstance(files, list)]
    if not known:
        return None, False
    complete, room, found = every_commit and len(known) == len(lists), MOST_FILE_NAMES, set[str]()
    for file in chain.from_iterable(known):
        if not isinstance(file, str) or len(file) > LONGEST_NAME:
            complete = False
        elif file not in found:
            room -= len(file) + 100
            if room < 0:
                return tuple(sorted(found)), False
            found.add(file)
    return tuple(sorted(found)), complete


def _encodable(value: str) -> str:
    """Replace lone surrogates, which JSON can carry and UTF-8 cannot."""
    return value.encode("utf-8", "replace").decode("utf-8")
