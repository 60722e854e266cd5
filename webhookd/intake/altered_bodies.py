"""What happens to a body between the forge that signed it and a file: undone, with its name (pure)."""

import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote_plus

from webhookd.errors import BadPayload
from webhookd.intake.altered_keys import Altered
from webhookd.intake.causes import Cause
from webhookd.intake.documents import payload_field
from webhookd.intake.samples import go_escaped

LONGEST = 4 * 1024 * 1024  # bytes of a body that is written anew in many ways

_BOM = b"\xef\xbb\xbf"
_KEEP = "keep the bytes as they came"
_JSON_SIGNED = (
    "the signature covers the JSON inside the form, as Gitea, Forgejo and Gogs sign: is the forge the right "
    "one, is the hook set to JSON?"
)
_FORM_SIGNED = "the hook is set to form-encoded and this is the JSON inside: give the form, or set it to JSON"
_LAYOUTS: dict[str, dict[str, Any]] = {
    "without blanks": {"separators": (",", ":")},
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


def bodies(body: bytes) -> Iterator[Altered]:
    """Give what may have been signed, when *body* is what arrived."""
    yield from _final_newline(body, Cause.BODY_FINAL_NEWLINE, "")
    yield from _line_ends(body)
    yield from _byte_order_mark(body)
    yield from _character_set(body)
    yield from _contents(body)
    if len(body) <= LONGEST:
        yield from _form_anew(body)
        yield from _written_anew(body)


def form_or_json(body: bytes) -> Iterator[Altered]:
    """Give the JSON inside *body* if that is a form, and the form around it if that is JSON."""
    try:
        yield Altered(Cause.BODY_FORM_ENCODED, _JSON_SIGNED, payload_field(body))
    except BadPayload:
        yield from (Altered(Cause.BODY_JSON_OF_FORM, _FORM_SIGNED, form) for form in _as_forms(body))


def _final_newline(body: bytes, cause: Cause, also: str) -> Iterator[Altered]:
    added = f"{also}a final newline was added (an editor, echo, jq): {_KEEP}"
    lost = f"{also}the final newline was lost (an editor, a shell's $( )): {_KEEP}"
    for end in (b"\n", b"\r\n"):
        if body.endswith(end):
            yield Altered(cause, added, body.removesuffix(end))
        yield Altered(cause, lost, body + end)
    yield Altered(cause, added, body.rstrip())


def _line_ends(body: bytes) -> Iterator[Altered]:
    unix = body.replace(b"\r\n", b"\n")
    hint = f"line ends were changed between LF and CRLF: {_KEEP}"
    if unix != body:
        yield Altered(Cause.BODY_LINE_ENDS, hint, unix)
        yield from _final_newline(unix, Cause.BODY_LINE_ENDS, f"{hint}; ")
    yield Altered(Cause.BODY_LINE_ENDS, hint, unix.replace(b"\n", b"\r\n"))


def _byte_order_mark(body: bytes) -> Iterator[Altered]:
    hint = f"a byte order mark was put before the body (an editor on Windows): {_KEEP}"
    if body.startswith(_BOM):
        bare = body.removeprefix(_BOM)
        yield Altered(Cause.BODY_BOM, hint, bare)
        yield from _final_newline(bare, Cause.BODY_BOM, f"{hint}; ")
        yield from (Altered(Cause.BODY_BOM, hint, altered.value) for altered in _line_ends(bare))
    yield Altered(Cause.BODY_BOM, f"the byte order mark before the body was lost: {_KEEP}", _BOM + body)


def _character_set(body: bytes) -> Iterator[Altered]:
    hint = f"the body was converted to another character set: {_KEEP}, in UTF-8"
    for now, then in (("utf-16", "utf-8"), ("utf-8", "latin-1"), ("latin-1", "utf-8"), ("cp1252", "utf-8")):
        try:
            converted = body.decode(now).encode(then)
        except UnicodeError:
            continue
        if converted != body:
            yield Altered(Cause.BODY_CHARSET, hint, converted)
            yield from _final_newline(converted, Cause.BODY_CHARSET, hint + "; ")


def _contents(body: bytes) -> Iterator[Altered]:
    """Unpack a body that holds the one that was signed."""
    try:
        plain = zlib.decompressobj(wbits=47).decompress(body, LONGEST)  # gzip or zlib, whichever it is
        yield Altered(Cause.BODY_COMPRESSED, "the body is compressed: give it unpacked", plain)
    except zlib.error:
        pass
    begin, end = body.find(b"{"), body.rfind(b"}") + 1
    if (begin, end) != (0, len(body)) and begin < end:
        hint = "something stands before or behind the JSON (headers, a field's name): give the body alone"
        yield Altered(Cause.BODY_WRAPPED, hint, body[begin:end])


def _form_anew(body: bytes) -> Iterator[Altered]:
    try:
        document = payload_field(body)
    except BadPayload:
        return
    hint = f"the form was decoded and encoded again (a proxy): {_KEEP}"
    yield from (Altered(Cause.BODY_RESERIALISED, hint, form) for form in _as_forms(document))


def _written_anew(body: bytes) -> Iterator[Altered]:
    """Write the JSON in every way that a forge, or whoever changed it, may have written it."""
    forms = _as_forms(body.strip())
    yield from (Altered(Cause.BODY_JSON_OF_FORM, _FORM_SIGNED, form) for form in forms)
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return
    for layout, options in _LAYOUTS.items():
        reserialised = (
            "the body was re-serialised or pretty-printed (jq, a proxy, curl -d); "
            f"signed was JSON {layout}: {_KEEP}"
        )
        for text in _spellings(value, options):
            yield Altered(Cause.BODY_RESERIALISED, reserialised, text)
            yield Altered(Cause.BODY_RESERIALISED, reserialised, text + b"\n")
    for text in _spellings(value, _LAYOUTS["without blanks"]):
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
