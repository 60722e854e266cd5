"""`webhookd sign`: make a signed delivery as a forge would, and send it if asked to."""

import base64
import json
import shlex
from typing import TYPE_CHECKING, Any

import click

from webhookd.cli.options import PATH_NAME
from webhookd.cli.secret_options import candidates, secret_options
from webhookd.errors import WebhookdError, printable

if TYPE_CHECKING:
    from webhookd.intake.signing import SignedDelivery

_LONGEST_ARGUMENT = 60_000  # bytes of a body that a shell takes as one argument


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
    from webhookd.cli import drafts

    wanted = drafts.SignOptions(**options)
    allowed = candidates(ctx, wanted)
    given = None if wanted.payload is None else drafts.read_given(wanted.payload)
    hook = drafts.one_hook(allowed, given, wanted)
    signed = drafts.signed(hook, allowed.repositories, given, wanted)
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


def _curl(signed: "SignedDelivery", url: str) -> str:
    """Return a command that can be pasted into a shell; a body that a shell could change goes as base64."""
    headers = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in signed.headers.items())
    command = f"curl -sS -X POST {headers}"
    body = signed.body.decode("utf-8", "replace")
    is_exact = body.encode() == signed.body and body.isprintable() and body[:1] != "@"
    if is_exact and len(signed.body) <= _LONGEST_ARGUMENT:
        return f"{command} --data-binary {shlex.quote(body)} {url}"
    encoded = base64.b64encode(signed.body).decode()
    return f"printf %s {encoded} | base64 -d | {command} --data-binary @- {url}"


def _send(signed: "SignedDelivery", url: str) -> bool:
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
