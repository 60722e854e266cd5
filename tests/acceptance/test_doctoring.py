"""`webhookd doctor` on a running daemon, also through a proxy with the usual mistakes."""

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from daemon import Daemon

Start = Callable[..., Daemon]

RULES = "    main: 'true'"


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for the tests that change nothing about it."""
    daemon = Daemon(tmp_path_factory.mktemp("healthy"), f"  octocat/blog:\n{RULES}").start()
    yield daemon
    daemon.close()


def findings(daemon: Daemon, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    done = daemon.run_command("doctor", "--json", *arguments, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"] == (code == 0)
    listed: list[dict[str, Any]] = answer["findings"]
    return listed


def problems(daemon: Daemon, *arguments: str) -> list[tuple[str, str, str]]:
    found = findings(daemon, *arguments, code=1)
    return [(one["check"], one["message"], one["hint"]) for one in found if one["level"] == "problem"]


def test_a_healthy_daemon_has_no_problem(healthy: Daemon) -> None:
    found = findings(healthy)
    checks = [one["check"] for one in found]
    assert checks[:6] == ["daemon", "configuration", "target", "listening", "probe", "store"]
    assert {"disk", "clock"} <= set(checks)
    assert healthy.runs() == []


def test_the_text_has_a_line_for_each_finding_and_a_summary(healthy: Daemon) -> None:
    shown = healthy.run_command("doctor").stdout.splitlines()
    assert shown[0].split()[:3] == ["+", "ok", "daemon"]
    assert shown[-1].startswith("no problem")


def test_running_the_doctor_twice_stores_the_probes_once(healthy: Daemon) -> None:
    findings(healthy)
    before = (healthy.state_dir / "webhookd.db-wal").stat().st_size
    findings(healthy)
    assert (healthy.state_dir / "webhookd.db-wal").stat().st_size - before < 1024**2


def test_a_file_that_a_reload_would_refuse_is_a_problem(start: Start) -> None:
    daemon = start(RULES)
    daemon.change("    main: {run: 'true', timeout: soon}", settings="workers: many")
    told = [message for check, message, _ in problems(daemon) if check == "configuration"]
    assert [message.partition(": ")[2].split(":")[0] for message in told] == [
        "workers",
        "repos.octocat/blog.main.timeout",
    ]


def test_a_file_that_is_not_applied_yet_is_a_warning(start: Start) -> None:
    daemon = start(RULES)
    daemon.change("    main: 'false'")
    told = [
        one["hint"] for one in findings(daemon) if one["level"] == "warning" and "changed" in one["message"]
    ]
    assert told == ["webhookd reload"]


def test_a_change_that_a_reload_refuses_asks_for_a_restart(start: Start) -> None:
    daemon = start(RULES)
    daemon.change(RULES, port=daemon.port + 1 if daemon.port < 65535 else 1024)
    told = [one["hint"] for one in findings(daemon) if "has changed" in one["message"]]
    assert told == ["systemctl restart webhookd: listen cannot change while the daemon runs"]
    assert daemon.run_command("reload", check=False).returncode == 1


def test_a_file_with_warnings_that_was_named_by_a_relative_path_has_not_changed(start: Start) -> None:
    daemon = start(RULES)
    daemon.stop()
    (daemon.folder / "secret").chmod(0o644)
    daemon.start(config=str(daemon.config.relative_to("/")))
    told = [one["message"] for one in findings(daemon) if one["level"] == "warning"]
    assert [message for message in told if "has changed" in message] == []
    assert [message for message in told if "can be read by every user" in message] != []


def test_the_log_of_a_start_and_of_a_reload_has_the_warnings_of_check(start: Start) -> None:
    daemon = start(RULES)
    assert "WARNING" not in daemon.log
    (daemon.folder / "secret").chmod(0o644)
    (told,) = daemon.run_command("check").stderr.splitlines()
    daemon.run_command("reload")
    daemon.stop()
    daemon.start()
    lines = [line for line in daemon.log.splitlines() if "doubtful configuration" in line]
    assert len(lines) == 2
    for line in lines:
        assert told.removeprefix("warning: ").replace('"', '\\"') in line


def test_a_secret_that_everybody_can_read_is_a_warning(start: Start) -> None:
    daemon = start(RULES)
    (daemon.folder / "secret").chmod(0o644)
    told = [one["message"] for one in findings(daemon) if one["level"] == "warning"]
    assert [message for message in told if "can be read by every user" in message]


def test_a_daemon_that_is_down_is_a_problem_and_the_rest_is_checked(start: Start) -> None:
    daemon = start(RULES)
    daemon.stop()
    found = findings(daemon, code=1)
    assert [one["check"] for one in found if one["level"] == "problem"] == ["daemon"]
    assert {"configuration", "target", "listening", "store", "disk"} <= {one["check"] for one in found}


def test_a_daemon_that_is_down_will_not_start_without_its_secret(start: Start) -> None:
    daemon = start(RULES)
    daemon.stop()
    (daemon.folder / "secret").unlink()
    found = findings(daemon, code=1)
    told = [(one["level"], one["message"]) for one in found if one["check"] == "configuration"]
    missing = f'{daemon.config}:1:9: secret: "{daemon.folder}/secret" does not exist '
    assert [(level, message.partition("(")[0]) for level, message in told] == [("problem", missing)]
    assert {"target", "listening"} <= {one["check"] for one in found}


def test_while_the_daemon_is_down_secrets_that_only_it_sees_are_warnings(start: Start) -> None:
    daemon = start(RULES)
    daemon.stop()
    daemon.config.write_text(
        re.sub(r"\{file: .*\}", "[{credential: x}, {env: NOT_SET}]", daemon.config.read_text())
    )
    told = [
        (one["level"], one["message"]) for one in findings(daemon, code=1) if one["check"] == "configuration"
    ]
    unseen = "only the running daemon can read this secret, if it exists"
    assert [(level, message.partition(": ")[2]) for level, message in told[1:]] == [
        ("warning", f"secret[0]: {unseen}"),
        ("warning", f"secret[1]: {unseen}"),
    ]
    assert told[0] == ("ok", f'"{daemon.config}" is accepted: hooks 1, targets 1')


def test_another_file_than_the_daemons_is_a_problem(healthy: Daemon) -> None:
    other = healthy.folder / "other.yaml"
    other.write_text(healthy.config.read_text())
    ((check, told, _),) = problems(healthy, "--config", str(other))
    assert (check, told) == (
        "configuration",
        f'the daemon on "{healthy.state_dir}" uses "{healthy.config}", not "{other}"',
    )


# -- through a proxy


Spoil = Callable[["Front", bytes], bytes | None]


class Front(BaseHTTPRequestHandler):
    """Passes a request on, changed by `spoil` like a wrongly configured proxy changes it."""

    port = 0
    spoil: "ClassVar[Spoil]"

    def do_POST(self) -> None:
        body = type(self).spoil(self, self.rfile.read(int(self.headers["Content-Length"])))
        if body is None:
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        del self.headers["Content-Length"]
        connection.request("POST", self.path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    def refuse(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def front(daemon: Daemon, spoil: Spoil) -> Iterator[str]:
    handler = type("Front", (Front,), {"port": daemon.port, "spoil": spoil})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def rewrite(_: Front, body: bytes) -> bytes:
    return json.dumps(json.loads(body), separators=(",", ":")).encode()


def drop_signature(self: Front, body: bytes) -> bytes:
    del self.headers["X-Hub-Signature-256"]
    return body


def take_little(self: Front, body: bytes) -> bytes | None:
    if len(body) < 1024**2:
        return body
    self.refuse(413)
    return None


def forbid(self: Front, _: bytes) -> None:
    self.refuse(403)


def redirect(self: Front, _: bytes) -> None:
    self.refuse(308, Location=f"https://x.test{self.path}/")


def change_path(self: Front, body: bytes) -> bytes:
    self.path = "/hooks" + self.path
    return body


@pytest.mark.parametrize(
    ("spoil", "message", "hint"),
    [
        (rewrite, "a signed delivery with unusual spelling is answered 401", "the proxy rewrites the body"),
        (drop_signature, "a signed delivery is answered 401", "the signature's header"),
        (take_little, "a signed delivery of 2 MiB is answered 413", "client_max_body_size 25m"),
        (redirect, "answered 308 to https://x.test/github-webhook/", "forges do not follow redirects"),
        (forbid, "a signed delivery is answered 403", "the proxy refuses it"),
        (change_path, "a signed delivery is answered 404", "the proxy must pass on the path unchanged"),
    ],
)
def test_a_mistake_of_the_proxy_is_named(healthy: Daemon, spoil: Spoil, message: str, hint: str) -> None:
    with front(healthy, spoil) as url:
        ((check, told, way_out),) = problems(healthy, "--url", url)
    assert (check, message in told, hint in way_out) == ("probe", True, True), (told, way_out)


def test_a_hook_with_allow_from_is_reported_as_untested(start: Start) -> None:
    daemon = start(RULES, settings="hooks: {github: {allow_from: 192.0.2.1}}")
    with front(daemon, lambda _, body: body) as url:
        found = findings(daemon, "--url", url)
    untried = "cannot be tested from here: this machine is not in the hook's `allow_from`"
    assert [(one["level"], one["message"]) for one in found if one["check"] == "probe"] == [
        ("warning", f"{where}/github-webhook {untried}") for where in (f"127.0.0.1:{daemon.port}", url)
    ]


def test_a_proxy_that_passes_on_everything_is_fine(healthy: Daemon) -> None:
    with front(healthy, lambda _, body: body) as url:
        found = findings(healthy, "--url", f"{url}/github-webhook")
    told = [one["message"] for one in found if one["check"] == "probe"]
    assert told[1] == f"{url}/github-webhook accepts signed deliveries, and they arrive unchanged"


def test_an_unreachable_url_is_a_problem(healthy: Daemon) -> None:
    ((_, told, _),) = problems(healthy, "--url", "http://127.0.0.1:1")
    assert told == "http://127.0.0.1:1/github-webhook cannot be reached: connection refused"
