"""From body bytes to a JSON object: content type, form field, JSON (pure).

Whatever the bytes are, nothing but `Rejected` errors leaves this module.
"""

import binascii
import json
import re
from collections.abc import Mapping
from typing import Never

from webhookd.errors import BadPayload, UnsupportedContentType
from webhookd.intake.causes import Cause
from webhookd.intake.fields import Payload
from webhookd.models import Request

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_PAYLOAD_FIELD = re.compile(rb"(?:^|&)payload=([^&]*)")


def _no_constant(_name: str) -> Never:
    raise ValueError("NaN and Infinity are no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def content_type(headers: Mapping[str, str]) -> str:
    """Give the media type without its parameters, in lower case; "" where there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def json_text(request: Request) -> bytes:
    """Give the JSON in a body, by its content type."""
    media_type = content_type(request.headers)
    if media_type == JSON:
        return request.body
    if media_type == FORM:
        return payload_field(request.body)
    raise UnsupportedContentType("the content type is neither JSON nor form", cause=Cause.CONTENT_TYPE)


def payload_field(form: bytes) -> bytes:
    """Give the decoded value of the one field `payload` of a form."""
    found = _PAYLOAD_FIELD.finditer(form)  # lazily: a hostile form may have millions
    first, second = next(found, None), next(found, None)
    if first is None or second is not None:
        raise BadPayload('the form has not exactly one field "payload"', cause=Cause.MALFORMED_PAYLOAD)
    value = percent_decoded(first[1])
    every_escape_decoded = len(value) == len(first[1]) - 2 * first[1].count(b"%")
    if not every_escape_decoded or b"\n" in first[1] or b"\r" in first[1]:
        raise BadPayload("the form is not percent-encoded", cause=Cause.MALFORMED_PAYLOAD)
    return value


def parse(document: bytes) -> Payload:
    """Read a JSON object in UTF-8."""
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


def percent_decoded(value: bytes) -> bytes:
    """Decode percent signs at C speed, as the quoted-printable text that they nearly are."""
    return binascii.a2b_qp(value.replace(b"=", b"=3D").replace(b"+", b" ").replace(b"%", b"="))
