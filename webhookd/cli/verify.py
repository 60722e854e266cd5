"""`webhookd verify`: say whether a delivery is authentic, what it is, and what it would run."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from webhookd.cli.inputs import read_input
from webhookd.cli.keys import Chosen, choose, key_options
from webhookd.cli.options import NAMED
from webhookd.errors import UsageError
from webhookd.models import Hook, PushEvent, Request

if TYPE_CHECKING:
    from webhookd.intake.inspection import Inspection
    from webhookd.intake.proof import Scheme

_NO_HEADERS = (
    "the headers of the delivery are missing here: give them with --headers, --header or --signature"
)


@click.command()
@click.argument("payload", type=NAMED)
@key_options
@click.option(
    "--headers",
    "header_file",
    type=NAMED,
    metavar="FILE",
    help='"Name: value" lines, or a JSON object.',
)
@click.option("--header", "header_lines", multiple=True, metavar="'NAME: VALUE'", help="One more header.")
@click.option("--signature", metavar="VALUE", help="The forge's signature header.")
@click.option("--event", help="The forge's event header.")
@click.option("--at", metavar="TIME", help="Judge timestamps as of then (RFC 3339 or Unix seconds).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def verify(ctx: click.Context, /, **options: Any) -> None:
    """Say whether the delivery in the file PAYLOAD ("-": standard input) is authentic, and what it would run.

    PAYLOAD is the body as it came, byte by byte, or what `sign --format json` printed. The exit code is 0
    when it is authentic. When it is not, the most likely cause is named.
    """
    chosen = choose(ctx, **{key: options[key] for key in ("hook", "forge", "secret_file", "secret_env")})
    request = _request(options)
    hook, note = _hook(chosen, request)
    found = _inspect(_with_options(request, hook, options), hook, chosen, _moment(options["at"]))
    if found.diagnosis and not request.headers and options["signature"] is None:
        found = replace(found, diagnosis=replace(found.diagnosis, hint=_NO_HEADERS))
    if note:
        found = replace(found, explanation=(note, *found.explanation))
    if options["as_json"]:
        click.echo(json.dumps(as_json(found)))
    else:
        click.echo("\n".join(map(_printable, _lines(found))))
    ctx.exit(0 if found.verified else 1)


def as_json(found: "Inspection") -> dict[str, Any]:
    """Give the JSON output; what is unknown is null."""
    return {
        "verified": found.verified,
        "forge": str(found.forge),
        "event": found.event or None,
        "delivery": found.delivery or None,
        "kind": str(found.reading.kind),
        "pushes": [_push_json(push) for push in found.reading.pushes],
        "targets": [{"target": match.target.name, "reason": match.reason} for match in found.matches],
        "explanation": list(found.explanation),
        "diagnosis": found.diagnosis and {"cause": str(found.diagnosis.cause), "hint": found.diagnosis.hint},
    }


def _push_json(push: PushEvent) -> dict[str, Any]:
    keys = ("repo", "ref", "branch", "tag", "before", "after", "commit")
    more = ("pusher", "compare_url", "clone_url")
    return {
        **{key: getattr(push, key) or None for key in keys},
        "created": push.created,
        "deleted": push.deleted,
        "forced": push.forced,
        **{key: getattr(push, key) for key in more},
        "changed_files": None if push.changed_files is None else list(push.changed_files),
        "files_complete": push.files_complete,
    }


def _request(options: dict[str, Any]) -> Request:
    """Put together body and headers; the last word on a header has the most special option."""
    from webhookd.intake.signing import read_recorded  # noqa: PLC0415

    data = read_input(options["payload"], "the payload")
    before = read_recorded(data)
    headers = {} if before is None else dict(before.request().headers)
    if options["header_file"]:
        headers |= _header_file(options["header_file"])
    headers |= dict(_header(line) for line in options["header_lines"])
    return Request(headers=headers, body=data if before is None else before.body)


def _with_options(request: Request, hook: Hook, options: dict[str, Any]) -> Request:
    from webhookd.intake.forges import forge  # noqa: PLC0415

    adapter = forge(hook.forge)
    given = {adapter.event_header: options["event"]}
    if options["signature"] is not None:
        given[_signature_header(adapter.scheme, options["signature"])] = options["signature"]
    added = {name.lower(): _on_the_wire(value) for name, value in given.items() if value is not None}
    return replace(request, headers={**request.headers, **added})


def _signature_header(scheme: "Scheme", value: str) -> str:
    """Give the header in which the forge sends such a value."""
    if scheme.header is not None:
        return scheme.header.name
    return "webhook-signature" if value.startswith("v1,") else scheme.token_header or ""


def _header_file(name: str) -> dict[str, str]:
    text = read_input(name, "the headers file").decode("utf-8", "surrogateescape")
    try:
        values = json.loads(text)
    except ValueError:
        lines = text.replace("\r\n", "\n").partition("\n\n")[0].splitlines()
        return dict(_header(line) for line in lines if ":" in line)
    if not isinstance(values, dict):
        raise UsageError(f'"{name}" holds no headers', hint='"Name: value" lines, or a JSON object')
    return {str(key).lower(): _on_the_wire(str(value)) for key, value in values.items()}


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise UsageError("a header needs a colon", hint="--header 'X-GitHub-Event: push'")
    return name.strip().lower(), _on_the_wire(value.strip())


def _on_the_wire(value: str) -> str:
    """Show UTF-8 as the daemon sees it: each byte as one character."""
    return value.encode("utf-8", "surrogateescape").decode("latin-1")


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as exc:
        raise UsageError(f'"{text}" is not a time', hint="2026-11-24T02:48:38Z, or Unix seconds") from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _hook(chosen: Chosen, request: Request) -> tuple[Hook, str]:
    """Give the hook that is meant; where the command line leaves a choice, the headers make it."""
    from webhookd.intake.inspection import infer_forge  # noqa: PLC0415

    if len(chosen.hooks) == 1:
        return chosen.hooks[0], ""
    name = infer_forge(request.headers)
    fitting = [hook for hook in chosen.hooks if hook.forge is name]
    if len(fitting) != 1:
        names = ", ".join(f'"{hook.name}"' for hook in chosen.hooks)
        raise UsageError("it is not clear which hook is meant", hint=f"--hook with one of {names}")
    return fitting[0], f'hook "{fitting[0].name}", by the headers of {name}'


def _inspect(request: Request, hook: Hook, chosen: Chosen, now: datetime) -> "Inspection":
    from webhookd.intake.inspection import inspect  # noqa: PLC0415

    strangers = [secret for other in chosen.every_hook for secret in (*other.secrets, *other.tokens)]
    strangers += [secret for repository in chosen.repositories for secret in repository.secrets]
    return inspect(request, hook=hook, repositories=chosen.repositories, now=now, others=strangers)


def _lines(found: "Inspection") -> Iterator[str]:
    if found.diagnosis:
        yield f"not authentic: {found.diagnosis.cause}"
        yield f"  hint: {found.diagnosis.hint}"
    else:
        yield f"authentic: opened by {found.opened_by}"
    delivery = f", delivery {found.delivery}" if found.delivery else ""
    yield f"{found.forge} {found.event or 'unknown event'} ({found.reading.kind}){delivery}"
    for push in found.reading.pushes:
        yield f"  {_push_line(push)}"
    for line in found.explanation:
        yield f"- {line}"


def _printable(line: str) -> str:
    """Escape what a stranger's payload could do to a terminal."""
    if line.isprintable():
        return line
    from webhookd.report.text import printable  # noqa: PLC0415 - start-up counts

    return printable(line)


def _push_line(push: PushEvent) -> str:
    change = "created" if push.created else "deleted" if push.deleted else "changed"
    words = [
        push.repo or "(no repository)",
        push.ref or "(no ref)",
        "not changed (test)" if push.test else change,
    ]
    words += [f"to {push.commit}"] if push.commit else []
    words += [f"by {push.pusher}"] if push.pusher else []
    return " ".join(words)
