"""`webhookd verify`: check whether a delivery is authentic, what it is, and what it would run."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from webhookd.cli.options import PATH_NAME, json_option
from webhookd.cli.secret_options import read_input, secret_options, unclear_hook
from webhookd.errors import UsageError, printable
from webhookd.models.delivery import PushEvent, Request
from webhookd.models.settings import Config, Hook

if TYPE_CHECKING:
    from webhookd.intake.inspection import Inspection

_NO_HEADERS = "the headers of the delivery are missing: pass them with --headers, --header or --signature"


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise UsageError("a header needs a colon", hint="--header 'X-GitHub-Event: push'")
    return name.strip().lower(), _on_the_wire(value.strip())


def _on_the_wire(value: str) -> str:
    """Return UTF-8 as the daemon sees it: each byte as one character."""
    return value.encode("utf-8", "surrogateescape").decode("latin-1")


def _moment(text: str) -> datetime:
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as exc:
        raise UsageError(f'"{text}" is not a time', hint="2026-11-24T02:48:38Z, or Unix seconds") from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command()
@click.argument("payload", type=PATH_NAME)
@secret_options
@click.option(
    "--headers",
    "header_file",
    type=PATH_NAME,
    metavar="FILE",
    help='Headers of the delivery: "Name: value" lines, or a JSON object.',
)
@click.option(
    "--header", "more_headers", type=_header, multiple=True, metavar="'NAME: VALUE'", help="One more header."
)
@click.option("--signature", metavar="VALUE", help="Value of the forge's signature header.")
@click.option("--event", help="Value of the forge's event header.")
@click.option(
    "--at", type=_moment, metavar="TIME", help="Check timestamps as of this time (RFC 3339 or Unix seconds)."
)
@json_option("one JSON object")
@click.pass_context
def verify(  # noqa: PLR0913 - the options
    ctx: click.Context,
    /,
    *,
    config: Config,
    hooks: Sequence[Hook],
    payload: str,
    header_file: str | None,
    more_headers: Sequence[tuple[str, str]],
    signature: str | None,
    event: str | None,
    at: datetime | None,
    as_json: bool,
) -> None:
    """Check whether the delivery in PAYLOAD is authentic, and show what it would run.

    PAYLOAD is a file ("-": standard input) with the body exactly as it arrived, or with the output of
    `sign --format json`. Exits with 0 if the delivery is authentic. If it is not, the most likely cause is
    named.
    """
    from webhookd.intake.inspection import inspect
    from webhookd.intake.keyrings import every_secret

    request = _request(payload, header_file, more_headers)
    hook, note = _hook(hooks, request)
    found = inspect(
        _with_headers(request, hook, event=event, signature=signature),
        hook=hook,
        repositories=config.repositories,
        now=at or datetime.now(UTC),
        others=every_secret(config.hooks, config.repositories),
    )
    if found.diagnosis and not request.headers and signature is None:
        found = replace(found, diagnosis=replace(found.diagnosis, hint=_NO_HEADERS))
    if note:
        found = replace(found, explanation=(note, *found.explanation))
    if as_json:
        click.echo(json.dumps(_json(found)))
    else:
        click.echo("\n".join(map(printable, _lines(found))))
    ctx.exit(0 if found.verified else 1)


def _json(found: "Inspection") -> dict[str, Any]:
    """Return the JSON output; an unknown value is null."""
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
    """Return the JSON object of a push; an empty or unknown name or id is null."""
    values = asdict(push).items()
    return {name: None if value == "" else value for name, value in values if name not in {"test", "message"}}


def _request(payload: str, header_file: str | None, more_headers: Sequence[tuple[str, str]]) -> Request:
    """Put together body and headers; a later source wins: recorded delivery, --headers, --header."""
    from webhookd.intake.signing import read_recorded

    data = read_input(payload, "the payload")
    recorded = read_recorded(data)
    request = recorded.request() if recorded else Request(headers={}, body=data)
    from_file = _header_file(header_file) if header_file else {}
    return replace(request, headers={**request.headers, **from_file, **dict(more_headers)})


def _with_headers(request: Request, hook: Hook, *, event: str | None, signature: str | None) -> Request:
    """Add the headers of --event and --signature, which the forge names."""
    from webhookd.intake.forges import forge

    adapter = forge(hook.forge)
    values = {adapter.event_header: event}
    if signature is not None:
        header = adapter.scheme.header
        token = "webhook-signature" if signature.startswith("v1,") else adapter.scheme.token_header
        values[header.name if header else token or ""] = signature
    added = {name.lower(): _on_the_wire(value) for name, value in values.items() if value is not None}
    return replace(request, headers={**request.headers, **added})


def _header_file(name: str) -> dict[str, str]:
    text = read_input(name, "the headers file").decode("utf-8", "surrogateescape")
    try:
        values = json.loads(text)
    except ValueError:
        lines = text.replace("\r\n", "\n").partition("\n\n")[0].splitlines()
        return dict(_header(line) for line in lines if ":" in line)
    if not isinstance(values, dict):
        raise UsageError(f'"{name}" has no headers', hint='write "Name: value" lines, or a JSON object')
    return {str(key).lower(): _on_the_wire(str(value)) for key, value in values.items()}


def _hook(hooks: Sequence[Hook], request: Request) -> tuple[Hook, str]:
    """Return the hook and how it was found; if there are several, the headers decide."""
    from webhookd.intake.inspection import infer_forge

    if len(hooks) == 1:
        return hooks[0], ""
    name = infer_forge(request.headers)
    fitting = [hook for hook in hooks if hook.forge is name]
    if len(fitting) != 1:
        raise unclear_hook(hooks)
    return fitting[0], f'hook "{fitting[0].name}", because of the headers of {name}'


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


def _push_line(push: PushEvent) -> str:
    change = "created" if push.created else "deleted" if push.deleted else "changed"
    change = "not changed (test)" if push.test else change
    words = [push.repo or "(no repository)", push.ref or "(no ref)", change]
    words += [f"to {push.commit}"] if push.commit else []
    words += [f"by {push.pusher}"] if push.pusher else []
    return " ".join(words)
