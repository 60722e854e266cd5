"""The keys of a configuration file as pydantic models, private to `config/` (pure).

They check each value by itself; `hooks` and `repositories` check how values fit together.
The descriptions are those that `webhookd schema` prints and an editor shows.
"""

from typing import Annotated, Any, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from webhookd.config import values as v
from webhookd.config.wording import quoted, shape
from webhookd.errors import BadValue
from webhookd.models.settings import Forge, LogTo, Overlap


class _Strict(BaseModel):
    """A mapping without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    def stated(self) -> dict[str, Any]:
        """Return the keys that are in the file."""
        return {key: getattr(self, key) for key in self.model_fields_set}


def _key(description: str, *, default: Any = None, examples: list[Any] | None = None) -> Any:
    """Describe an optional key; *default* is what a reader is shown, as a file would have it."""
    extra = {} if default is None else {"default": default}
    return Field(default=None, description=description, examples=examples, json_schema_extra=extra or None)


class SecretSource(_Strict):
    """Where a secret is kept: exactly one of these keys."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    file: v.SecretPath | None = _key(
        "A file that holds the secret and nothing else; one trailing newline is not part of it. "
        "A relative path begins at the configuration's folder.",
        examples=["/etc/webhookd/secret"],
    )
    env: v.PlainName | None = _key(
        "A variable in webhookd's own environment; no command gets to see it.", examples=["WEBHOOK_SECRET"]
    )
    credential: v.PlainName | None = _key(
        "A credential of the systemd unit (LoadCredential=), read from $CREDENTIALS_DIRECTORY.",
        examples=["webhookd-secret"],
    )

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if len(self.model_fields_set) != 1:
            what = "names several places" if self.model_fields_set else "names no place"
            raise BadValue(f"{what} for the secret", hint="exactly one of file, env, credential")
        return self


SecretSources: TypeAlias = v.OneOrMore[
    Annotated[
        Annotated[str, Tag("a string")] | Annotated[SecretSource, Tag("a mapping")], Discriminator(shape)
    ]
]


class TargetKeys(_Strict):
    """A command and how it is run."""

    run: v.ScriptOrArguments | None = _key(
        "The command. A text is a script for /bin/sh -e -c; a list is a program and its arguments, "
        "without a shell. Needed, here or in `defaults`. "
        "Nothing from a push is ever put into it: WEBHOOKD_ variables describe the push.",
        examples=["cd /srv/blog && git pull --ff-only && make site", ["/usr/bin/make", "site"]],
    )
    name: v.Word | None = _key(
        "Tells apart several targets for one branch or tag: octocat/shop@main:site. Default: none.",
        examples=["site"],
    )
    cwd: v.AbsolutePath | None = _key(
        "Folder in which the command starts. Absolute; nothing is expanded. "
        "Default: the home of its user, or / where there is none.",
        examples=["/srv/blog"],
    )
    env: dict[v.Variable, v.Text] | None = _key(
        "Further variables for the command. It gets nothing of webhookd's own environment. "
        "Merged, variable by variable, over those in `defaults`. Default: none.",
        examples=[{"SITE_ENV": "production"}],
    )
    user: v.PlainName | None = _key(
        "Run the command as this user, with HOME, USER and LOGNAME set. Only where webhookd runs as root. "
        "Default: webhookd's own.",
        examples=["deploy"],
    )
    group: v.PlainName | None = _key(
        "Run the command with this group. Default: the group of `user`. Only where webhookd runs as root.",
        examples=["www-data"],
    )
    umask: v.Umask | None = _key(
        "Permissions that files the command makes do not get, in octal. Default: webhookd's own.",
        examples=["022"],
    )
    nice: Annotated[int, Field(ge=-20, le=19), v.WHOLE] | None = _key(
        "Scheduling priority, from -20 to 19; below 0 only where webhookd runs as root. "
        "Default: webhookd's own.",
        examples=[10],
    )
    log: LogTo | None = _key(
        "Where the output goes. file: to the log of the run, which `webhookd logs` prints. "
        "journal: there, and line by line to the system's journal.",
        default="file",
        examples=["journal"],
    )
    timeout: v.PositiveDuration | None = _key(
        "How long the command may take, with all its children; then it is ended and the run is timed out.",
        default="30m",
    )
    grace: v.Duration | None = _key("Time between TERM and KILL when the command is ended.", default="10s")
    overlap: Overlap | None = _key(
        "What a push does while an earlier one of its lane runs. latest: it waits and replaces the push "
        "that waits already. queue: every push runs, in order. restart: it cancels the one that runs.",
        default="latest",
    )
    settle: v.Duration | None = _key(
        "Start only after no further push has arrived for this long.", default=0, examples=["10s"]
    )
    lock: v.Word | None = _key(
        "Targets with the same lock never run at the same time. Default: each ref of each target by itself.",
        examples=["docker"],
    )
    retries: Annotated[int, Field(ge=0, le=100), v.WHOLE] | None = _key(
        "How often a failed run is tried again, unless a newer push waits.", default=0, examples=[3]
    )
    retry_delay: v.PositiveDuration | None = _key(
        "Time before the first retry; doubled for each further one, up to a day.", default="10s"
    )
    paths: v.ZeroOrMore[v.FilePattern] | None = _key(
        "Run only if a changed file matches one of these, or if the forge did not list all changed files. "
        "* does not cross a slash, ** does. Default, and with an empty list: any change.",
        examples=[["site/**", "Makefile"]],
    )
    paths_ignore: v.ZeroOrMore[v.FilePattern] | None = _key(
        "Do not run if every changed file matches one of these. Default: no such files.",
        examples=[["docs/**", "**/*.md"]],
    )
    on_delete: v.ScriptOrArguments | None = _key(
        "The command to run when the branch or tag is deleted. Default: nothing runs then.",
        examples=["./preview down"],
    )
    skip_message: v.ZeroOrMore[v.Marker] | None = _key(
        "Do not run if the message of the pushed commit holds one of these. An empty list: always run.",
        default=["[skip deploy]"],
    )


class HookKeys(_Strict):
    """One endpoint: where a forge sends to, and how it proves that it is the forge."""

    forge: Forge | None = _key(
        "The software that sends. Default: the name of the hook, if it is a forge's.", examples=["forgejo"]
    )
    path: v.UrlPath | None = _key(
        "The URL's path, compared exactly. Default: /NAME-webhook.", examples=["/github-webhook"]
    )
    secret: SecretSources | None = _key(
        "The key with which the forge signs; of several, any opens. For gitlab it is the signing secret "
        "(whsec_…).",
    )
    token: SecretSources | None = _key(
        "The secret token of a GitLab webhook, which it sends as it is; of several, any opens. "
        "Where `secret` is given too, both must be right. Default: none.",
    )
    authorization: SecretSources | None = _key(
        "The whole value of an Authorization header that the forge must send as well. Default: none.",
    )
    allow_from: v.ZeroOrMore[v.SenderNetwork] | None = _key(
        "Addresses and networks that may send. Default: all.", examples=[["192.0.2.0/24", "2001:db8::7"]]
    )


Targets: TypeAlias = v.OneOrMore[
    Annotated[
        Annotated[v.Script, Tag("a string")] | Annotated[TargetKeys, Tag("a mapping")], Discriminator(shape)
    ]
]


class LongForm(_Strict):
    """A repository with more than branches."""

    hook: v.Word | None = _key(
        "The hook that this repository's pushes come in by. Default: the only one.",
        examples=["github"],
    )
    secret: SecretSources | None = _key(
        "A secret of this repository's own: then no other opens it. Default: that of the hook."
    )
    branches: dict[v.RefName, Targets] | None = _key(
        "A command, a target or a list of targets for each branch or pattern. Default: none.",
        examples=[{"main": "make deploy"}],
    )
    tags: dict[v.RefName, Targets] | None = _key(
        "A command, a target or a list of targets for each tag or pattern. Default: none.",
        examples=[{"v*": "./release.sh"}],
    )


LONG_FORM_KEYS = tuple(LongForm.model_fields)
RESERVED = (*LONG_FORM_KEYS, *TargetKeys.model_fields)  # no branch names in the short form


def _not_reserved(name: str) -> str:
    """Refuse a branch with the name of a key of a repository or a target."""
    if name in RESERVED:
        hint = f'options stand below a branch: main: {{{name}: …}}; a branch of that name, below "branches"'
        raise BadValue(f"{quoted(name)} is a target's key where a branch is expected", hint=hint)
    return name


def _form(value: object) -> str:
    """Return which of the two forms a repository has: the long one has at least one key of its own."""
    if not isinstance(value, dict):
        return shape(value)
    return "the long form" if value.keys() & set(LONG_FORM_KEYS) else "the short form"


Rules: TypeAlias = Annotated[
    Annotated[
        dict[Annotated[v.RefName, AfterValidator(_not_reserved)], Targets],
        Field(json_schema_extra={"propertyNames": {"not": {"enum": list(RESERVED)}}}),
        Tag("the short form"),
    ]
    | Annotated[LongForm, Tag("the long form")],
    Discriminator(_form),
]


class HistoryKeys(_Strict):
    """How long, and how much of, runs, logs and payloads is kept."""

    keep: v.PositiveDuration | None = _key("How long a run and its log are kept.", default="90d")
    runs_per_target: Annotated[int, Field(ge=1), v.WHOLE] | None = _key(
        "How many ended runs of one target are kept.", default=1000
    )
    log_limit: Annotated[v.Size, v.size_between("1KiB", "1024GiB")] | None = _key(
        "How much of a command's output is kept: its beginning and its end.", default="10MiB"
    )
    bodies: v.PositiveDuration | None = _key("How long the payloads are kept.", default="30d")


class Settings(_Strict):
    """The configuration of webhookd."""

    model_config = ConfigDict(json_schema_extra={"required": ["repos"]})

    secret: SecretSources | None = _key("Short for `hooks.github.secret`.")
    listen: v.ListenAddresses | None = _key(
        "Where to listen: host:port, [v6]:port, unix:/path, or a list. Sockets from systemd win over it.",
        default="127.0.0.1:9000",
        examples=["[::1]:9000", ["127.0.0.1:9000", "unix:/run/webhookd/webhookd.sock"]],
    )
    state_dir: v.AbsolutePath | None = _key(
        "Where the store, logs and locks are. Default: $STATE_DIRECTORY, else /var/lib/webhookd for root, "
        "else $XDG_STATE_HOME/webhookd.",
        examples=["/var/lib/webhookd"],
    )
    workers: Annotated[int, Field(ge=1, le=256), v.WHOLE] | None = _key(
        "How many commands run at the same time, over all lanes.", default=4
    )
    max_body: Annotated[v.Size, v.size_between("1KiB", "256MiB")] | None = _key(
        "The largest request; 25MiB is GitHub's own limit.", default="25MiB"
    )
    trusted_proxies: v.ZeroOrMore[v.SenderNetwork] | None = _key(
        "Addresses and networks of proxies whose X-Forwarded-For is believed; a proxy on a unix socket "
        "counts as 127.0.0.1. Default: none.",
        examples=[["127.0.0.1"]],
    )
    drain_timeout: v.Duration | None = _key("How long a stop waits for commands that run.", default="10m")
    history: HistoryKeys | None = _key(
        "How long, and how much of, runs, logs and payloads are kept. Default: as its keys say."
    )
    defaults: TargetKeys | None = _key("Keys for every target that does not say otherwise. Default: none.")
    hooks: dict[v.Word, HookKeys] | None = _key(
        "The endpoints, by name. Default: `github`, with the `secret` at the top."
    )
    repos: dict[v.RepositoryName, Rules] | None = _key(
        "What runs, by repository. Short form: every key is a branch. Long form: has `branches` or `tags`.",
        examples=[{"octocat/blog": {"main": "make deploy"}}],
    )


_ID = "urn:webhookd:configuration"  # a name; nothing is fetched from it


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a configuration file, with which an editor completes and checks one."""
    schema = Settings.model_json_schema(schema_generator=v.FileSchema)
    for definition in schema["$defs"].values():
        if "enum" in definition:
            del definition["description"]  # the docstring of a Python class
    return {"$schema": v.FileSchema.schema_dialect, "$id": _ID, **schema, "title": "webhookd.yaml"}
