"""`webhookd sign`: make a signed delivery as a forge would, and send it if asked to."""

import base64
import json
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import click

from webhookd.cli.options import PATH_NAME
from webhookd.cli.secret_options import read_input, secret_options, unclear_hook
from webhookd.errors import BadPayload, UsageError, WebhookdError, printable
from webhookd.intake import payloads, signing
from webhookd.intake.forges import forge
from webhookd.intake.matching import repository_for
from webhookd.intake.samples import Change, SampleSpec, made_up_id
from webhookd.models.settings import Config, Hook, RefKind, Repository


@click.command()
@click.argument("payload", required=False, type=PATH_NAME)
@secret_options
@click.option(
    "--event", default="push", show_default=True, help="push, ping, delete, or the forge's own name."
)
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
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="PATH",
    default=["README.md"],
    show_default=True,
    help="A changed file.",
)
@click.option("--truncated", is_flag=True, help="The push has more commits than the forge lists.")
@click.option("--empty", is_flag=True, help="No change at all, which Bitbucket can send.")
@click.option("--form", is_flag=True, help="A form-encoded body instead of JSON.")
@click.option("--delivery", metavar="ID", help="Delivery id; the same id and options make the same body.")
@click.option(
    "--format", "output", type=click.Choice(["headers", "curl", "json"]), default="headers", show_default=True
)
@click.option("--send", metavar="URL", help="POST it there and print the answer.")
@click.pass_context
def sign(  # noqa: PLR0913 - the options; those that only describe a push are in *push*
    ctx: click.Context,
    /,
    *,
    config: Config,
    hooks: Sequence[Hook],
    payload: str | None,
    event: str,
    repo: str,
    form: bool,
    delivery: str | None,
    output: str,
    send: str | None,
    **push: Any,
) -> None:
    """Make a signed delivery from the file PAYLOAD ("-": standard input), or make up a push.

    Prints the headers, and below a blank line the body if it was made up; or a curl command; or JSON. With
    --send it posts the delivery, and exits with 0 if the answer is a 2xx.
    """
    document = None if payload is None else read_input(payload, "the payload")
    hook, repository = _hook(config, hooks, document, repo=repo)
    now = datetime.now(UTC)
    if not delivery:  # with an id, the same options make the same bytes again
        delivery, push["at"] = str(uuid4()), now.replace(microsecond=0)
    if document is None:
        spec = _sample(delivery, event, repo=repo, **push)
        signed = signing.sign_sample(spec, hook=hook, repository=repository, now=now, form=form)
    else:
        event = signing.event_of(document, forge(hook.forge), asked=event)
        signed = signing.sign_delivery(
            document, hook=hook, repository=repository, event=event, delivery=delivery, now=now, form=form
        )
    if send is not None:
        ctx.exit(0 if _send(signed, send) else 1)
    if output == "json":
        text = signed.body.decode("utf-8", "replace")
        body = base64.b64encode(signed.body).decode()
        click.echo(json.dumps({"headers": dict(signed.headers), "body": text, "body_base64": body}))
    elif output == "curl":
        address = next((listen for listen in config.listen if listen.unix is None), "127.0.0.1:9000")
        click.echo(_curl(signed, f"http://{address}{hook.path}"))
    else:
        lines = "".join(f"{name}: {value}\n" for name, value in signed.headers.items())
        click.echo(lines.encode("latin-1") + (b"" if payload else b"\n" + signed.body + b"\n"), nl=False)


def _hook(
    config: Config, hooks: Sequence[Hook], document: bytes | None, *, repo: str
) -> tuple[Hook, Repository | None]:
    """Return the only hook, or the only one that has the repository, and the configuration of that.

    The repository is the one that the payload names, else *repo*.
    """
    found = []
    for hook in hooks:
        named = repo if document is None else _repo_in(document, hook) or repo
        found.append((hook, repository_for(config.repositories, hook=hook.name, repo=named)))
    if len(found) > 1:
        found = [(hook, repository) for hook, repository in found if repository]
    if len(found) != 1:
        raise unclear_hook(hooks)
    return found[0]


def _repo_in(document: bytes, hook: Hook) -> str:
    """Return the repository that the payload names if it is one of the hook's forge, else ""."""
    adapter = forge(hook.forge)
    try:
        payload = payloads.parse_json(document)
        return adapter.read(adapter.guess(payload), payload).repo
    except BadPayload:
        return ""


def _sample(  # noqa: PLR0913 - the options that say what happened to the refs
    delivery: str,
    event: str,
    *,
    branch: Sequence[str],
    tag: Sequence[str],
    created: bool,
    deleted: bool,
    before: str | None,
    after: str | None,
    empty: bool,
    **others: Any,
) -> SampleSpec:
    """Return what the options describe; *others* are fields of it already."""
    deleted = deleted or event == "delete"
    if deleted and created:
        raise UsageError("--created and --deleted exclude each other")

    def change(kind: RefKind, name: str) -> Change:
        is_new = created or (kind is RefKind.TAG and not before and not deleted)
        old = before or made_up_id(delivery, f"before {kind} {name}")
        new = after or made_up_id(delivery, f"after {kind} {name}")
        return Change(kind=kind, name=name, before=None if is_new else old, after=None if deleted else new)

    branches = branch or (() if tag else ("main",))
    changes = (
        *(change(RefKind.BRANCH, name) for name in branches),
        *(change(RefKind.TAG, name) for name in tag),
    )
    return SampleSpec(delivery=delivery, event=event, changes=() if empty else changes, **others)


def _curl(signed: signing.SignedDelivery, url: str) -> str:
    """Return a command that can be pasted into a shell; the body is in base64, which no shell changes."""
    headers = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in signed.headers.items())
    body = base64.b64encode(signed.body).decode()
    return f"printf %s {body} | base64 -d | curl -sS -X POST {headers} --data-binary @- {url}"


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
