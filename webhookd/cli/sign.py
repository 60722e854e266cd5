"""`webhookd sign`: make a signed delivery as a forge would, and send it if asked to."""

import base64
import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from webhookd.cli.keys import Chosen, choose, key_options, read_payload
from webhookd.errors import UsageError
from webhookd.models import Hook, RefKind, Repository

if TYPE_CHECKING:
    from webhookd.intake.adapter import Adapter
    from webhookd.intake.samples import Change, Wish
    from webhookd.intake.signature import Keyring
    from webhookd.intake.signing import Signed

_INLINE = 60_000  # bytes of a body that a shell takes as one argument


@click.command()
@click.argument("payload", required=False)
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
    """Make a signed delivery, from the file PAYLOAD ("-": standard input) or made up.

    Prints its headers, and a made-up body below a blank line; or a curl command; or JSON. With --send, posts
    it, and exits with 0 if the answer is a 2xx. What `--format json` printed can be PAYLOAD again.
    """
    chosen = _chosen(ctx, options)
    hook = _one_hook(chosen, options["repo"])
    signed = _signed(hook, chosen.repositories, options)
    if options["send"]:
        from webhookd.cli.sending import send  # noqa: PLC0415 - start-up counts

        ctx.exit(0 if send(signed, options["send"]) else 1)
    _print(signed, options, f"http://{chosen.address}{hook.path}")


def _chosen(ctx: click.Context, options: dict[str, Any]) -> Chosen:
    keys = ("hook", "forge", "secret_file", "secret_env")
    return choose(ctx, **{key: options[key] for key in keys})


def _one_hook(chosen: Chosen, repo: str) -> Hook:
    """Take the only hook, or the only one that knows the repository."""
    from webhookd.intake.matching import repository_for  # noqa: PLC0415

    hooks = chosen.hooks
    if len(hooks) > 1:
        repositories = chosen.repositories
        hooks = tuple(h for h in hooks if repository_for(repositories, hook=h.name, repo=repo) is not None)
    if len(hooks) != 1:
        names = ", ".join(f'"{hook.name}"' for hook in chosen.hooks)
        raise UsageError(f'it is not clear which hook "{repo}" uses', hint=f"--hook with one of {names}")
    return hooks[0]


def _signed(hook: Hook, repositories: tuple[Repository, ...], options: dict[str, Any]) -> "Signed":
    from webhookd.intake import signing  # noqa: PLC0415
    from webhookd.intake.forges import forge  # noqa: PLC0415

    adapter = forge(hook.forge)
    draft = _draft(options, adapter) if options["payload"] is None else _given(options, adapter)
    return signing.sign(
        draft.document,
        adapter=adapter,
        keyring=_keyring(hook, repositories, options["repo"]),
        event=draft.event,
        delivery=draft.delivery,
        now=datetime.now(UTC),
        form=draft.form,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A delivery that is not signed yet."""

    document: bytes
    event: str
    delivery: str
    form: bool


def _draft(options: dict[str, Any], adapter: "Adapter") -> _Draft:
    delivery = options["delivery"] or _new_id()
    sample = adapter.sample(_wish(options, delivery))
    document = adapter.encode(sample.payload)
    return _Draft(document=document, event=sample.event, delivery=delivery, form=options["form"])


def _given(options: dict[str, Any], adapter: "Adapter") -> _Draft:
    """Take PAYLOAD: a body as it is, or what `--format json` printed, with its event and delivery id."""
    from webhookd.intake import documents, signing  # noqa: PLC0415
    from webhookd.intake.receive import delivery_id  # noqa: PLC0415

    data = read_payload(options["payload"])
    delivery, form = options["delivery"], options["form"]
    before = signing.recorded(data)
    if before is None:
        event = signing.event_of(data, adapter, wished=options["event"] or "push")
        return _Draft(document=data, event=event, delivery=delivery or _new_id(), form=form)
    request = before.request()
    document = documents.json_text(request)
    event = options["event"] or request.headers.get(adapter.event_header.lower()) or "push"
    return _Draft(
        document=document,
        event=signing.event_of(document, adapter, wished=event),
        delivery=delivery or delivery_id(request, adapter) or _new_id(),
        form=form or documents.content_type(request.headers) == documents.FORM,
    )


def _wish(options: dict[str, Any], delivery: str) -> "Wish":
    from webhookd.intake.samples import Wish  # noqa: PLC0415

    moment = {} if options["delivery"] else {"at": datetime.now(UTC).replace(microsecond=0)}
    return Wish(
        delivery=delivery,
        event=options["event"] or "push",
        repo=options["repo"],
        changes=tuple(_changes(options, delivery)),
        forced=options["forced"],
        message=options["message"],
        pusher=options["pusher"],
        files=options["files"] or ("README.md",),
        truncated=options["truncated"],
        **moment,
    )


def _changes(options: dict[str, Any], delivery: str) -> Iterator["Change"]:
    from webhookd.intake.samples import Change, object_id  # noqa: PLC0415

    if options["empty"]:
        return
    deleted = options["deleted"] or options["event"] == "delete"
    if deleted and options["created"]:
        raise UsageError("--created and --deleted exclude each other")
    branches = options["branch"] or (() if options["tag"] else ("main",))
    named = [
        *((RefKind.BRANCH, name) for name in branches),
        *((RefKind.TAG, name) for name in options["tag"]),
    ]
    for kind, name in named:
        fresh = options["created"] or (kind is RefKind.TAG and not options["before"] and not deleted)
        before = options["before"] or object_id(delivery, f"before {kind} {name}")
        after = options["after"] or object_id(delivery, f"after {kind} {name}")
        yield Change(kind=kind, name=name, before=None if fresh else before, after=None if deleted else after)


def _keyring(hook: Hook, repositories: tuple[Repository, ...], repo: str) -> "Keyring":
    """Give the keys that open *repo*: its own where it has some."""
    from webhookd.intake.forges import forge  # noqa: PLC0415
    from webhookd.intake.matching import repository_for  # noqa: PLC0415
    from webhookd.intake.signature import hook_keyring, repository_keyring  # noqa: PLC0415

    repository = repository_for(repositories, hook=hook.name, repo=repo)
    if repository is None or not repository.secrets:
        return hook_keyring(hook)
    return repository_keyring(repository, hook, forge(hook.forge).scheme)


def _new_id() -> str:
    from webhookd.intake.samples import made_up_uuid  # noqa: PLC0415

    return made_up_uuid(os.urandom(16).hex())


def _print(signed: "Signed", options: dict[str, Any], url: str) -> None:
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


def _curl(signed: "Signed", url: str) -> str:
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
