"""How the forges prove who they are: what their headers are called and what they cover (pure)."""

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """What the signature of a form-encoded delivery covers."""

    NEVER = "never"  # the forge sends JSON only
    BODY = "body"  # the form's bytes, as they came
    FIELD = "field"  # the JSON in its field `payload`


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A signature header as hex: `prefix`, then the HMAC."""

    header: str  # as the forge spells it
    prefix: str = ""
    algorithm: str = "sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How one forge signs."""

    mark: Mark | None  # None: Standard Webhooks headers
    form: Form = Form.NEVER
    token_header: str | None = None  # carries a plain shared token
    repo_keys: tuple[str, ...] = ("full_name",)  # where a payload names its repository, in parts
    beside: tuple[Mark, ...] = ()  # further signatures it sends; never believed
