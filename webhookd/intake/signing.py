"""Make the deliveries that `receive` accepts: a body, the headers of its forge, its signature (pure)."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote_plus

from webhookd.errors import BadPayload, UsageError
from webhookd.intake import payloads
from webhookd.intake.forges import Adapter, forge
from webhookd.intake.keyrings import keyring_of
from webhookd.intake.proof import FormSigning
from webhookd.intake.samples import HEX_OF_SHA1, Change, SampleSpec
from webhookd.intake.signature import proof_headers
from webhookd.models.delivery import Request
from webhookd.models.settings import Hook, Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDelivery:
    """A delivery ready to be sent; header names are spelled as the forge spells them."""

    headers: Mapping[str, str]
    body: bytes

    def request(self) -> Request:
        """Return it as it arrives."""
        return Request(headers={key.lower(): value for key, value in self.headers.items()}, body=self.body)


def sign_delivery(  # noqa: PLR0913 - everything that a delivery is made of
    document: bytes,
    *,
    hook: Hook,
    repository: Repository | None = None,
    event: str,
    delivery: str,
    now: datetime,
    form: bool = False,
) -> SignedDelivery:
    """Sign the JSON *document* as the hook's forge would, in a form if asked for.

    The keys are the hook's, or those of the *repository* if it has its own.
    """
    adapter, keyring = forge(hook.forge), keyring_of(hook, repository)
    if form and adapter.scheme.form is FormSigning.NEVER:
        raise UsageError("this forge sends no forms", hint="leave out --form")
    body = b"payload=" + quote_plus(document).encode() if form else document
    signed = document if adapter.scheme.form is FormSigning.FIELD else body
    headers = {
        **adapter.headers(event, delivery),
        "Content-Type": payloads.FORM if form else payloads.JSON,
        **proof_headers(signed, scheme=adapter.scheme, keyring=keyring, delivery=delivery, now=now),
    }
    _check_values(headers)
    return SignedDelivery(headers=headers, body=body)


def sign_sample(
    spec: SampleSpec, *, hook: Hook, repository: Repository | None = None, now: datetime, form: bool = False
) -> SignedDelivery:
    """Make up the body of a delivery and sign it as `sign_delivery` does."""
    adapter = forge(hook.forge)
    sample = adapter.sample(spec)
    return sign_delivery(
        adapter.encode(sample.payload),
        hook=hook,
        repository=repository,
        event=sample.event,
        delivery=spec.delivery,
        now=now,
        form=form,
    )


def _check_values(headers: Mapping[str, str]) -> None:
    """Refuse what no header can hold; the value may be a token and is not shown."""
    for name, value in headers.items():
        if not {"\0", "\r", "\n"}.isdisjoint(value) or max(value, default="") > "\xff":
            raise UsageError(f'the value for the header "{name}" cannot be sent in a header')


def event_of(document: bytes, adapter: Adapter, *, asked: str) -> str:
    """Return the forge's own name for the event *asked* for; the payload says which kind of push it is."""
    guessed = guess_event(document, adapter) if asked in {"push", "delete"} else ""
    change = Change(before="1" * HEX_OF_SHA1, after=None if asked == "delete" else "2" * HEX_OF_SHA1)
    return guessed or adapter.sample(SampleSpec(delivery="", event=asked, changes=(change,))).event


def guess_event(document: bytes, adapter: Adapter) -> str:
    """Infer the event of a JSON document from its shape; "" when it is unclear."""
    try:
        return adapter.guess(payloads.parse_json(document))
    except BadPayload:
        return ""


def read_recorded(data: bytes) -> SignedDelivery | None:
    """Read what `sign --format json` printed; None for anything else."""
    try:
        parts = json.loads(data)
        if not isinstance(parts, dict) or parts.keys() != {"headers", "body", "body_base64"}:
            return None
        headers = {str(key): str(value) for key, value in parts["headers"].items()}
        return SignedDelivery(headers=headers, body=base64.b64decode(parts["body_base64"], validate=True))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


class Probe(StrEnum):
    """A body that only shows whether it arrives as it was sent, from harmless to difficult for proxies."""

    PLAIN = "plain"
    DELICATE = "delicate"  # changes when it is parsed and written again
    LARGE = "large"  # 2 MiB; web servers refuse 1 MiB and more unless they are configured otherwise


def probe_body(probe: Probe) -> bytes:
    """Return the body of a probe: the same bytes each time."""
    match probe:
        case Probe.PLAIN:
            return b'{"webhookd":"doctor"}'
        case Probe.DELICATE:
            return '{ "b": 1.0e2,\r\n\t"a": "ü \\u00fc \\/ +%2B&=<\\u003c", "b": 1 }\n'.encode()
        case Probe.LARGE:
            return b'{"webhookd":"' + b"x" * 2 * 1024**2 + b'"}'


def probe_headers(probe: Probe, *, hook: Hook, now: datetime) -> Mapping[str, str]:
    """Return the headers with which *hook* accepts the body of a probe as authentic.

    No forge has its event, so it runs nothing. The delivery's id is the same each time: however often it is
    sent, it is stored once.
    """
    event, delivery = "webhookd_doctor", f"webhookd-doctor-{probe}"
    return sign_delivery(probe_body(probe), hook=hook, event=event, delivery=delivery, now=now).headers
