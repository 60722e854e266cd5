"""`webhookd sign`: make a signed delivery as a forge would, and send it if asked to."""

import base64
import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from webhookd.cli.options import PATH_NAME
from webhookd.cli.secret_options import Candidates, SecretOptions, candidates, read_input, secret_options
from webhookd.errors import BadPayload, UsageError, WebhookdError, printable
from webhookd.intake import payloads, signing
from webhookd.intake.forges import Adapter, forge
from webhookd.intake.matching import repository_for
from webhookd.intake.receive import delivery_id
from webhookd.intake.samples import Change, SampleSpec, made_up_id, made_up_uuid
from webhookd.models.delivery import Request
from webhookd.models.settings import Hook, RefKind, Repository

_LONGEST_ARGUMENT = 60_000  # bytes of a body that a shell takes as one argument


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOptions(SecretOptions):
    """The options of `webhookd sign`."""

    payload: str | None
    event: str | None
    repo: str
    branch: tuple[str, ...]
    tag: tuple[str, ...]
    created: bool
    deleted: bool
    forced: bool
    before: str | None
    after: str | None
    message: str
    pusher: str
    files: tuple[str, ...]
    truncated: bool
    empty: bool
    form: bool
    delivery: str | None
    output: str
    send: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A payload from a file; *recorded* is the delivery if the file is the output of `--format json`."""

    document: bytes
    recorded: Request | None = None

    def repo(self, adapter: Adapter) -> str:
        """Return the repository that the payload names if it is one of that forge, else ""."""
        try:
            payload = payloads.parse_json(self.document)
            return adapter.parse(adapter.guess(payload), payload).repo
        except BadPayload:
            return ""


@click.command()
@click.argument("payload", required=False, type=PATH_NAME)
@secret_options
@click.option("--event", help="push, ping, delete, or the forge's own name.  [default: push]")
@click.option("--repo", default="octocat/hello-world", show_default=True, help="Repository's full name.")
@click.option("--branch", multiple=True, help="Branch; more than one for Bitbucket.  [default: main]")
@click.option("--tag", multiple=True, help="Tag; more than one for Bitbucket.")
@click.option("--created", is_flag=True, help="The branch or tag is new.")
@click.option("--deleted", is_flag=True, help="The branch or tag was deleted.")
@click.option("--forced", is_flag=True, help="The push rewrote history.")
@click.option("--before", metavar="ID", help="Commit before the push.")
@click.option("--after", metavar="ID", help="Commit after the push.")
@click.option("--message", default="Say hello in more languages", help="Message of the newest commit.")
@click.option("--pusher", default="octocat", help="Who pushed.")
@click.option("--file", "files", multiple=True, metavar="PATH", help="A changed file.  [default: README.md]")
@click.option("--truncated", is_flag=True, help="The push has more commits than the forge lists.")
@click.option("--empty", is_flag=True, help="No change at all, which Bitbucket can send.")
@click.option("--form", is_flag=True, help="A form-encoded body instead of JSON.")
@click.option("--delivery", metavar="ID", help="Delivery id; the same id and options make the same body.")
@click.option(
    "--format", "output", type=click.Choice(["headers", "curl", "json"]), default="headers", show_default=True
)
@click.option("--send", metavar="URL", help="POST it there and print the answer.")
@click.pass_context
def sign(ctx: click.Context, /, **options: Any) -> None:
    """Make a signed delivery from the file PAYLOAD ("-": standard input), or make up a push.

    Prints the headers, and below a blank line the body if it was made up; or a curl command; or JSON. With
    --send it posts the delivery, and exits with 0 if the answer is a 2xx. PAYLOAD can also be the output of
    `sign --format json`.
    """
    wanted = SignOptions(**options)
    allowed = candidates(ctx, wanted)
    given = None if wanted.payload is None else _read_given(wanted.payload)
    hook = _one_hook(allowed, given, wanted)
    signed = _signed(hook, allowed.repositories, given, wanted)
    if wanted.send is not None:
        ctx.exit(0 if _send(signed, wanted.send) else 1)
    if wanted.output == "json":
        text = signed.body.decode("utf-8", "replace")
        body = base64.b64encode(signed.body).decode()
        click.echo(json.dumps({"headers": dict(signed.headers), "body": text, "body_base64": body}))
    elif wanted.output == "curl":
        click.echo(_curl(signed, f"http://{allowed.address}{hook.path}"))
    else:
        lines = "".join(f"{name}: {value}\n" for name, value in signed.headers.items())
        click.echo(lines.encode("latin-1") + (b"" if given else b"\n" + signed.body + b"\n"), nl=False)


def _read_given(name: str) -> Given:
    """Read the payload file called *name*."""
    data = read_input(name, "the payload")
    recorded = signing.read_recorded(data)
    if recorded is None:
        return Given(document=data)
    request = recorded.request()
    media_type = payloads.content_type(request.headers)
    return Given(document=payloads.json_text(request.body, media_type), recorded=request)


def _one_hook(allowed: Candidates, given: Given | None, options: SignOptions) -> Hook:
    """Return the only hook, or the only one whose configuration has the repository."""
    hooks = allowed.hooks
    if len(hooks) > 1:
        hooks = tuple(hook for hook in hooks if _repository(hook, allowed.repositories, given, options))
    if len(hooks) != 1:
        names = ", ".join(f'"{hook.name}"' for hook in allowed.hooks)
        raise UsageError("it is not clear which hook the repository uses", hint=f"--hook with one of {names}")
    [hook] = hooks
    if (options.secret_file or options.secret_env) and max(len(hook.secrets), len(hook.tokens)) > 1:
        hint = "leave out all but one of --secret-file and --secret-env"
        raise UsageError("a delivery is signed with one secret, and several are given", hint=hint)
    return hook


def _signed(
    hook: Hook, repositories: tuple[Repository, ...], given: Given | None, options: SignOptions
) -> signing.SignedDelivery:
    """Make the delivery, signed with the repository's own secret if it has one, else with the hook's."""
    repository = _repository(hook, repositories, given, options)
    now = datetime.now(UTC)
    if given is None:
        spec = _sample_spec(options)
        return signing.sign_sample(spec, hook=hook, repository=repository, now=now, form=options.form)
    adapter = forge(hook.forge)
    headers = given.recorded.headers if given.recorded else {}
    recorded_id = delivery_id(given.recorded, adapter) if given.recorded else ""
    event = options.event or adapter.event(headers) or "push"
    return signing.sign_delivery(
        given.document,
        hook=hook,
        repository=repository,
        event=signing.event_of(given.document, adapter, asked=event),
        delivery=options.delivery or recorded_id or _new_id(),
        now=now,
        form=options.form or payloads.content_type(headers) == payloads.FORM,
    )


def _repository(
    hook: Hook, repositories: tuple[Repository, ...], given: Given | None, options: SignOptions
) -> Repository | None:
    """Return the configuration of the repository that the payload names, or else --repo."""
    named = given.repo(forge(hook.forge)) if given is not None else ""
    return repository_for(repositories, hook=hook.name, repo=named or options.repo)


def _sample_spec(options: SignOptions) -> SampleSpec:
    delivery = options.delivery or _new_id()
    moment = {} if options.delivery else {"at": datetime.now(UTC).replace(microsecond=0)}
    return SampleSpec(
        delivery=delivery,
        event=options.event or "push",
        repo=options.repo,
        changes=tuple(_changes(options, delivery)),
        forced=options.forced,
        message=options.message,
        pusher=options.pusher,
        files=options.files or ("README.md",),
        truncated=options.truncated,
        **moment,
    )


def _changes(options: SignOptions, delivery: str) -> Iterator[Change]:
    if options.empty:
        return
    deleted = options.deleted or options.event == "delete"
    if deleted and options.created:
        raise UsageError("--created and --deleted exclude each other")
    branches = options.branch or (() if options.tag else ("main",))
    named = [(RefKind.BRANCH, name) for name in branches] + [(RefKind.TAG, name) for name in options.tag]
    for kind, name in named:
        created = options.created or (kind is RefKind.TAG and not options.before and not deleted)
        before = options.before or made_up_id(delivery, f"before {kind} {name}")
        after = options.after or made_up_id(delivery, f"after {kind} {name}")
        yield Change(
            kind=kind, name=name, before=None if created else before, after=None if deleted else after
        )


def _new_id() -> str:
    return made_up_uuid(os.urandom(16).hex())


def _curl(signed: signing.SignedDelivery, url: str) -> str:
    """Return a command that can be pasted into a shell; a body that a shell could change goes as base64."""
    headers = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in signed.headers.items())
    command = f"curl -sS -X POST {headers}"
    body = signed.body.decode("utf-8", "replace")
    is_exact = body.encode() == signed.body and body.isprintable() and body[:1] != "@"
    if is_exact and len(signed.body) <= _LONGEST_ARGUMENT:
        return f"{command} --data-binary {shlex.quote(body)} {url}"
    encoded = base64.b64encode(signed.body).decode()
    return f"printf %s {encoded} | base64 -d | {command} --data-binary @- {url}"


def _send(signed: signing.SignedDelivery, url: str) -> bool:
    """POST *signed*, print status line and body of the answer, and return whether it is a 2xx."""
    from webhookd.cli import http_client

    origin, path = http_client.split_url(url, example="http://127.0.0.1:9000/github-webhook")
    try:
        reply = http_client.request(origin, "POST", path, signed.body, signed.headers)
    except http_client.NoReply as exc:
        raise WebhookdError(f'no answer from "{url}": {exc}', hint=exc.hint) from exc
    click.echo(f"{reply.status} {printable(reply.reason)}")
    for line in reply.body.decode("utf-8", "replace").splitlines():
        click.echo(printable(line))
    return reply.is_success
