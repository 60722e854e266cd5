"""From hostile bytes to a JSON object: all input is read or refused."""

import json
import tracemalloc
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.errors import BadPayload, UnsupportedContentType
from webhookd.intake.payloads import (
    FORM,
    JSON,
    MOST_FILE_NAMES,
    changed_files,
    content_type,
    json_text,
    parse_json,
    payload_field,
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b'"text"',
        b"17",
        b"null",
        b"{",
        b'{"a": 1}}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-32"),
        b'{"a": "\x00"}',
        b"\x00",
        b'{"a": 01}',
    ],
)
def test_what_is_not_a_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadPayload) as caught:
        parse_json(body)
    assert caught.value.status == 400


def test_the_last_of_repeated_keys_counts() -> None:
    assert parse_json(b'{"a": 1, "a": 2}') == {"a": 2}


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_are_refused(body: bytes) -> None:
    try:
        value = parse_json(body)
    except BadPayload:
        value = {}
    assert isinstance(value, dict)


@pytest.mark.parametrize(
    ("header", "media_type"),
    [
        ("application/json", JSON),
        ("Application/JSON; charset=utf-8", JSON),
        (" application/json ;x", JSON),
        ("application/x-www-form-urlencoded", FORM),
        ("text/plain", "text/plain"),
        ("", ""),
    ],
)
def test_parameters_and_case_of_a_content_type_do_not_matter(header: str, media_type: str) -> None:
    assert content_type({"content-type": header}) == media_type


@pytest.mark.parametrize(
    "media_type", ["", "text/plain", "text/json", "multipart/form-data", "application/jsonx"]
)
def test_only_json_and_forms_are_accepted(media_type: str) -> None:
    with pytest.raises(UnsupportedContentType) as caught:
        json_text(b"{}", media_type)
    assert caught.value.status == 415


def test_the_json_is_in_a_field_of_the_form() -> None:
    form = b"payload=" + quote_plus('{"a": "b+c & d=e % ü"}').encode()
    assert json_text(form, FORM) == '{"a": "b+c & d=e % ü"}'.encode()


@pytest.mark.parametrize("unit", [b"=", b"%41", b"+", b"a", "ü".encode()])
def test_decoding_a_form_takes_little_more_memory_than_the_form_and_its_json(unit: bytes) -> None:
    form = b"payload=" + unit * (8_000_000 // len(unit))
    tracemalloc.start()
    try:
        value = payload_field(form)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2.2 * len(value) + 1_000_000  # the pieces, and the whole


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"payload",
        b"payloads=%7B%7D",
        b"payload=%7B%7D&payload=%7B%7D",
        b"payload=%7B%7D&payload=",
        b"payload=%7B%7D&x=1",
        b"x=1&payload=%7B%7D",
        b"payload=%7B%7D&",
        b" payload=%7B%7D",
        b'{"a": "&payload=%7B%7D&"}',
        b"payload=" + b"a" * 65_535 + b"%4",
        b"payload=%7",
        b"payload=%zz",
        b"payload=%7B\n%7D",
        b"PAYLOAD=%7B%7D",
        b"&" * 1_000_000,
    ],
)
def test_a_form_is_one_well_encoded_payload_and_nothing_else(form: bytes) -> None:
    with pytest.raises(BadPayload):
        payload_field(form)


@given(st.binary(max_size=300))
def test_whatever_is_encoded_is_decoded_again(value: bytes) -> None:
    assert payload_field(b"payload=" + quote_plus(value).encode()) == value


@pytest.mark.parametrize("before", range(65_530, 65_542))
def test_an_escape_may_be_at_the_end_of_a_piece(before: int) -> None:
    value = b"a" * before + b"+%&\xff" * 3
    assert payload_field(b"payload=" + quote_plus(value).encode()) == value


@given(st.binary(max_size=100))
def test_lower_case_escapes_of_every_byte_are_decoded(value: bytes) -> None:
    assert payload_field(b"payload=" + "".join(f"%{byte:02x}" for byte in value).encode()) == value


@pytest.mark.parametrize("length", [10, 4000])
def test_more_changed_files_than_are_looked_at_are_an_incomplete_list(length: int) -> None:
    def commit(count: int) -> dict[str, list[str]]:
        return {"added": [f"{n:0{length}}" for n in range(count)], "modified": [], "removed": []}

    fitting = MOST_FILE_NAMES // (length + 100)
    assert changed_files([commit(fitting)], every_commit=True)[1]
    files, complete = changed_files([commit(fitting + 1)], every_commit=True)
    assert (len(files or ()), complete) == (fitting, False)
    assert changed_files([commit(10)] * 9000, every_commit=True)[1]  # each name counts once


def test_a_lone_surrogate_is_still_json() -> None:
    assert parse_json(json.dumps({"a": "\ud800"}).encode()) == {"a": "\ud800"}
