"""The kinds of single values in a configuration, as types that pydantic checks (pure).

Each reads the text in the file. The JSON Schema beside it is for editors, which read digits as a number and
`true` as a truth value. It refuses nothing that the validator accepts.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
)

from webhookd.config import names
from webhookd.config.addresses import parse_listen, parse_network
from webhookd.config.document import Plain
from webhookd.config.durations import parse_duration, parse_size
from webhookd.config.wording import quoted, shape
from webhookd.errors import BadValue
from webhookd.models.settings import Listen, Network

Item = TypeVar("Item")

_OCTAL = re.compile(r"(?:0?o)?([0-7]{1,4})", re.ASCII)
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,9})", re.ASCII)
_WIDEST_UMASK = 0o777
SCALAR = ["string", "number", "boolean"]  # how an editor may read a text without quotes
_DURATION = {"type": ["string", "number"], "pattern": r"^[0-9]+(\.[0-9]+)?[smhd]?$", "minimum": 0}
_SIZE = {"type": ["string", "integer"], "pattern": r"^[0-9]+(B|KiB|MiB|GiB)?$", "minimum": 0}
_POSITIVE_DURATION = {
    "type": ["string", "number"],
    "pattern": r"^(?=.*[1-9])[0-9]+(\.[0-9]+)?[smhd]?$",
    "exclusiveMinimum": 0,
}


def _read(parse: Callable[[str], Any], what: str) -> Callable[[Any], Any]:
    """Return a validator that calls *parse* with the value, which has to be a text."""

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            raise BadValue(f"must be {what}, not {shape(value)}")
        return parse(value)

    return read


def _whole_number(value: Any) -> int:
    if not isinstance(value, Plain):
        given = shape(value) if not isinstance(value, str) else f"the text {quoted(value)}"
        raise BadValue(f"must be a whole number, not {given}")
    if _WHOLE.fullmatch(value) is None:
        raise BadValue(f"{quoted(value)} is not a whole number")
    return int(value)


def size_between(least: str, most: str) -> AfterValidator:
    """Return a validator for the bounds of a size; its message shows them as they are written here."""
    smallest, largest = parse_size(least), parse_size(most)

    def check(size: int) -> int:
        if not smallest <= size <= largest:
            raise BadValue(f"must be between {least} and {most}")
        return size

    return AfterValidator(check)


def _umask(text: str) -> int:
    found = _OCTAL.fullmatch(text)
    if found is None or int(found[1], 8) > _WIDEST_UMASK:
        raise BadValue(f"{quoted(text)} is not an umask", hint="three octal digits: 022")
    return int(found[1], 8)


def _script(text: str) -> str:
    if not text.strip():
        raise BadValue("is an empty command", hint='a command that does nothing is "true"')
    return names.check_text(text)


def _marker(text: str) -> str:
    if not text.strip():
        raise BadValue("is empty, and every message would hold it", hint="to skip nothing, write []")
    return text


def _arguments(items: tuple[str, ...]) -> tuple[str, ...]:
    if not items or not items[0]:
        raise BadValue("is a list without a program", hint="write [program, argument, …]")
    return items


def _secret_path(text: str) -> Path:
    if text[:1] in {"~", "$"}:  # the text is not repeated, which may be a secret in the wrong place
        raise BadValue(f'begins with "{text[0]}", which is not expanded', hint="write the path out")
    if not text:
        raise BadValue("is empty", hint="write the path of a file")
    return Path(names.check_text(text))


def _plain_name(what: str, forbidden: str) -> Callable[[str], str]:
    """Return a validator for a name that is not empty and has no *forbidden* character.

    Its message does not repeat the value, which may be a secret in the wrong place.
    """

    def check(text: str) -> str:
        if not text or set(text) & set(forbidden) or not text.isprintable():
            raise BadValue(f"is not {what}")
        return text

    return check


def _listed(value: Any) -> Any:
    """Return a single value as a list of one."""
    return value if isinstance(value, list) else [value]


def _not_empty(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if not items:
        raise BadValue("is an empty list", hint="write a value, or remove the key")
    return items


def _or_one(schema: dict[str, Any]) -> None:
    """Let the JSON Schema of a list allow a single item too."""
    items, array = schema["items"], dict(schema)
    schema.clear()
    schema["anyOf"] = [items, array]


def _filled_or_one(schema: dict[str, Any]) -> None:
    schema["minItems"] = 1
    _or_one(schema)


def _like(pattern: str, **others: Any) -> WithJsonSchema:
    """Return the JSON Schema of a text with a *pattern*, which an editor may read as a number."""
    return WithJsonSchema({"type": SCALAR, "pattern": pattern, **others})


_NO_REF = rf"{names.NOT_IN_REFS.pattern}|^refs/|^[/.]|[/.]$|^@?$"
_NO_REPOSITORY = rf"{names.NOT_IN_REPOS.pattern}|(^|/)(\.\.?)?(/|$)|\.git$|^(?!\*\*$)[^/]*$"

Text: TypeAlias = Annotated[str, AfterValidator(names.check_text)]
Marker: TypeAlias = Annotated[
    str, AfterValidator(_marker), WithJsonSchema({"type": SCALAR, "pattern": r"\S"})
]
Word: TypeAlias = Annotated[
    str, AfterValidator(names.check_word), _like(f"^({names.WORD.pattern})$", minimum=0)
]
RepositoryName: TypeAlias = Annotated[
    str, AfterValidator(names.check_repository), WithJsonSchema({"not": {"pattern": _NO_REPOSITORY}})
]
BranchName: TypeAlias = Annotated[
    str, AfterValidator(names.check_branch), WithJsonSchema({"not": {"pattern": _NO_REF}})
]
TagName: TypeAlias = Annotated[
    str, AfterValidator(names.check_tag), WithJsonSchema({"not": {"pattern": _NO_REF}})
]
UrlPath: TypeAlias = Annotated[
    str,
    AfterValidator(names.check_url_path),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^({names.URL_PATH.pattern})$",
            "not": {"pattern": r"/\.\.?(/|$)|^/healthz$"},
        }
    ),
]
FilePattern: TypeAlias = Annotated[
    str,
    AfterValidator(names.check_file_pattern),
    _like(r"^(?![/!]|\.\.?/)", **{"not": {"type": "string", "pattern": "/$|^$"}}),
]
Variable: TypeAlias = Annotated[
    str, AfterValidator(names.check_variable), _like(f"^(?!WEBHOOKD_)({names.VARIABLE.pattern})$")
]
AccountName: TypeAlias = Annotated[
    str, AfterValidator(_plain_name("the name of a user or group", "/: ")), _like("^[^/: ]+$")
]
SourceVariable: TypeAlias = Annotated[
    str, AfterValidator(_plain_name("a variable's name", "=$ ")), _like("^[^=$ ]+$")
]
Credential: TypeAlias = Annotated[
    str, AfterValidator(_plain_name("a credential's name", "/: ")), _like("^[^/: ]+$")
]

Duration: TypeAlias = Annotated[
    float, BeforeValidator(_read(parse_duration, "a duration")), WithJsonSchema(_DURATION)
]
PositiveDuration: TypeAlias = Annotated[
    float,
    BeforeValidator(_read(parse_duration, "a duration")),
    Field(gt=0),
    WithJsonSchema(_POSITIVE_DURATION),
]
Size: TypeAlias = Annotated[int, BeforeValidator(_read(parse_size, "a size")), WithJsonSchema(_SIZE)]
WHOLE = BeforeValidator(_whole_number)  # beside the bounds of an int
Umask: TypeAlias = Annotated[
    int,
    BeforeValidator(_read(_umask, "an umask")),
    WithJsonSchema(
        {"type": ["string", "integer"], "pattern": "^(0?o)?0?[0-7]{1,3}$", "minimum": 0, "maximum": 777}
    ),
]

ListenAddress: TypeAlias = Annotated[
    Listen, PlainValidator(_read(parse_listen, "an address")), WithJsonSchema({"type": "string"})
]
SenderNetwork: TypeAlias = Annotated[
    Network,
    PlainValidator(_read(parse_network, "an address or network")),
    WithJsonSchema({"type": "string"}),
]
AbsolutePath: TypeAlias = Annotated[
    Path,
    PlainValidator(_read(lambda text: Path(names.check_absolute(text)), "a path")),
    WithJsonSchema({"type": "string", "pattern": "^/"}),
]
SecretPath: TypeAlias = Annotated[Path, PlainValidator(_read(_secret_path, "a path")), _like("^[^~$]")]

ZeroOrMore: TypeAlias = Annotated[
    tuple[Item, ...], BeforeValidator(_listed), Field(json_schema_extra=_or_one)
]
OneOrMore: TypeAlias = Annotated[
    tuple[Item, ...],
    BeforeValidator(_listed),
    AfterValidator(_not_empty),
    Field(json_schema_extra=_filled_or_one),
]
Script: TypeAlias = Annotated[
    str, AfterValidator(_script), WithJsonSchema({"type": SCALAR, "pattern": r"\S"})
]
ScriptOrArguments: TypeAlias = Annotated[
    Annotated[Script, Tag("a string")]
    | Annotated[
        tuple[Text, ...],
        AfterValidator(_arguments),
        Field(json_schema_extra={"minItems": 1, "prefixItems": [{"type": SCALAR, "minLength": 1}]}),
        Tag("a list"),
    ],
    Discriminator(shape),
]
