"""The chunked coding: whatever way the bytes are cut, the body is the same, and an end is an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waitress.buffers import OverflowableBuffer

from webhookd.daemon.chunks import ChunkedBody


def read(coded: bytes, *, piece: int = 1_000_000) -> tuple[ChunkedBody, int]:
    """Feed *coded* in pieces; give the reader and how much it took."""
    body = ChunkedBody(OverflowableBuffer(10_000_000))
    taken = 0
    while taken < len(coded) and not body.completed and body.error is None:
        taken += body.received(coded[taken : taken + piece])
    return body, taken


def text_of(body: ChunkedBody) -> bytes:
    return body.getbuf().get()


def coded(parts: list[bytes], trailer: bytes = b"") -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return chunks + b"0\r\n" + trailer + b"\r\n"


@given(st.lists(st.binary(min_size=1), max_size=20), st.integers(1, 40), st.binary())
def test_however_it_is_cut_the_body_is_the_same(parts: list[bytes], piece: int, behind: bytes) -> None:
    whole = coded(parts, b"X-Sum: 1\r\n")
    body, taken = read(whole + behind, piece=piece)
    assert (body.completed, body.error, text_of(body), taken) == (True, None, b"".join(parts), len(whole))


@given(st.binary(max_size=200), st.integers(1, 40))
def test_no_bytes_raise_and_none_is_taken_twice(data: bytes, piece: int) -> None:
    body, taken = read(data, piece=piece)
    assert taken <= len(data)
    assert len(text_of(body)) <= len(data)


@given(st.binary(max_size=60), st.integers(1, 10))
def test_the_verdict_does_not_depend_on_the_cut(data: bytes, piece: int) -> None:
    (whole, _), (cut, _) = read(data), read(data, piece=piece)
    assert (whole.completed, whole.error is None) == (cut.completed, cut.error is None)


@pytest.mark.parametrize(
    "line", [b"", b"g", b"-1", b"+1", b"0x1", b" 1", b"1 x", b"1,", b"1;\x00", b"1;\x7f", b"1" * 16, b"1_0"]
)
def test_a_size_that_is_none_is_an_error(line: bytes) -> None:
    body, _ = read(line + b"\r\n")
    assert body.error is not None


@pytest.mark.parametrize("line", [b"3", b"03", b"3 ", b"3;x", b'3;x="y;z"', b"3 ; x", b"3;\xe9"])
def test_extensions_mean_nothing(line: bytes) -> None:
    body, _ = read(line + b"\r\nabc\r\n0\r\n\r\n")
    assert (body.error, text_of(body)) == (None, b"abc")


@pytest.mark.parametrize(
    "data",
    [b"1" * 1100, b"1;" + b"x" * 1100, b"0\r\n" + b"x" * 1100, b"0\r\n" + b"x: y\r\n" * 17, b"1\r\nxy\r\n"],
    ids=["size", "extension", "trailer line", "trailer", "longer than its size"],
)
def test_nothing_grows_without_end(data: bytes) -> None:
    for piece in (1, 1_000_000):
        body, _ = read(data, piece=piece)
        assert body.error is not None


def test_a_flood_of_tiny_chunks_is_an_error_and_large_ones_are_not() -> None:
    tiny, _ = read(b"1\r\nx\r\n" * 2000)
    large, _ = read((b"400\r\n" + b"x" * 1024 + b"\r\n") * 2000)
    assert (tiny.error is None, large.error, len(large)) == (False, None, 2000 * 1024)
