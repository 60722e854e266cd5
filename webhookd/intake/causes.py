"""The causes of a refusal, in short fixed words for logs, counters and `verify` (pure)."""

from enum import StrEnum


class Cause(StrEnum):
    """Why a request is not authentic, or not readable."""

    # what the headers alone show
    SIGNATURE_MISSING = "signature missing"
    SIGNATURE_EMPTY = "signature empty"
    SIGNATURE_MALFORMED = "signature malformed"
    SHA1_GIVEN = "sha1 given"
    OTHER_FORGE = "signature of another forge"
    TOKEN_MISSING = "token missing"  # noqa: S105 - words, no token
    AUTHORIZATION_MISSING = "authorization missing"
    # what needs a key
    NO_SECRET = "no secret"  # noqa: S105
    SIGNATURE_WRONG = "signature wrong"
    TOKEN_WRONG = "token wrong"  # noqa: S105
    AUTHORIZATION_WRONG = "authorization wrong"
    TOO_OLD = "timestamp too old"
    TOO_NEW = "timestamp too new"
    OWN_SECRET_NOT_USED = "repository secret not used"  # noqa: S105
    FOREIGN_SECRET_USED = "secret of another repository"  # noqa: S105
    # authentic, but not readable
    CONTENT_TYPE = "content type"
    NOT_JSON = "not JSON"
    NO_EVENT = "no event"
    MALFORMED_PAYLOAD = "payload malformed"
    # what only `verify` finds, by trying
    SECRET_NEWLINE = "secret with a trailing newline"  # noqa: S105
    SECRET_QUOTES = "secret in quotes"  # noqa: S105
    SECRET_SPACES = "secret with white space around it"  # noqa: S105
    SECRET_ASSIGNMENT = "secret with its variable's name"  # noqa: S105
    OTHER_SECRET = "another configured secret"  # noqa: S105
    BODY_EMPTY = "body empty"
    BODY_TRUNCATED = "body truncated"
    BODY_FORM_ENCODED = "body form-encoded"
    BODY_JSON_OF_FORM = "body is the JSON inside a form"
    BODY_FINAL_NEWLINE = "body with another final newline"
    BODY_LINE_ENDS = "body with other line ends (CRLF)"
    BODY_BOM = "body with a byte order mark (BOM)"
    BODY_RESERIALISED = "body re-serialised"
    BODY_CHARSET = "body in another character set"
