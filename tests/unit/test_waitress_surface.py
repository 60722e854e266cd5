"""What webhookd uses of Waitress beside its documented interface: a release without it fails here first."""

import inspect
from typing import Any

import pytest
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver, FixedStreamReceiver
from waitress.server import BaseWSGIServer, TcpWSGIServer, UnixWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask
from waitress.utilities import Error, RequestHeaderFieldsTooLarge

CLASSES: list[tuple[Any, list[str]]] = [
    (
        HTTPChannel,
        ["parser_class", "task_class", "request", "last_activity", "will_close", "close_when_flushed",
         "total_outbufs_len", "service", "readable", "handle_read", "handle_close", "recv", "del_channel"],
    ),
    (
        HTTPRequestParser,
        ["received", "parse_header", "close", "completed", "empty", "error", "expect_continue",
         "headers_finished", "chunked", "content_length", "body_rcv", "body_bytes_received"],
    ),
    (BaseWSGIServer, ["channel_class", "handle_accept", "accept", "accepting", "add_task", "pull_trigger"]),
    (WSGITask, ["build_response_header", "set_close_on_finish"]),
    (ThreadedTaskDispatcher, ["set_thread_count", "shutdown"]),
    (Error, ["to_response"]),
    (ChunkedReceiver, ["__len__"]),
    (FixedStreamReceiver, ["__len__"]),
]  # fmt: skip
OBJECTS: list[tuple[object, list[str]]] = [
    (HTTPRequestParser(Adjustments()), ["headers"]),
    (Adjustments(), ["send_bytes"]),
    (Error("what is wrong"), ["body"]),
]
PARAMETERS: list[tuple[Any, list[str]]] = [
    (wasyncore.loop, ["timeout", "use_poll", "map", "count"]),
    (wasyncore.close_all, ["map"]),
    (HTTPRequestParser, ["adj"]),
    (TcpWSGIServer, ["application", "map", "_sock", "dispatcher", "adj", "sockinfo", "bind_socket"]),
    (UnixWSGIServer, ["application", "map", "_sock", "dispatcher", "adj", "sockinfo", "kw"]),
]


@pytest.mark.parametrize(("owner", "names"), [*CLASSES, *OBJECTS])
def test_waitress_has_what_is_used_of_it(owner: object, names: list[str]) -> None:
    assert [name for name in names if not hasattr(owner, name)] == []


@pytest.mark.parametrize(("called", "names"), PARAMETERS)
def test_waitress_takes_what_it_is_given(called: Any, names: list[str]) -> None:
    assert [name for name in names if name not in inspect.signature(called).parameters] == []


def test_a_connection_has_what_its_deadline_and_drain_look_at() -> None:
    source = inspect.getsource(HTTPChannel.__init__) + inspect.getsource(BaseWSGIServer.__init__)
    for name in ("self.requests = []", "self.requests_lock =", "self.active_channels = {}", "self.server ="):
        assert name in source
    assert issubclass(HTTPChannel, wasyncore.dispatcher)


def test_a_malformed_head_is_an_error_that_waitress_catches() -> None:
    parser = HTTPRequestParser(Adjustments())
    parser.received(b"nonsense\r\n\r\n")
    assert isinstance(parser.error, Error)
    assert not isinstance(parser.error, RequestHeaderFieldsTooLarge)
    assert issubclass(ParsingError, Exception)


def test_a_request_leaves_its_line_where_the_log_looks_for_it() -> None:
    parser = HTTPRequestParser(Adjustments())
    parser.received(b"POST /x?y=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (parser.command, parser.request_uri, parser.headers) == ("POST", "/x?y=1", {"HOST": "a"})
