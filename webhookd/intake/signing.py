"""Make the deliveries that `receive` takes: a body, the headers of its forge, its signature (pure)."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from webhookd.errors import BadPayload, UsageError
from webhookd.intake import documents, signature
from webhookd.intake.adapter import Adapter
from webhookd.intake.samples import Wish
from webhookd.intake.schemes import Form
from webhookd.intake.signature import Keyring
from webhookd.models import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A delivery ready to be sent; header names are spelled as the forge spells them."""

    headers: Mapping[str, str]
    body: bytes

    def request(self) -> Request:
        """Show it as it arrives."""
        return Request(headers={key.lower(): value for key, value in self.headers.items()}, body=self.body)


def sign(  # noqa: PLR0913 - everything that a delivery is made of
    document: bytes,
    *,
    adapter: Adapter,
    keyring: Keyring,
    event: str,
    delivery: str,
    now: datetime,
    form: bool = False,
) -> Signed:
    """Sign the JSON *document* as the forge would, in a form if asked for."""
    if form and adapter.scheme.form is Form.NEVER:
        raise UsageError("this forge sends no forms", hint="leave out --form")
    body = _form_of(document) if form else document
    signed = document if adapter.scheme.form is Form.FIELD else body
    proof = signature.sign(signed, scheme=adapter.scheme, keyring=keyring, delivery=delivery, now=now)
    headers = {**adapter.headers(event, delivery), "Content-Type": documents.FORM if form else documents.JSON}
    _check_values(headers | proof)
    return Signed(headers=headers | proof, body=body)


def _check_values(headers: Mapping[str, str]) -> None:
    """Refuse what no header can hold; the value may be a token and is not shown."""
    for name, value in headers.items():
        if not {"\0", "\r", "\n"}.isdisjoint(value) or max(value, default="") > "\xff":
            raise UsageError(f'the header "{name}" cannot hold what is given for it')


def _form_of(document: bytes) -> bytes:
    from urllib.parse import quote_plus  # noqa: PLC0415 - start-up counts

    return b"payload=" + quote_plus(document).encode()


def event_of(document: bytes, adapter: Adapter, *, wished: str) -> str:
    """Give the forge's own name for the *wished* event; of a push, the payload itself tells which."""
    guessed = guess_event(document, adapter) if wished in {"push", "delete"} else ""
    return guessed or adapter.sample(Wish(delivery="", event=wished)).event


def guess_event(document: bytes, adapter: Adapter) -> str:
    """Tell the event of a JSON document from its shape; "" where it cannot be told."""
    try:
        return adapter.guess(documents.parse(document))
    except BadPayload:
        return ""


def recorded(data: bytes) -> Signed | None:
    """Read back what `sign --format json` printed; None for anything else."""
    try:
        parts = json.loads(data)
        if not isinstance(parts, dict) or parts.keys() != {"headers", "body", "body_base64"}:
            return None
        headers = {str(key): str(value) for key, value in parts["headers"].items()}
        return Signed(headers=headers, body=base64.b64decode(parts["body_base64"], validate=True))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
