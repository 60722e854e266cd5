"""The delivery that `webhookd sign` makes: from a given payload, or made up from the options."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from webhookd.cli.secret_options import Candidates, SecretOptions, read_input
from webhookd.errors import BadPayload, UsageError
from webhookd.intake import payloads, signing
from webhookd.intake.forges import Adapter, forge
from webhookd.intake.matching import repository_for
from webhookd.intake.receive import delivery_id
from webhookd.intake.samples import Change, SampleSpec, made_up_id, made_up_uuid
from webhookd.models.delivery import Request
from webhookd.models.settings import Hook, RefKind, Repository


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


def read_given(name: str) -> Given:
    """Read the payload file called *name*."""
    data = read_input(name, "the payload")
    recorded = signing.read_recorded(data)
    if recorded is None:
        return Given(document=data)
    request = recorded.request()
    media_type = payloads.content_type(request.headers)
    return Given(document=payloads.json_text(request.body, media_type), recorded=request)


def one_hook(allowed: Candidates, given: Given | None, options: SignOptions) -> Hook:
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


def signed(
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
