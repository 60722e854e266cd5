from pathlib import Path

import pytest
from configfiles import KEY, REPOS, SECRET, load, problems, warnings, write_secret

from webhookd.models.settings import Forge

SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the reference libraries' example


def test_a_secret_at_the_top_and_other_keys_of_its_hook_are_one_hook(tmp_path: Path) -> None:
    loaded = load(tmp_path, SECRET + "hooks: {github: {path: /push}}\n" + REPOS)
    assert [(h.name, h.path, len(h.secrets)) for h in loaded.hooks] == [("github", "/push", 1)]


def test_a_hook_named_like_one_forge_can_be_of_another(tmp_path: Path) -> None:
    loaded = load(tmp_path, "hooks: {gitea: {forge: forgejo, secret: {file: secret}}}\n" + REPOS)
    assert loaded.hooks[0].forge is Forge.FORGEJO


@pytest.mark.parametrize(
    ("hooks", "problem"),
    [
        (
            "{x: {secret: {file: secret}}}",
            (
                'hooks.x: needs "forge": its name is no forge\'s (one of github, gitea, forgejo, '
                "gogs, gitlab, bitbucket, bitbucket-dc)"
            ),
        ),
        (
            "{gitlap: {secret: {file: secret}}}",
            'hooks.gitlap: needs "forge": its name is no forge\'s (did you mean "gitlab"?)',
        ),
        (
            "{github: {forge: githup, secret: {file: secret}}}",
            (
                'hooks.github.forge: "githup" is none of github, gitea, forgejo, gogs, gitlab, '
                'bitbucket, bitbucket-dc (did you mean "github"?)'
            ),
        ),
        ("{github: {}}", 'hooks.github: needs "secret" (there is no unsigned mode)'),
        ("{gitlab: {}}", 'hooks.gitlab: needs "secret" or "token" (there is no unsigned mode)'),
        (
            "{bitbucket-dc: {authorization: {file: secret}}}",
            'hooks.bitbucket-dc: needs "secret" (there is no unsigned mode)',
        ),
        (
            "{gitea: {secret: {file: secret}, token: {file: secret}}}",
            'hooks.gitea.token: gitea sends no token (it signs: write "secret")',
        ),
        (
            "{github: {secret: {file: secret}, authorization: {file: secret}}}",
            "hooks.github.authorization: github sends no such header (remove it: the signature is enough)",
        ),
        (
            "{github: {secret: {file: secret}, path: push}}",
            (
                'hooks.github.path: "push" is not a path for a hook '
                '(begin it with "/"; letters, digits, ".", "_", "~" and "-" between single slashes)'
            ),
        ),
        (
            "{github: {secret: {file: secret}, allow_from: [10.0.0.1/8]}}",
            'hooks.github.allow_from[0]: "10.0.0.1/8" has bits set after the prefix (write 10.0.0.0/8)',
        ),
        ("[github]", "hooks: must be a mapping, not a list"),
        ("{github: secret}", "hooks.github: must be a mapping, not a string"),
    ],
)
def test_a_mistake_in_a_hook_is_reported_with_its_place_and_a_hint(
    tmp_path: Path, hooks: str, problem: str
) -> None:
    (told,) = problems(tmp_path, f"hooks: {hooks}\n{REPOS}")
    assert told.partition(": ")[2] == problem


def test_two_hooks_cannot_have_one_path(tmp_path: Path) -> None:
    text = """\
        secret: {file: secret}
        hooks:
          gitea: {path: /github-webhook, secret: {file: secret}}
          gogs: {path: /x, secret: {file: secret}}
          forgejo: {path: /x, secret: {file: secret}}
        repos: {a/b: {hook: gitea, branches: {main: x}}}
        """
    assert problems(tmp_path, text) == [
        '2:1: hooks.github.path: "/github-webhook" is the path of hook "gitea" (give each its own)',
        '5:19: hooks.forgejo.path: "/x" is the path of hook "gogs" (give each its own)',
    ]


def test_a_secret_at_the_top_and_in_its_hook_is_refused(tmp_path: Path) -> None:
    text = SECRET + "hooks: {github: {secret: {file: secret}}}\n" + REPOS
    assert problems(tmp_path, text) == [
        '1:1: secret: appears twice: "hooks.github.secret" has it too (keep one of them)'
    ]


def test_a_repository_has_to_name_one_of_several_hooks(tmp_path: Path) -> None:
    text = SECRET + "hooks: {gitea: {secret: {file: secret}}}\n"
    assert problems(tmp_path, text + REPOS) == [
        (
            '3:9: repos.octocat/blog: needs "hook": there are several hooks '
            '(write hook: gitea, or another; branches then stand below "branches")'
        )
    ]
    assert problems(tmp_path, text + "repos: {a/b: {hook: bitbucket, tags: {v1: x}}}") == [
        '3:21: repos.a/b.hook: there is no hook "bitbucket" (there is gitea, github)'
    ]


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (SIGNING, ""),
        (
            "x" * 32,
            (
                "not a signing secret (GitLab's signing secret begins with whsec_; its secret token "
                'goes under "token")'
            ),
        ),
        ("whsec_", "not a signing secret: no base64 key after whsec_ (copy all of it again)"),
        (
            "whsec_%%%%" + "x" * 16,
            "not a signing secret: no base64 key after whsec_ (copy all of it again)",
        ),
        ("whsec_" + "A" * 32, "not a signing secret: no base64 key after whsec_ (copy all of it again)"),
        ("whsec_MfKQ9", "not a signing secret: no base64 key after whsec_ (copy all of it again)"),
    ],
)
def test_gitlabs_signing_secret_is_checked(tmp_path: Path, key: str, problem: str) -> None:
    text = f"hooks: {{lab: {{forge: gitlab, secret: {{env: KEY}}}}}}\n{REPOS}"
    if problem:
        assert problems(tmp_path, text, env={"KEY": key}) == [f"1:38: hooks.lab.secret: {problem}"]
    else:
        assert load(tmp_path, text, env={"KEY": key}).hooks[0].secrets[0].key == key.encode()


def test_a_repositorys_own_secret_at_gitlab_is_a_token_unless_it_says_otherwise(tmp_path: Path) -> None:
    text = """\
        hooks: {lab: {forge: gitlab, token: {file: secret}}}
        repos: {a/b: {secret: {env: KEY}, branches: {main: x}}}
        """
    for key in (KEY, SIGNING):
        assert load(tmp_path, text, env={"KEY": key}).repositories[0].secrets[0].key == key.encode()
    assert problems(tmp_path, text, env={"KEY": "whsec_%"}) == [
        ("2:23: repos.a/b.secret: not a signing secret: no base64 key after whsec_ (copy all of it again)")
    ]


def test_other_forges_may_use_a_secret_that_looks_like_gitlabs(tmp_path: Path) -> None:
    loaded = load(tmp_path, f"secret: {{env: KEY}}\n{REPOS}", env={"KEY": "whsec_%%%%" + "x" * 16})
    assert loaded.hooks[0].secrets[0].key.startswith(b"whsec_%")


def test_one_secret_for_two_hooks_is_a_warning(tmp_path: Path) -> None:
    write_secret(tmp_path, name="other", content=b"y" * 32)
    text = """\
        secret: {file: secret}
        hooks:
          gitea: {secret: [{file: other}, {file: secret}]}
          lab: {forge: gitlab, token: {file: other}}
          gogs: {secret: [{file: third}, {file: third}]}
        repos: {a/b: {hook: gitea, secret: {file: other}, branches: {main: x}}}
        """
    write_secret(tmp_path, name="third", content=b"z" * 32)
    hint = "give each its own: a delivery for one can be sent to the other"
    assert [warning for warning in warnings(tmp_path, text) if "this secret" in warning] == [
        f'1:9: secret: hook "gitea" has this secret too ({hint})',
        f'4:31: hooks.lab.token: hook "gitea" has this secret too ({hint})',
    ]
