"""`webhookd sign`: make a signed delivery as a forge would, and send it if asked to."""

import base64
import json
import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from webhookd.cli.keys import Chosen, choose, key_options
from webhookd.cli.options import NAMED
from webhookd.errors import UsageError
from webhookd.models import Hook, Repository

if TYPE_CHECKING:
    from webhookd.cli.drafts import Given
    from webhookd.intake.signing import SignedDelivery

_INLINE = 60_000  # bytes of a body that a shell takes as one argument


@click.command()
@click.argument("payload", required=False, type=NAMED)
@key_options
@click.option("--event", help="push, ping, delete, or the forge's own name.  [default: push]")
@click.option("--repo", default="octocat/hello-world", show_default=True, help="Repository's full name.")
@click.option("--branch", multiple=True, help="Branch; more than one for Bitbucket.  [default: main]")
@click.option("--tag", multiple=True, help="Tag; more than one for Bitbucket.")
@click.option("--created", is_flag=True, help="The branch or tag is new.")
@click.option("--deleted", is_flag=True, help="The branch or tag was deleted.")
@click.option("--forced", is_flag=True, help="History was rewritten.")
@click.option("--before", metavar="ID", help="Commit before the push.")
@click.option("--after", metavar="ID", help="Commit after the push.")
@click.option("--message", default="Say hello in more languages", help="Message of the newest commit.")
@click.option("--pusher", default="octocat", help="Who pushed.")
@click.option("--file", "files", multiple=True, metavar="PATH", help="A changed file.  [default: README.md]")
@click.option("--truncated", is_flag=True, help="More commits than the forge lists.")
@click.option("--empty", is_flag=True, help="No change at all, as Bitbucket can send.")
@click.option("--form", is_flag=True, help="Form-encoded instead of JSON.")
@click.option("--delivery", metavar="ID", help="Delivery id; the same id and options make the same body.")
@click.option(
    "--format", "output", type=click.Choice(["headers", "curl", "json"]), default="headers", show_default=True
)
@click.option("--send", metavar="URL", help="POST it there and print the answer.")
@click.pass_context
def sign(ctx: click.Context, /, **options: Any) -> None:
    """Make a signed delivery: the file PAYLOAD ("-": standard input) as it is, or made up as the options say.

    Prints its headers, and a made-up body below a blank line; or a curl command; or JSON. With --send, posts
    it, and exits with 0 if the answer is a 2xx. What `--format json` printed can be PAYLOAD again.
    """
    from webhookd.cli.drafts import read_given  # noqa: PLC0415 - start-up counts

    keys = ("hook", "forge", "secret_file", "secret_env")
    chosen = choose(ctx, **{key: options[key] for key in keys})
    given = None if options["payload"] is None else read_given(options["payload"])
    hook = _one_hook(chosen, given, options)
    _refuse_several(hook, options)
    signed = _signed(hook, chosen.repositories, given, options)
    if options["send"] is not None:
        from webhookd.cli.sending import send  # noqa: PLC0415 - start-up counts

        ctx.exit(0 if send(signed, options["send"]) else 1)
    _print(signed, options, f"http://{chosen.address}{hook.path}")


def _one_hook(chosen: Chosen, given: "Given | None", options: dict[str, Any]) -> Hook:
    """Take the only hook, or the only one that knows the repository."""
    hooks = chosen.hooks
    if len(hooks) > 1:
        hooks = tuple(hook for hook in hooks if _repository(hook, chosen.repositories, given, options))
    if len(hooks) != 1:
        names = ", ".join(f'"{hook.name}"' for hook in chosen.hooks)
        raise UsageError("it is not clear which hook the repository uses", hint=f"--hook with one of {names}")
    return hooks[0]


def _refuse_several(hook: Hook, options: dict[str, Any]) -> None:
    """Refuse secrets of the command line of which all but the first would do nothing."""
    named = options["secret_file"] or options["secret_env"]
    if named and max(len(hook.secrets), len(hook.tokens)) > 1:
        hint = "leave out all but one of --secret-file and --secret-env"
        raise UsageError("a delivery is signed with one secret, and several are given", hint=hint)


def _repository(
    hook: Hook, repositories: tuple[Repository, ...], given: "Given | None", options: dict[str, Any]
) -> Repository | None:
    """Give what the configuration knows of the repository: the one that the payload names, or --repo."""
    from webhookd.intake.forges import forge  # noqa: PLC0415
    from webhookd.intake.matching import repository_for  # noqa: PLC0415

    named = given.repo(forge(hook.forge)) if given is not None else ""
    return repository_for(repositories, hook=hook.name, repo=named or options["repo"])


def _signed(
    hook: Hook, repositories: tuple[Repository, ...], given: "Given | None", options: dict[str, Any]
) -> "SignedDelivery":
    from webhookd.cli.drafts import draft, made_up  # noqa: PLC0415
    from webhookd.intake.forges import forge  # noqa: PLC0415
    from webhookd.intake.signing import sign_delivery  # noqa: PLC0415

    adapter = forge(hook.forge)
    unsigned = made_up(options, adapter) if given is None else draft(given, options, adapter)
    return sign_delivery(
        unsigned.document,
        hook=hook,
        repository=_repository(hook, repositories, given, options),
        event=unsigned.event,
        delivery=unsigned.delivery,
        now=datetime.now(UTC),
        form=unsigned.form,
    )


def _print(signed: "SignedDelivery", options: dict[str, Any], url: str) -> None:
    if options["output"] == "json":
        text = signed.body.decode("utf-8", "replace")
        body = base64.b64encode(signed.body).decode()
        click.echo(json.dumps({"headers": dict(signed.headers), "body": text, "body_base64": body}))
    elif options["output"] == "curl":
        click.echo(_curl(signed, url))
    else:
        lines = "".join(f"{name}: {value}\n" for name, value in signed.headers.items())
        made_up = b"" if options["payload"] else b"\n" + signed.body + b"\n"
        click.echo(lines.encode("latin-1") + made_up, nl=False)


def _curl(signed: "SignedDelivery", url: str) -> str:
    """Write a command that can be pasted into a shell; a body that no shell keeps as it is goes as base64."""
    headers = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in signed.headers.items())
    command = f"curl -sS -X POST {headers}"
    body = signed.body.decode("utf-8", "replace")
    if (
        body.encode() == signed.body
        and len(signed.body) <= _INLINE
        and body.isprintable()
        and body[:1] != "@"
    ):
        return f"{command} --data-binary {shlex.quote(body)} {url}"
    encoded = base64.b64encode(signed.body).decode()
    return f"printf %s {encoded} | base64 -d | {command} --data-binary @- {url}"
