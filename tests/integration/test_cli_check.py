import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from configfiles import KEY, write_config, write_secret

from webhookd import config
from webhookd.cli import main

TWO_HOOKS = """
    hooks:
      github: {secret: {file: secret}}
      gitea: {secret: {file: gitea}}
    repos:
      octocat/blog:
        hook: github
        branches: {main: make deploy, "preview/*": {run: ./preview up, on_delete: ./preview down}}
        tags: {"v*": ./release}
      octocat/shop:
        hook: github
        branches: {main: [{name: site, run: make site}, {name: docs, run: make docs}]}
      octocat/blog2:
        hook: gitea
        branches: {main: make}
    """


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_secret(tmp_path)
    write_secret(tmp_path, name="gitea", content=b"y" * 32)
    return write_config(tmp_path, TWO_HOOKS)


def check(*args: object) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, args)])


def test_a_good_file_is_counted_in_one_line(file: Path) -> None:
    result = check("--config", file)
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        f"{file}: ok, 2 hooks, 3 repositories, 6 targets\n",
        "",
    )


def test_one_of_each_is_counted_in_the_singular(tmp_path: Path) -> None:
    write_secret(tmp_path)
    file = write_config(tmp_path, "secret: {file: secret}\nrepos: {a/b: {main: x}}")
    assert check("--config", file).stdout == f"{file}: ok, 1 hook, 1 repository, 1 target\n"


def test_the_file_can_be_named_before_the_command_or_by_a_variable(file: Path) -> None:
    for args, env in (
        (["--config", str(file), "check"], {}),
        (["check"], {"WEBHOOKD_CONFIG": str(file)}),
    ):
        assert CliRunner(env=env).invoke(main, args).stdout.startswith(f"{file}: ok")


def test_every_problem_is_printed_on_stderr_and_the_exit_code_is_78(tmp_path: Path) -> None:
    file = write_config(
        tmp_path, f"secret: {{file: {tmp_path}/nowhere}}\nrepos: {{a/b: {{main: {{rnu: x}}}}}}\nworkers: 0"
    )
    result = check("--config", file)
    assert (result.exit_code, result.stdout) == (78, "")
    assert [line.partition(" (")[0] for line in result.stderr.splitlines()] == [
        f'{file}:1:9: secret: "{tmp_path}/nowhere" does not exist',
        f"{file}:2:15: repos.a/b.main: has no command",
        f"{file}:2:22: repos.a/b.main.rnu: unknown key",
        f"{file}:3:10: workers: must be at least 1",
    ]


def test_for_a_missing_file_the_hint_is_init(tmp_path: Path) -> None:
    result = check("--config", tmp_path / "x.yaml")
    assert (result.exit_code, result.stdout) == (78, "")
    assert "webhookd init" in result.stderr


def test_warnings_go_to_stderr_and_the_exit_code_is_0(file: Path) -> None:
    for name in ("secret", "gitea"):
        (file.parent / name).chmod(0o644)
    result = check("--config", file)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{file}: ok")
    assert result.stderr.splitlines() == [
        f'warning: {file}:{line}: hooks.{hook}.secret: "{file.parent}/{name}" can be read by every user '
        f"of this machine (chmod 600 {file.parent}/{name})"
        for line, hook, name in (("3:20", "github", "secret"), ("4:19", "gitea", "gitea"))
    ]


def test_a_good_file_is_summarised_as_json(file: Path) -> None:
    for name in ("secret", "gitea"):
        (file.parent / name).chmod(0o644)
    result = check("--config", file, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    warnings = told.pop("warnings")
    assert told == {
        "ok": True,
        "file": str(file),
        "hooks": 2,
        "repositories": 3,
        "targets": 6,
        "problems": [],
    }
    assert [(w["line"], w["column"], w["key"]) for w in warnings] == [
        (3, 20, "hooks.github.secret"),
        (4, 19, "hooks.gitea.secret"),
    ]


def test_problems_are_printed_as_json(tmp_path: Path) -> None:
    file = write_config(tmp_path, "secret: {env: NOT_SET_ANYWHERE}\nrepos: {a/b: {main: x}}\nsercet: y")
    result = check("--config", file, "--json")
    assert (result.exit_code, result.stderr) == (78, "")
    told = json.loads(result.stdout)
    assert told["ok"] is False
    assert told["problems"][1] == {
        "file": str(file),
        "line": 3,
        "column": 1,
        "key": "sercet",
        "message": "unknown key",
        "hint": 'did you mean "secret"?',
    }


def test_explain_shows_rule_by_rule_what_would_run(file: Path) -> None:
    result = check("--config", file, "--explain", "Octocat/Blog", "main")
    assert (result.exit_code, result.stderr) == (0, "")
    *rules, summary = result.stdout.splitlines()
    assert [(line.split()[0], line.split()[1]) for line in rules] == [
        ("runs", "octocat/blog@main"),
        ("-", "octocat/blog@preview/*"),
        ("-", "octocat/blog@refs/tags/v*"),
        ("-", "octocat/shop@main:site"),
        ("-", "octocat/shop@main:docs"),
        ("-", "octocat/blog2@main"),
    ]
    assert summary == "Octocat/Blog refs/heads/main: 1 target runs"
    assert rules[0].endswith('branch "main" is named exactly')


@pytest.mark.parametrize(
    ("ref", "targets"),
    [
        ("main", ["octocat/blog@main"]),
        ("refs/heads/main", ["octocat/blog@main"]),
        ("heads/main", ["octocat/blog@main"]),
        ("preview/x", ["octocat/blog@preview/*"]),
        ("tags/v1", ["octocat/blog@refs/tags/v*"]),
        ("refs/tags/v1", ["octocat/blog@refs/tags/v*"]),
        ("refs/heads/tags/v1", []),
        ("v1", []),
        ("refs/pull/1/head", []),
    ],
)
def test_a_ref_can_be_short(file: Path, ref: str, targets: list[str]) -> None:
    result = check("--config", file, "--json", "--explain", "octocat/blog", ref)
    told = json.loads(result.stdout)
    assert told["targets"] == targets
    assert [rule["target"] for rule in told["rules"] if rule["matched"]] == targets
    assert result.exit_code == (0 if targets else 1)


def test_if_nothing_would_run_the_exit_code_is_1(file: Path) -> None:
    result = check("--config", file, "--explain", "octocat/nowhere", "main")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (
        1,
        "octocat/nowhere refs/heads/main: nothing runs",
    )


def test_explain_can_be_limited_to_one_hook(file: Path) -> None:
    result = check("--config", file, "--json", "--explain", "octocat/blog2", "main", "--hook", "gitea")
    assert json.loads(result.stdout)["rules"] == [
        {
            "target": "octocat/blog2@main",
            "hook": "gitea",
            "matched": True,
            "reason": 'branch "main" is named exactly',
            "paths": [],
            "paths_ignore": [],
        }
    ]


def test_a_rule_with_path_filters_is_shown_with_its_patterns(tmp_path: Path) -> None:
    write_secret(tmp_path)
    file = write_config(
        tmp_path,
        """
        secret: {file: secret}
        repos:
          octocat/shop:
            branches:
              main:
                - {name: site, run: x, paths: [site/**, Makefile], paths_ignore: "**/*.md"}
                - {name: docs, run: x, paths_ignore: [src/**]}
                - {name: all, run: x}
              dev: {run: x, paths: src/**}
        """,
    )
    asked = ("--config", file, "--explain", "octocat/shop", "main")
    *rules, other, summary = check(*asked).stdout.splitlines()
    exactly = 'branch "main" is named exactly'
    assert [rule.partition(exactly)[2] for rule in rules] == [
        ', only if a changed file matches "site/**" or "Makefile" and does not match "**/*.md"',
        ', only if a changed file does not match "src/**"',
        "",
    ]
    assert other.endswith('branch "main" is not "dev"')
    assert summary == "octocat/shop refs/heads/main: 3 targets run, depending on the changed files"
    rule = json.loads(check(*asked, "--json").stdout)["rules"][0]
    assert (rule["paths"], rule["paths_ignore"]) == (["site/**", "Makefile"], ["**/*.md"])


def test_an_unknown_hook_is_a_usage_error(file: Path) -> None:
    result = check("--config", file, "--explain", "a/b", "main", "--hook", "gitlab")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == 'error: there is no hook "gitlab"\nhint: the configuration has github, gitea\n'


def test_a_hook_without_explain_is_a_usage_error(file: Path) -> None:
    result = check("--config", file, "--hook", "github")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--hook needs --explain" in result.stderr


def test_without_secrets_no_secret_is_read(tmp_path: Path) -> None:
    file = write_config(tmp_path, "secret: {credential: x}\nrepos: {a/b: {main: {run: x, user: no-such}}}")
    assert check("--config", file).exit_code == 78
    assert check("--config", file, "--without-secrets").stdout.startswith(f"{file}: ok")


def test_no_output_holds_a_secret(file: Path) -> None:
    for args in ((), ("--json",), ("--explain", "octocat/blog", "main")):
        result = check("--config", file, *args)
        assert KEY not in result.output


def test_the_schema_is_one_json_document() -> None:
    result = CliRunner().invoke(main, ["schema"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == config.json_schema()
