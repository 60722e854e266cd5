"""What can happen to a secret or a body between the forge and webhookd: undone, with its name (pure)."""

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import quote_plus, unquote_to_bytes

from webhookd.errors import BadPayload
from webhookd.intake.causes import Cause
from webhookd.intake.payloads import payload_field
from webhookd.intake.samples import go_escaped

LONGEST = 4 * 1024 * 1024  # bytes of a body that is written again in many ways

_ASSIGNMENT = re.compile(rb"\A(?:export )?[A-Za-z_][A-Za-z0-9_]*=")
_DECODERS: tuple[Callable[[bytes], bytes], ...] = (
    base64.b64decode,
    binascii.unhexlify,
    unquote_to_bytes,
    lambda key: key.decode("latin-1").encode("utf-8"),
    lambda key: key.decode("utf-8").encode("latin-1"),
)
_BOM = b"\xef\xbb\xbf"
_KEEP = "keep the bytes as they came"
_JSON_SIGNED = (
    "the signature covers the JSON inside the form, as Gitea, Forgejo and Gogs sign: is the forge the right "
    "one, is the hook set to JSON?"
)
_FORM_SIGNED = (
    "the hook is set to form-encoded and this is the JSON inside: use the form, or set the hook to JSON"
)
_LAYOUTS: dict[str, dict[str, Any]] = {
    "without white space": {"separators": (",", ":")},
    "indented by two": {"indent": 2},
    "on one line": {},
    "indented by four": {"indent": 4},
    "indented by tabs": {"indent": "\t"},
}
_ESCAPES: tuple[Callable[[str], str], ...] = (
    str,
    go_escaped,
    lambda text: text.replace("/", "\\/"),  # as PHP does
)


@dataclass(frozen=True, slots=True)
class Altered:
    """What may have been signed, and what then happened to it."""

    cause: Cause
    hint: str
    value: bytes


def altered_keys(key: bytes) -> Iterator[Altered]:
    """Yield what the forge's secret may be when webhookd has *key*."""
    for value, hint in (
        (key + b"\n", "the forge's secret ends in a newline: paste it again, without one"),
        (key + b"\r\n", "the forge's secret ends in a newline (CRLF): paste it again, without one"),
        (key.rstrip(b"\r\n"), "this secret ends in a newline of its own: write it with printf, not echo"),
    ):
        yield Altered(Cause.SECRET_NEWLINE, hint, value)
    for quote in (b'"', b"'"):
        hint = "the forge's secret is in quotes: paste it again, without them"
        yield Altered(Cause.SECRET_QUOTES, hint, quote + key + quote)
        if key[:1] == key[-1:] == quote:
            hint = "this secret is in quotes, the forge's is not: remove them"
            yield Altered(Cause.SECRET_QUOTES, hint, key[1:-1])
    hint = "one of the two secrets begins or ends with white space: paste it again"
    yield from (Altered(Cause.SECRET_SPACES, hint, value) for value in (key.strip(), key + b" ", b" " + key))
    hint = "this secret is a whole line of an environment file: keep only what follows the ="
    yield Altered(Cause.SECRET_ASSIGNMENT, hint, _ASSIGNMENT.sub(b"", key).strip(b"\"'"))
    hint = "one side decodes the secret, the other uses it as it is: use one that needs no decoding"
    for decode in _DECODERS:
        try:
            yield Altered(Cause.SECRET_ENCODED, hint, decode(key))
        except ValueError:
            continue
    yield Altered(Cause.SECRET_ENCODED, hint, base64.b64encode(key))


def altered_bodies(body: bytes) -> Iterator[Altered]:
    """Yield what may have been signed when *body* is what arrived."""
    yield from _final_newline(body)
    for way in chain(_line_ends(body), _byte_order_mark(body), _character_set(body)):
        yield way
        for also in _final_newline(way.value):
            yield Altered(way.cause, f"{way.hint}; {also.hint}", also.value)
    yield from _contents(body)
    if len(body) <= LONGEST:
        yield from _form_again(body)
        yield from _json_again(body)


def form_or_json(body: bytes) -> Iterator[Altered]:
    """Yield the JSON inside *body* if that is a form, or the form around it if it is JSON."""
    try:
        yield Altered(Cause.BODY_FORM_ENCODED, _JSON_SIGNED, payload_field(body))
    except BadPayload:
        yield from (Altered(Cause.BODY_JSON_OF_FORM, _FORM_SIGNED, form) for form in _as_forms(body))


def _final_newline(body: bytes) -> Iterator[Altered]:
    added = f"a final newline was added (an editor, echo, jq): {_KEEP}"
    lost = f"the final newline was lost (an editor, a shell's $( )): {_KEEP}"
    for end in (b"\n", b"\r\n"):
        if body.endswith(end):
            yield Altered(Cause.BODY_FINAL_NEWLINE, added, body.removesuffix(end))
        yield Altered(Cause.BODY_FINAL_NEWLINE, lost, body + end)
    yield Altered(Cause.BODY_FINAL_NEWLINE, added, body.rstrip())


def _line_ends(body: bytes) -> Iterator[Altered]:
    unix = body.replace(b"\r\n", b"\n")
    for value in (unix, unix.replace(b"\n", b"\r\n")):
        if value != body:
            hint = f"line ends were changed between LF and CRLF: {_KEEP}"
            yield Altered(Cause.BODY_LINE_ENDS, hint, value)


def _byte_order_mark(body: bytes) -> Iterator[Altered]:
    if body.startswith(_BOM):
        bare = body.removeprefix(_BOM)
        hint = f"a byte order mark was put before the body (an editor on Windows): {_KEEP}"
        for value in (bare, *(way.value for way in _line_ends(bare))):
            yield Altered(Cause.BODY_BOM, hint, value)
    yield Altered(Cause.BODY_BOM, f"the byte order mark before the body was lost: {_KEEP}", _BOM + body)


def _character_set(body: bytes) -> Iterator[Altered]:
    hint = f"the body was converted to another character set: {_KEEP}, in UTF-8"
    for now, then in (("utf-16", "utf-8"), ("utf-8", "latin-1"), ("latin-1", "utf-8"), ("cp1252", "utf-8")):
        try:
            yield Altered(Cause.BODY_CHARSET, hint, body.decode(now).encode(then))
        except UnicodeError:
            continue


def _contents(body: bytes) -> Iterator[Altered]:
    """Unpack a body that contains the one that was signed."""
    try:
        plain = zlib.decompressobj(wbits=47).decompress(body, LONGEST)  # detects gzip and zlib
        yield Altered(Cause.BODY_COMPRESSED, "the body is compressed: unpack it first", plain)
    except zlib.error:
        pass
    begin, end = body.find(b"{"), body.rfind(b"}") + 1
    if (begin, end) != (0, len(body)) and begin < end:
        hint = "there is something before or after the JSON (headers, a field's name): use the body alone"
        yield Altered(Cause.BODY_WRAPPED, hint, body[begin:end])


def _form_again(body: bytes) -> Iterator[Altered]:
    try:
        document = payload_field(body)
    except BadPayload:
        return
    hint = f"the form was decoded and encoded again (a proxy): {_KEEP}"
    yield from (Altered(Cause.BODY_RESERIALISED, hint, form) for form in _as_forms(document))


def _json_again(body: bytes) -> Iterator[Altered]:
    """Write the JSON in every way in which it may have been written before."""
    forms = _as_forms(body.strip())
    yield from (Altered(Cause.BODY_JSON_OF_FORM, _FORM_SIGNED, form) for form in forms)
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return
    for layout, options in _LAYOUTS.items():
        reserialised = (
            "the body was re-serialised or pretty-printed (jq, a proxy, curl -d); "
            f"the signed JSON was {layout}: {_KEEP}"
        )
        for text in _spellings(value, options):
            yield Altered(Cause.BODY_RESERIALISED, reserialised, text)
            yield Altered(Cause.BODY_RESERIALISED, reserialised, text + b"\n")
    for text in _spellings(value, _LAYOUTS["without white space"]):
        yield from (Altered(Cause.BODY_JSON_OF_FORM, _FORM_SIGNED, form) for form in _as_forms(text))


def _spellings(value: Any, options: dict[str, Any]) -> Iterator[bytes]:
    for ascii_only in (False, True):
        text = json.dumps(value, ensure_ascii=ascii_only, **options)
        yield from dict.fromkeys(escape(text).encode("utf-8", "surrogatepass") for escape in _ESCAPES)


def _as_forms(document: bytes) -> Iterator[bytes]:
    """Encode as Go and Python do, as Ruby does, and as browsers do."""
    for encoded in (
        quote_plus(document),
        quote_plus(document, safe="*").replace("~", "%7E"),
        quote_plus(document).replace("+", "%20"),
    ):
        yield b"payload=" + encoded.encode()
