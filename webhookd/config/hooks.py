"""The `hooks` of a file: their forges, paths and keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from webhookd.config import schema
from webhookd.config.document import KeyPath
from webhookd.config.findings import Findings
from webhookd.config.secret_sources import Expected, Secrets
from webhookd.config.wording import nearest, quoted
from webhookd.models import Forge, Hook

Value = TypeVar("Value")

# Forges whose webhooks can be given an Authorization header beside the signature.
_SEND_AUTHORIZATION = frozenset({Forge.GITEA, Forge.FORGEJO, Forge.GITLAB, Forge.BITBUCKET_DC})


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSpec:
    """A hook as it stands in the file; its secret may stand at the top of it."""

    name: str
    given: schema.Hook
    secret: schema.Sources | None
    secret_at: KeyPath


def hook_specs(settings: schema.Settings, findings: Findings) -> tuple[HookSpec, ...]:
    """Give the hooks of a file, among them the one that a top-level secret stands for."""
    hooks = dict(settings.hooks or {})
    if settings.secret is not None:
        github = hooks.setdefault("github", schema.Hook())
        if github.secret is not None:
            message = 'is there twice: as "hooks.github.secret" too'
            findings.error(("secret",), message, "keep one of them", at_key=True)
    if not hooks and not findings.spoiled(("secret",), ("hooks",)):
        hint = "there is no unsigned mode: add secret: {file: /etc/webhookd/secret}"
        findings.error((), "neither a secret nor hooks", hint)
    return tuple(_spec(name, hook, settings.secret) for name, hook in hooks.items())


def _spec(name: str, hook: schema.Hook, top: schema.Sources | None) -> HookSpec:
    if name == "github" and hook.secret is None and top is not None:
        return HookSpec(name=name, given=hook, secret=top, secret_at=("secret",))
    return HookSpec(name=name, given=hook, secret=hook.secret, secret_at=("hooks", name, "secret"))


def build_hooks(specs: Sequence[HookSpec], findings: Findings, secrets: Secrets) -> tuple[Hook, ...]:
    """Give the hooks that have all they need; what others lack is noted in *findings*."""
    forges = ((spec, _forge(spec, findings)) for spec in specs)
    hooks = [_hook(spec, forge, findings, secrets) for spec, forge in forges if forge is not None]
    _check_paths(hooks, findings)
    return tuple(hooks)


def _forge(spec: HookSpec, findings: Findings) -> Forge | None:
    here: KeyPath = ("hooks", spec.name)
    if spec.given.forge is not None:
        return spec.given.forge
    if spec.name in Forge.__members__.values():
        return Forge(spec.name)
    if not findings.spoiled((*here, "forge")):
        hint = nearest(spec.name, Forge) or f"one of {', '.join(Forge)}"
        findings.error(here, 'needs "forge": its name is no forge\'s', hint, at_key=True)
    return None


def _hook(spec: HookSpec, forge: Forge, findings: Findings, secrets: Secrets) -> Hook:
    here: KeyPath = ("hooks", spec.name)
    _check_keys(spec, forge, findings)
    signing = Expected.SIGNING if forge is Forge.GITLAB else Expected.ANYTHING
    return Hook(
        name=spec.name,
        path=spec.given.path or f"/{spec.name}-webhook",
        forge=forge,
        secrets=secrets.read(spec.secret_at, spec.secret, expected=signing),
        tokens=secrets.read((*here, "token"), spec.given.token),
        authorization=secrets.read((*here, "authorization"), spec.given.authorization),
        allow_from=many(spec.given.allow_from),
    )


def _check_keys(spec: HookSpec, forge: Forge, findings: Findings) -> None:
    """Check that the hook has the kinds of keys by which its forge can prove itself, and no others."""
    here: KeyPath = ("hooks", spec.name)
    knows_token = forge is Forge.GITLAB
    if spec.given.token is not None and not knows_token:
        hint = 'it signs: write "secret"'
        findings.error((*here, "token"), f"{forge} sends no token", hint, at_key=True)
    if spec.given.authorization is not None and forge not in _SEND_AUTHORIZATION:
        hint = "remove it: the signature is what counts"
        findings.error((*here, "authorization"), f"{forge} sends no such header", hint, at_key=True)
    has_key = spec.secret is not None or (knows_token and spec.given.token is not None)
    if not has_key and not findings.spoiled((*here, "secret"), (*here, "token"), spec.secret_at):
        what = 'needs "secret" or "token"' if knows_token else 'needs "secret"'
        findings.error(here, what, "there is no unsigned mode", at_key=True)


def _check_paths(hooks: list[Hook], findings: Findings) -> None:
    """Check that no two hooks answer at one path."""
    first: dict[str, str] = {}
    for hook in hooks:
        other = first.setdefault(hook.path, hook.name)
        if other != hook.name:
            at: KeyPath = ("hooks", hook.name, "path")
            findings.error(
                at, f"{quoted(hook.path)} is the path of hook {quoted(other)}", "give each its own"
            )


def many(value: Value | list[Value] | None) -> tuple[Value, ...]:
    """Give a single value, a list or nothing as a tuple."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)
