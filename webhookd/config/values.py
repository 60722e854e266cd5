"""The kinds of single values in a configuration, as types that pydantic checks (pure).

Each reads the text in the file. An editor, which reads digits as a number and `true` as a truth value, gets
only the shape of it: its check may accept more than this one, never less.
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
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

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
_DURATION = {"type": ["string", "number"], "pattern": r"^[0-9]+(\.[0-9]+)?[smhd]?$", "minimum": 0}
_SIZE = {"type": ["string", "integer"], "pattern": r"^[0-9]+(B|KiB|MiB|GiB)?$", "minimum": 0}


def _parsed(parse: Callable[[str], Any], what: str) -> PlainValidator:
    """Return a validator that calls *parse* with the value, which has to be a text."""

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            raise BadValue(f"must be {what}, not {shape(value)}")
        return parse(value)

    return PlainValidator(read)


def _whole_number(value: Any) -> int:
    if not isinstance(value, Plain):
        given = shape(value) if not isinstance(value, str) else f"the text {quoted(value)}"
        raise BadValue(f"must be a whole number, not {given}")
    if _WHOLE.fullmatch(value) is None:
        raise BadValue(f"{quoted(value)} is not a whole number")
    return int(value)


def _positive_duration(text: str) -> float:
    seconds = parse_duration(text)
    if seconds == 0:
        raise BadValue("must be more than 0")
    return seconds


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
        raise BadValue(f"{quoted(text)} is not a umask", hint="three octal digits: 022")
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


def _plain_name(text: str) -> str:
    """Check a name; the message does not repeat it, which may be a secret in the wrong place."""
    if not text or set(text) & set("/:=$ ") or not text.isprintable():
        raise BadValue("is not a plain name", hint='no spaces and none of "/", ":", "=" and "$"')
    return text


def _listed(value: Any) -> Any:
    """Return a single value as a list of one."""
    return value if isinstance(value, list) else [value]


def _not_empty(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if not items:
        raise BadValue("is an empty list", hint="write a value, or remove the key")
    return items


def _each_once(addresses: tuple[Listen, ...]) -> tuple[Listen, ...]:
    for index, address in enumerate(addresses):
        if address in addresses[:index]:
            raise BadValue(f"{quoted(str(address))} appears twice", hint="remove one")
    return addresses


def _or_one(schema: dict[str, Any]) -> None:
    """Allow a single item in the JSON Schema of a list."""
    items, array = schema["items"], dict(schema)
    schema.clear()
    schema["anyOf"] = [items, array]


Text: TypeAlias = Annotated[str, AfterValidator(names.check_text)]
Marker: TypeAlias = Annotated[str, AfterValidator(_marker)]
Word: TypeAlias = Annotated[str, AfterValidator(names.check_word)]
RepositoryName: TypeAlias = Annotated[str, AfterValidator(names.check_repository)]
RefName: TypeAlias = Annotated[str, AfterValidator(names.check_ref)]
UrlPath: TypeAlias = Annotated[str, AfterValidator(names.check_url_path)]
FilePattern: TypeAlias = Annotated[str, AfterValidator(names.check_file_pattern)]
Variable: TypeAlias = Annotated[str, AfterValidator(names.check_variable)]
PlainName: TypeAlias = Annotated[str, AfterValidator(_plain_name)]

Duration: TypeAlias = Annotated[float, _parsed(parse_duration, "a duration"), WithJsonSchema(_DURATION)]
PositiveDuration: TypeAlias = Annotated[
    float, _parsed(_positive_duration, "a duration"), WithJsonSchema(_DURATION)
]
Size: TypeAlias = Annotated[int, _parsed(parse_size, "a size"), WithJsonSchema(_SIZE)]
WHOLE = BeforeValidator(_whole_number)  # beside the bounds of an int
Umask: TypeAlias = Annotated[int, _parsed(_umask, "a umask")]
ListenAddress: TypeAlias = Annotated[Listen, _parsed(parse_listen, "an address")]
SenderNetwork: TypeAlias = Annotated[Network, _parsed(parse_network, "an address or network")]
AbsolutePath: TypeAlias = Annotated[Path, _parsed(lambda text: Path(names.check_absolute(text)), "a path")]
SecretPath: TypeAlias = Annotated[Path, _parsed(_secret_path, "a path")]

ZeroOrMore: TypeAlias = Annotated[
    tuple[Item, ...], BeforeValidator(_listed), Field(json_schema_extra=_or_one)
]
OneOrMore: TypeAlias = Annotated[ZeroOrMore[Item], AfterValidator(_not_empty)]
ListenAddresses: TypeAlias = Annotated[OneOrMore[ListenAddress], AfterValidator(_each_once)]
Script: TypeAlias = Annotated[str, AfterValidator(_script)]
ScriptOrArguments: TypeAlias = Annotated[
    Annotated[Script, Tag("a string")]
    | Annotated[tuple[Text, ...], AfterValidator(_arguments), Tag("a list")],
    Discriminator(shape),
]


class FileSchema(GenerateJsonSchema):
    """The JSON Schema of the file itself: no null, no defaults of Python, no generated titles."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Leave null out: a key without a value is an error."""
        return self.generate_inner(schema["schema"])

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:  # noqa: ARG002 - as below
        """Accept what an editor reads as a number or a truth value: for us it is the text."""
        return {"type": ["string", "number", "boolean"]}

    def function_plain_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ARG002 - as below
        """Accept any text where a function of ours reads it."""
        return {"type": ["string", "number", "boolean"]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave the default None out: the descriptions have the real defaults."""
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Use the name of the key as its title."""
        return False
