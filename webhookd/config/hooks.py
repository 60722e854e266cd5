"""The `hooks` of a file: their forges, paths and keys."""

from collections.abc import Iterable, Mapping

from webhookd.config.document import Document, KeyPath
from webhookd.config.schema import HookKeys, Settings
from webhookd.config.secret_sources import Expected, SecretReader
from webhookd.config.wording import nearest, quoted
from webhookd.models.settings import Forge, Hook

# Forges whose webhooks can send an Authorization header beside the signature.
_SEND_AUTHORIZATION = frozenset({Forge.GITEA, Forge.FORGEJO, Forge.GITLAB, Forge.BITBUCKET_DC})


def given_hooks(settings: Settings, document: Document) -> dict[str, HookKeys]:
    """Return the hooks of a file by name, with `github` for a secret at the top."""
    hooks = dict(settings.hooks or {})
    if settings.secret is not None:
        github = hooks.get("github", HookKeys())
        if github.secret is not None:
            message = 'appears twice: "hooks.github.secret" has it too'
            document.error(("secret",), message, "keep one of them", at_key=True)
        hooks["github"] = github.model_copy(update={"secret": github.secret or settings.secret})
    if not hooks and not document.has_error(("secret",), ("hooks",)):
        hint = "there is no unsigned mode: add secret: {file: /etc/webhookd/secret}"
        document.error((), "neither a secret nor hooks", hint)
    return hooks


def build_hooks(
    given: Mapping[str, HookKeys], settings: Settings, document: Document, secrets: SecretReader
) -> tuple[Hook, ...]:
    """Return the hooks that have a forge; what is wrong with them is recorded in *document*."""
    hooks = []
    for name, keys in given.items():
        here: KeyPath = ("hooks", name)
        forge = keys.forge or (Forge(name) if name in Forge.__members__.values() else None)
        if forge is not None:
            secret_at = ("secret",) if keys.secret is settings.secret else (*here, "secret")
            _check_keys(here, keys, forge, document)
            signing = Expected.SIGNING if forge is Forge.GITLAB else Expected.ANYTHING
            hooks.append(
                Hook(
                    name=name,
                    path=keys.path or f"/{name}-webhook",
                    forge=forge,
                    secrets=secrets.read(secret_at, keys.secret, expected=signing),
                    tokens=secrets.read((*here, "token"), keys.token),
                    authorization=secrets.read((*here, "authorization"), keys.authorization),
                    allow_from=keys.allow_from or (),
                )
            )
        elif not document.has_error((*here, "forge")):
            hint = nearest(name, Forge) or f"one of {', '.join(Forge)}"
            document.error(here, 'needs "forge": its name is no forge\'s', hint, at_key=True)
    _check_paths(hooks, document)
    return tuple(hooks)


def _check_keys(here: KeyPath, keys: HookKeys, forge: Forge, document: Document) -> None:
    """Check that the hook has the keys with which its forge can prove itself, and no others."""
    sends_token = forge is Forge.GITLAB
    if keys.token is not None and not sends_token:
        hint = 'it signs: write "secret"'
        document.error((*here, "token"), f"{forge} sends no token", hint, at_key=True)
    if keys.authorization is not None and forge not in _SEND_AUTHORIZATION:
        hint = "remove it: the signature is enough"
        document.error((*here, "authorization"), f"{forge} sends no such header", hint, at_key=True)
    has_key = keys.secret is not None or (sends_token and keys.token is not None)
    at_top = (("secret",),) if here == ("hooks", "github") else ()
    if not has_key and not document.has_error((*here, "secret"), (*here, "token"), *at_top):
        what = 'needs "secret" or "token"' if sends_token else 'needs "secret"'
        document.error(here, what, "there is no unsigned mode", at_key=True)


def _check_paths(hooks: Iterable[Hook], document: Document) -> None:
    """Check that no two hooks have the same path."""
    first: dict[str, str] = {}
    for hook in hooks:
        other = first.setdefault(hook.path, hook.name)
        if other != hook.name:
            message = f"{quoted(hook.path)} is the path of hook {quoted(other)}"
            document.error(("hooks", hook.name, "path"), message, "give each its own")
