"""Read values out of a JSON payload without trusting its shape (pure)."""

import re
from collections.abc import Mapping
from typing import Any

from webhookd.errors import BadPayload
from webhookd.intake.causes import Cause

Payload = Mapping[str, Any]  # a JSON object, as it came

LONGEST_NAME = 4096  # characters of a repository or ref; Linux takes no longer path either
LONGEST_TEXT = 16_384  # characters of a commit message or URL

_ABSURD = 2**31  # more than anything there can be of
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Anything that is not hex could pass for an option when a command hands it to git.
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{4,64}")


def child(payload: Payload, key: str) -> Payload:
    """Give the object at *key*; an empty one where it is absent or null."""
    value = payload.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadPayload(f'"{key}" is not an object', cause=Cause.MALFORMED_PAYLOAD)
    return value


def children(payload: Payload, key: str) -> list[Payload]:
    """Give the list of objects at *key*; an empty one where it is absent or null."""
    value = payload.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadPayload(f'"{key}" is not a list of objects', cause=Cause.MALFORMED_PAYLOAD)
    return value


def text(payload: Payload, key: str) -> str | None:
    """Give the text at *key*, at most LONGEST_TEXT of it; None where it is absent, empty or no text."""
    value = payload.get(key)
    if not isinstance(value, str) or not value:
        return None
    return value if value.isascii() and len(value) <= LONGEST_TEXT else _encodable(value[:LONGEST_TEXT])


def name(payload: Payload, key: str) -> str:
    """Give the repository or ref name at *key*; "" where it is absent; refuse what no forge can mean."""
    value = payload.get(key)
    if not isinstance(value, str):
        return ""
    if value.isascii() and value.isprintable() and len(value) <= LONGEST_NAME:
        return value
    if len(value) > LONGEST_NAME or _CONTROL.search(value) or _encodable(value) != value:
        raise BadPayload(f'"{key}" is not a name', cause=Cause.MALFORMED_PAYLOAD)
    return value


def mentioned_name(payload: Payload, key: str, field: str) -> str:
    """Give the name at *key*.*field* of an event that is not a push, whatever else its shape is."""
    value = payload.get(key)
    found = value.get(field) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def flag(payload: Payload, key: str) -> bool | None:
    """Give the boolean at *key*; None where there is none."""
    value = payload.get(key)
    return value if isinstance(value, bool) else None


def count(payload: Payload, key: str) -> int | None:
    """Give the number at *key*; None where there is none that counts something."""
    value = payload.get(key)
    return value if type(value) is int and 0 <= value < _ABSURD else None


def object_id(value: object) -> str | None:
    """Give *value* if it names a Git object; None for zeros and for anything else."""
    if not isinstance(value, str) or is_zero(value) or not _OBJECT_ID.fullmatch(value):
        return None
    return value


def is_zero(value: object) -> bool:
    """Tell whether *value* is the all-zero id, of 40 or 64 digits, that stands for "no object"."""
    return isinstance(value, str) and value != "" and not value.strip("0")


def _encodable(value: str) -> str:
    """Replace lone surrogates, which JSON can carry and UTF-8 cannot."""
    return value.encode("utf-8", "replace").decode("utf-8")
