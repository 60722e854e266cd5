from ipaddress import ip_network
from pathlib import Path

import pytest
from configfiles import KEY, OTHER_USER, REPOS, SECRET, load, target, warnings, write_config, write_secret

from webhookd import config
from webhookd.errors import ConfigError
from webhookd.models.settings import (
    Config,
    Forge,
    History,
    Hook,
    Listen,
    Overlap,
    RefKind,
    Repository,
    Secret,
    Target,
)

MINIMAL = """
    secret: {file: secret}
    repos:
      octocat/blog:
        main: cd /srv/blog && git pull --ff-only && make site
    """

WHOLE = """
    listen: [127.0.0.1:9000, "[::1]:9000", "unix:/run/webhookd/webhookd.sock"]
    state_dir: /srv/state
    workers: 8
    max_body: 1MiB
    trusted_proxies: [127.0.0.1, 10.0.0.0/8]
    drain_timeout: 2m
    history: {keep: 30d, runs_per_target: 10, log_limit: 1MiB, bodies: 7d}
    defaults: {timeout: 10m, env: {A: a, B: b}, paths: [x]}
    hooks:
      github: {secret: {file: secret}}
      codeberg:
        forge: forgejo
        path: /from-codeberg
        secret: [{env: NEW}, {env: OLD}]
        allow_from: 192.0.2.0/24
        authorization: {env: AUTHORIZATION}
      lab: {forge: gitlab, token: {env: TOKEN}}
    repos:
      octocat/shop:
        hook: codeberg
        secret: {env: SHOP}
        branches:
          main:
            - name: site
              run: [make, site]
              cwd: /srv/shop
              env: {B: c, C: on}
              user: root
              group: root
              umask: 022
              nice: -5
              grace: 1m
              overlap: queue
              settle: 10s
              lock: docker
              retries: 3
              retry_delay: 1m
              paths: [site/**, Makefile]
              paths_ignore: "**/*.md"
              on_delete: [make, clean]
              skip_message: "[ci skip]"
            - {name: docs, run: make docs, paths: []}
        tags:
          "v*": ./release.sh
      Group/**:
        hook: lab
        branches: {main: x}
      octocat/blog:
        hook: github
        branches: {dev: y}
    """

VARIABLES = {
    "NEW": "n" * 32,
    "OLD": "o" * 32,
    "AUTHORIZATION": "Bearer " + "a" * 32,
    "TOKEN": "t" * 32,
    "SHOP": "s" * 32,
}


def secret(name: str) -> Secret:
    return Secret(label=f"env {name}", key=VARIABLES[name].encode())


def test_three_lines_are_a_whole_configuration(tmp_path: Path) -> None:
    loaded = load(tmp_path, MINIMAL)
    hook = Hook(
        name="github",
        path="/github-webhook",
        forge=Forge.GITHUB,
        secrets=(Secret(label="file secret", key=KEY.encode()),),
    )
    rule = Target(
        name="octocat/blog@main",
        hook="github",
        repo="octocat/blog",
        ref_kind=RefKind.BRANCH,
        pattern="main",
        run="cd /srv/blog && git pull --ff-only && make site",
    )
    assert loaded == Config(
        file=tmp_path / "webhookd.yaml",
        state_dir=Path("/var/lib/webhookd"),
        hooks=(hook,),
        repositories=(Repository(pattern="octocat/blog", hook="github", targets=(rule,)),),
    )


def test_every_key_reaches_its_value(tmp_path: Path) -> None:
    loaded = load(tmp_path, WHOLE, env=VARIABLES)
    assert loaded.listen == (
        Listen(host="127.0.0.1", port=9000),
        Listen(host="::1", port=9000),
        Listen(unix=Path("/run/webhookd/webhookd.sock")),
    )
    assert (loaded.state_dir, loaded.workers, loaded.max_body) == (Path("/srv/state"), 8, 1024**2)
    assert loaded.trusted_proxies == (ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"))
    assert loaded.drain_timeout == 120
    assert loaded.history == History(keep=30 * 86400, runs_per_target=10, log_limit=1024**2, bodies=7 * 86400)
    assert loaded.hooks[1:] == (
        Hook(
            name="codeberg",
            path="/from-codeberg",
            forge=Forge.FORGEJO,
            secrets=(secret("NEW"), secret("OLD")),
            authorization=(secret("AUTHORIZATION"),),
            allow_from=(ip_network("192.0.2.0/24"),),
        ),
        Hook(name="lab", path="/lab-webhook", forge=Forge.GITLAB, tokens=(secret("TOKEN"),)),
    )
    assert [(r.pattern, r.hook, r.secrets) for r in loaded.repositories] == [
        ("octocat/shop", "codeberg", (secret("SHOP"),)),
        ("Group/**", "lab", ()),
        ("octocat/blog", "github", ()),
    ]


def test_every_key_of_a_target_reaches_its_value(tmp_path: Path) -> None:
    site, docs, release = load(tmp_path, WHOLE, env=VARIABLES).repositories[0].targets
    assert site == Target(
        name="octocat/shop@main:site",
        hook="codeberg",
        repo="octocat/shop",
        ref_kind=RefKind.BRANCH,
        pattern="main",
        run=("make", "site"),
        on_delete=("make", "clean"),
        cwd=Path("/srv/shop"),
        env=(("A", "a"), ("B", "c"), ("C", "on")),
        user="root",
        group="root",
        umask=0o022,
        nice=-5,
        timeout=600.0,
        grace=60.0,
        overlap=Overlap.QUEUE,
        settle=10.0,
        lock="docker",
        retries=3,
        retry_delay=60.0,
        paths=("site/**", "Makefile"),
        paths_ignore=("**/*.md",),
        skip_message=("[ci skip]",),
    )
    assert (docs.name, docs.env, docs.paths) == ("octocat/shop@main:docs", (("A", "a"), ("B", "b")), ())
    assert (release.name, release.ref_kind, release.pattern, release.run, release.timeout) == (
        "octocat/shop@refs/tags/v*",
        RefKind.TAG,
        "v*",
        "./release.sh",
        600.0,
    )


def test_the_order_of_the_file_is_kept(tmp_path: Path) -> None:
    text = SECRET + "repos: {z/z: {b: x, '*': y, a: z}, a/*: {main: x}, a/a: {main: x}}"
    names = [t.name for r in load(tmp_path, text).repositories for t in r.targets]
    assert names == ["z/z@b", "z/z@*", "z/z@a", "a/*@main", "a/a@main"]


@pytest.mark.parametrize(
    ("rule", "runs"),
    [
        ("make deploy", ["make deploy"]),
        ("true", ["true"]),
        ("{run: make deploy}", ["make deploy"]),
        ("{run: [make, deploy]}", [("make", "deploy")]),
        ("[make deploy]", ["make deploy"]),
        ("[make, {name: docs, run: make docs}]", ["make", "make docs"]),
    ],
)
def test_a_rule_is_a_command_a_target_or_a_list_of_both(
    tmp_path: Path, rule: str, runs: list[str | tuple[str, ...]]
) -> None:
    loaded = load(tmp_path, f"{SECRET}repos: {{a/b: {{main: {rule}}}}}")
    assert [t.run for t in loaded.repositories[0].targets] == runs


def test_a_branch_name_that_yaml_reads_as_another_type_stays_a_name(tmp_path: Path) -> None:
    text = SECRET + "repos: {a/b: {on: x, no: x, 1.10: x, 0x1f: x, null: x, 2026-11-24: x}}"
    patterns = [t.pattern for t in load(tmp_path, text).repositories[0].targets]
    assert patterns == ["on", "no", "1.10", "0x1f", "null", "2026-11-24"]


def test_a_repository_of_a_nested_group_or_a_user_keeps_its_full_name(tmp_path: Path) -> None:
    text = SECRET + "repos: {group/sub/project: {main: x}, ~user/repo: {main: x}}"
    assert [r.pattern for r in load(tmp_path, text).repositories] == ["group/sub/project", "~user/repo"]


@pytest.mark.parametrize("written", ["022", '"022"', "22", "0o22"])
def test_a_umask_is_octal_however_it_is_written(tmp_path: Path, written: str) -> None:
    assert target(tmp_path, f"umask: {written}").umask == 0o022


def test_values_of_variables_are_the_text_that_was_written(tmp_path: Path) -> None:
    env = target(tmp_path, "env: {A: on, B: 1.10, C: 022, D: '', E: 'x y', F: 12:30}").env
    assert env == (("A", "on"), ("B", "1.10"), ("C", "022"), ("D", ""), ("E", "x y"), ("F", "12:30"))


def test_a_target_can_take_its_command_from_the_defaults(tmp_path: Path) -> None:
    text = SECRET + "defaults: {run: ./deploy}\nrepos: {a/b: {main: {cwd: /srv/b}}}"
    assert load(tmp_path, text).repositories[0].targets[0].run == "./deploy"


def test_a_byte_order_mark_and_windows_line_ends_are_allowed(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf" + (SECRET + "repos:\n  a/b:\n    main: make\n").replace("\n", "\r\n").encode()
    assert load(tmp_path, text).repositories[0].targets[0].run == "make"


def test_a_likely_mistake_is_a_warning(tmp_path: Path) -> None:
    text = (
        SECRET
        + "trusted_proxies: [0.0.0.0/0]\nhooks: {gitea: {secret: {file: other}}}\n"
        + "repos: {a/b: {hook: gitea, branches: {x: y}}}"
    )
    write_secret(tmp_path, name="other", content=b"y" * 32)
    assert warnings(tmp_path, text) == [
        '1:1: secret: no repository uses the hook "github" (a repository names it: hook: github)',
        (
            "2:19: trusted_proxies[0]: trusts the whole internet (any client can then send any "
            "address: name the proxy's own)"
        ),
    ]


def test_a_relative_file_name_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_secret(tmp_path)
    write_config(tmp_path, SECRET + REPOS)
    monkeypatch.chdir(tmp_path)
    assert config.load(Path("webhookd.yaml"), env={}, uid=0).file == tmp_path / "webhookd.yaml"


def test_without_secrets_neither_secrets_nor_root_are_needed(tmp_path: Path) -> None:
    text = """\
        secret: {credential: x}
        repos: {a/b: {secret: {file: nowhere}, branches: {main: {run: x, user: nobody-of-that-name}}}}
        """
    peeked = config.load(
        write_config(tmp_path, text), env={}, uid=OTHER_USER, access=config.SecretAccess.NONE
    )
    assert [t.user for t in peeked.repositories[0].targets] == ["nobody-of-that-name"]
    assert [s.label for s in (*peeked.hooks[0].secrets, *peeked.repositories[0].secrets)] == [
        "credential x",
        "file nowhere",
    ]


def test_a_secret_that_was_not_read_opens_nothing(tmp_path: Path) -> None:
    write_secret(tmp_path)
    file = write_config(tmp_path, SECRET + REPOS)
    loaded = (config.load(file, env={}, uid=0, access=config.SecretAccess.NONE) for _ in range(2))
    first, second = (one.hooks[0].secrets[0].key for one in loaded)
    assert len(first) == 32
    assert KEY.encode() not in first
    assert first != second


def test_without_secrets_other_mistakes_are_still_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sercet: unknown key"):
        config.load(write_config(tmp_path, "sercet: x"), env={}, uid=0, access=config.SecretAccess.NONE)
