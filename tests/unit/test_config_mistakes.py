from pathlib import Path

import pytest
from configfiles import REPOS, SECRET, problems, write_config

from webhookd import config
from webhookd.errors import ConfigError


def problem_of(folder: Path, keys: str) -> list[str]:
    """Return the errors of these *keys* of a target, without their places and paths."""
    found = problems(folder, f"{SECRET}repos: {{a/b: {{main: {{run: make, {keys}}}}}}}")
    return [line.partition("repos.a/b.main.")[2] for line in found]


def test_all_problems_are_listed_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
        secret: {file: nowhere}
        sercet: x
        workers: 0
        workers: 2
        defaults: {timeout: 10 minutes}
        repos:
          octocat/blog:
            main: {rnu: make}
            dev:
            refs/heads/x: y
          Octocat/Blog:
            hook: githbu
            branches: {main: x}
        """
    assert problems(tmp_path, text) == [
        (
            "1:9: secret: the file named here does not exist "
            "(write the path of one: (umask 077; openssl rand -hex 32 > FILE))"
        ),
        '2:1: sercet: unknown key (did you mean "secret"?)',
        "3:10: workers: must be at least 1",
        "4:1: workers: appears twice (first in line 3)",
        '5:21: defaults.timeout: "10 minutes" is not a duration (write 10m)',
        '8:12: repos.octocat/blog.main.rnu: unknown key (did you mean "run"?)',
        (
            "9:9: repos.octocat/blog.dev: has no value (write one, or remove the key; "
            'put the text "null" in quotes)'
        ),
        '10:5: repos.octocat/blog.refs/heads/x: "refs/heads/x" is a full ref, not a name (write x)',
        (
            '11:3: repos.Octocat/Blog: differs from "octocat/blog" only in case (put the rules of '
            "both below one key)"
        ),
        '12:11: repos.Octocat/Blog.hook: there is no hook "githbu" (did you mean "github"?)',
    ]


def test_an_error_names_the_file_as_it_was_named(tmp_path: Path) -> None:
    file = write_config(tmp_path, "secret: x\nrepos: {a/b: {}}")
    with pytest.raises(ConfigError) as refused:
        config.load(file, env={}, uid=0)
    assert str(refused.value).startswith(f"{file}:2:9: repos.a/b: names no branch and no tag")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            b"a: b\nc: \xffd",
            "2:4: not valid YAML: a control character, or a text that is not UTF-8 (save the file as UTF-8)",
        ),
        (b"#" * (1024**2 + 1), "the file is larger than 1MiB (is it the right one?)"),
        (
            "a: [b",
            '1:6: not valid YAML: a "[" or "{" that is never closed (close it, or put the text in quotes)',
        ),
    ],
)
def test_a_file_that_is_no_configuration_is_one_problem(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    assert problems(tmp_path, text) == [message]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("- a", "the file holds a list where keys are expected"),
        ("a", "the file holds a string where keys are expected"),
    ],
)
def test_a_file_without_keys_is_reported_with_the_command_that_replaces_it(
    tmp_path: Path, text: str, message: str
) -> None:
    command = f"webhookd init --force --config {tmp_path}/webhookd.yaml"
    assert problems(tmp_path, text) == [f"{message} (`{command}` puts it aside and writes another)"]


def test_a_missing_file_is_reported_with_the_command_that_writes_one(tmp_path: Path) -> None:
    file = tmp_path / "nowhere.yaml"
    with pytest.raises(ConfigError) as refused:
        config.load(file, env={}, uid=0)
    assert str(refused.value) == f"{file}: there is no such file (`webhookd init --config {file}` writes one)"


def test_a_folder_is_reported_with_the_file_probably_meant(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(tmp_path, env={}, uid=0)
    assert (
        str(refused.value) == f"{tmp_path}: this is a folder (name the file in it: {tmp_path}/webhookd.yaml)"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            REPOS,
            (
                "neither a secret nor hooks (there is no unsigned mode: add secret: {file: "
                "/etc/webhookd/secret})"
            ),
        ),
        (SECRET, "repos: names no repository (add repos: {OWNER/NAME: {main: COMMAND}})"),
        (SECRET + "repos: {}", "2:8: repos: names no repository (add repos: {OWNER/NAME: {main: COMMAND}})"),
        (SECRET + "repos: []", "2:8: repos: must be a mapping, not a list"),
        (
            SECRET + "repos: {a/b: {branches: {}}}",
            "2:9: repos.a/b: names no branch and no tag (add a branch: main: COMMAND)",
        ),
        (
            SECRET + "repos: {a/b: {hook: github}}",
            "2:9: repos.a/b: names no branch and no tag (add a branch: main: COMMAND)",
        ),
        (
            SECRET + "repos: {a/b: make}",
            "2:14: repos.a/b: must be a mapping of branches, not a string (write main: COMMAND below it)",
        ),
        (
            SECRET + "repos: {a/b: [make]}",
            "2:14: repos.a/b: must be a mapping of branches, not a list (write main: COMMAND below it)",
        ),
        (
            SECRET + "repos: {a/b: {main: {cwd: /srv}}}",
            "2:15: repos.a/b.main: has no command (add run: COMMAND)",
        ),
        (
            SECRET + "repos: {a/b: {main: []}}",
            "2:21: repos.a/b.main: is an empty list (write a value, or remove the key)",
        ),
        (
            SECRET + "repos: {a/b: {main: [[make]]}}",
            "2:22: repos.a/b.main[0]: must be a string or a mapping, not a list",
        ),
        (
            SECRET + "repos: {blog: {main: x}}",
            '2:9: repos.blog: "blog" has no owner (write owner/blog, or ** for every repository)',
        ),
        (
            SECRET + "repos: {a/b: {main: [make, site]}}",
            (
                '2:28: repos.a/b.main[1]: a second target called "a/b@main" '
                '(give each its own "name"; one command with its arguments is {run: [make, site]})'
            ),
        ),
        (
            SECRET + "repos: {a/b: {main: [{name: x, run: a}, {name: x, run: b}]}}",
            (
                '2:41: repos.a/b.main[1]: a second target called "a/b@main:x" '
                '(give each its own "name"; one command with its arguments is {run: [make, site]})'
            ),
        ),
        (
            SECRET + "repos: {a/b: {hook: github, main: make, branches: {x: y}}}",
            (
                '2:29: repos.a/b.main: unknown key (beside "branches", "tags", "hook" or "secret" no '
                "branch can stand: "
                'put it below "branches")'
            ),
        ),
        (
            SECRET + "repos: {a/b: {main: make, timeout: 5m}}",
            (
                '2:27: repos.a/b.timeout: "timeout" is a target\'s key where a branch is expected '
                '(options stand below a branch: main: {timeout: …}; a branch of that name, below "branches")'
            ),
        ),
        (SECRET + "repos: {a/b: {main: x}}\nport: 80", '3:1: port: unknown key (did you mean "listen"?)'),
        (
            SECRET + REPOS + "xyzzy: 1",
            (
                "3:1: xyzzy: unknown key (the keys are secret, listen, state_dir, workers, max_body, "
                "trusted_proxies, drain_timeout, history, defaults, hooks, repos)"
            ),
        ),
        (SECRET + REPOS + "history: 90d", "3:10: history: must be a mapping, not a string"),
        (SECRET + REPOS + "history: {kep: 90d}", '3:11: history.kep: unknown key (did you mean "keep"?)'),
        (
            SECRET + REPOS + "history: {log_limit: 10}",
            "3:22: history.log_limit: must be between 1KiB and 1024GiB",
        ),
        (SECRET + REPOS + "history: {keep: 0}", "3:17: history.keep: must be more than 0"),
        (SECRET + REPOS + "workers: 257", "3:10: workers: must be at most 256"),
        (SECRET + REPOS + "workers: '4'", '3:10: workers: must be a whole number, not the text "4"'),
        (SECRET + REPOS + "workers: [4]", "3:10: workers: must be a whole number, not a list"),
        (SECRET + REPOS + "workers: 4.5", '3:10: workers: "4.5" is not a whole number'),
        (SECRET + REPOS + "workers: 010", '3:10: workers: "010" is not a whole number'),
        (SECRET + REPOS + "max_body: 1GiB", "3:11: max_body: must be between 1KiB and 256MiB"),
        (SECRET + REPOS + "max_body: 10", "3:11: max_body: must be between 1KiB and 256MiB"),
        (SECRET + REPOS + "listen: []", "3:9: listen: is an empty list (write a value, or remove the key)"),
        (SECRET + REPOS + "listen: {a: b}", "3:9: listen: must be an address, not a mapping"),
        (
            SECRET + REPOS + "listen: [127.0.0.1:1, 127.0.0.1:1]",
            '3:9: listen: "127.0.0.1:1" appears twice (remove one)',
        ),
        (
            SECRET + REPOS + "state_dir: state",
            '3:12: state_dir: "state" is not an absolute path (begin it with "/"; "~" is not expanded)',
        ),
        (
            SECRET + REPOS + "drain_timeout: -1",
            '3:16: drain_timeout: "-1" is not a duration (write 90, 90s, 15m, 2h or 3d)',
        ),
    ],
)
def test_a_mistake_is_reported_with_its_place_and_a_hint(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, text) == [problem]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("timeout: 0", "timeout: must be more than 0"),
        ("timeout: [5m]", "timeout: must be a duration, not a list"),
        ("retry_delay: 0s", "retry_delay: must be more than 0"),
        ("retries: -1", "retries: must be at least 0"),
        ("retries: 101", "retries: must be at most 100"),
        ("nice: 20", "nice: must be at most 19"),
        ("umask: 1000", 'umask: "1000" is not a umask (three octal digits: 022)'),
        ("umask: 9", 'umask: "9" is not a umask (three octal digits: 022)'),
        ("overlap: lastest", 'overlap: "lastest" is none of latest, queue, restart (did you mean "latest"?)'),
        ("overlap: [latest]", "overlap: must be latest, queue or restart, not a list"),
        ("on_delete: ' '", 'on_delete: is an empty command (a command that does nothing is "true")'),
        ("on_delete: []", "on_delete: is a list without a program (write [program, argument, …])"),
        ("on_delete: {run: x}", "on_delete: must be a string or a list, not a mapping"),
        ("on_delete: [a, [b]]", "on_delete[1]: must be a string, not a list"),
        (
            "lock: a/b",
            (
                'lock: "a/b" is not a name (letters, digits, ".", "_" and "-", at most 64, the first '
                "a letter or digit)"
            ),
        ),
        ("cwd: ~/blog", 'cwd: "~/blog" is not an absolute path (begin it with "/"; "~" is not expanded)'),
        ("env: [A]", "env: must be a mapping, not a list"),
        ("env: {A: [b]}", "env.A: must be a string, not a list"),
        ("env: {A-B: c}", 'env.A-B: "A-B" is not a variable\'s name (letters, digits and "_")'),
        (
            "paths: [/site]",
            (
                'paths[0]: "/site" is not a path inside a repository (relative to the repository\'s '
                'top, write "site")'
            ),
        ),
        (
            "skip_message: ['']",
            "skip_message[0]: is empty, and every message would hold it (to skip nothing, write [])",
        ),
        ("command: x", 'command: unknown key (did you mean "run"?)'),
        (
            "user: nobody-of-that-name",
            'user: there is no user "nobody-of-that-name" (make it, or write another user\'s name)',
        ),
        (
            "group: nobody-of-that-name",
            'group: there is no group "nobody-of-that-name" (make it, or write another group\'s name)',
        ),
    ],
)
def test_a_mistake_in_a_target_is_reported_with_its_place_and_a_hint(
    tmp_path: Path, keys: str, problem: str
) -> None:
    assert problem_of(tmp_path, keys) == [problem]


def test_a_mistake_is_reported_once(tmp_path: Path) -> None:
    text = "hooks: {lab: {forge: gitlub, token: {fil: x}}}\nrepos: {a/b: {hook: lab, branches: {main: [~]}}}"
    assert [line.partition(" (")[0] for line in problems(tmp_path, text)] == [
        (
            '1:22: hooks.lab.forge: "gitlub" is none of github, gitea, forgejo, gogs, gitlab, '
            "bitbucket, bitbucket-dc"
        ),
        "1:38: hooks.lab.token.…: unknown key",
        "2:44: repos.a/b.branches.main[0]: has no value",
    ]
