"""What `check` says about names and patterns that do not mean what they seem to."""

from pathlib import Path

import pytest
from configfiles import SECRET, problems, warnings
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config.names import hidden
from webhookd.intake import globs

LITERAL = "is taken literally: there are no regular expressions and no braces"
EACH = "(give each name a line of its own; wildcards are *, ** and ?)"


def told(folder: Path, repos: str) -> list[str]:
    return [line.partition(" ")[2] for line in warnings(folder, f"{SECRET}repos: {repos}")]


@pytest.mark.parametrize(
    "name", ["(main|dev)", "main|dev", "{main,dev}", "main,dev", "release-.*", "v.+", "main$", "v{1}"]
)
def test_a_regular_expression_as_a_branch_is_a_warning(tmp_path: Path, name: str) -> None:
    assert told(tmp_path, f'{{a/b: {{"{name}": x}}}}') == [f'repos.a/b.{name}: "{name}" {LITERAL} {EACH}']


@pytest.mark.parametrize(
    "name", ["main", "release/*", "release-*.x", "feature+x", "#1", "v?.*-rc", "**", "a=b"]
)
def test_a_usual_branch_has_no_warning(tmp_path: Path, name: str) -> None:
    expected = [] if name != "v?.*-rc" else [f'repos.a/b.{name}: "{name}" {LITERAL} {EACH}']
    assert told(tmp_path, f'{{a/b: {{"{name}": x}}}}') == expected


def test_tags_and_repositories_are_looked_at_too(tmp_path: Path) -> None:
    text = '{"a/(b|c)": {tags: {"v[1]": x}}}'
    assert len(problems(tmp_path, f"{SECRET}repos: {text}")) == 1
    assert told(tmp_path, '{"a/(b|c)": {tags: {"v1|v2": x}}}') == [
        f'repos.a/(b|c): "a/(b|c)" {LITERAL} {EACH}',
        f'repos.a/(b|c).tags.v1|v2: "v1|v2" {LITERAL} {EACH}',
    ]


def test_the_name_of_a_remotes_branch_is_a_warning(tmp_path: Path) -> None:
    for name in ("origin/main", "remotes/origin/main", "heads/main"):
        assert told(tmp_path, f"{{a/b: {{{name}: x}}}}") == [
            f'repos.a/b.{name}: "{name}" is not the branch "main" (for that branch, write main)'
        ]


@pytest.mark.parametrize("name", ["refs/heads/main", "refs/remotes/origin/main", "refs/pull/1/head"])
@pytest.mark.parametrize("key", ["branches", "tags"])
def test_a_full_ref_is_refused(tmp_path: Path, name: str, key: str) -> None:
    (problem,) = problems(tmp_path, f"{SECRET}repos: {{a/b: {{{key}: {{{name}: x}}}}}}")
    assert f'"{name}" is ' in problem


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("site/", '"site/" matches no file (write "site/**")'),
        (
            "!docs/**",
            '"!docs/**" excludes nothing (files that do not count stand under "paths_ignore", without "!")',
        ),
    ],
)
@pytest.mark.parametrize("key", ["paths", "paths_ignore"])
def test_a_pattern_as_gitignore_has_it_is_refused(
    tmp_path: Path, key: str, pattern: str, problem: str
) -> None:
    (found,) = problems(tmp_path, f"{SECRET}repos: {{a/b: {{main: {{run: x, {key}: ['{pattern}']}}}}}}")
    assert found.partition(f"{key}[0]: ")[2] == problem


def test_braces_in_a_pattern_for_files_are_a_warning(tmp_path: Path) -> None:
    assert told(tmp_path, '{a/b: {main: {run: x, paths: ["**/*.{js,css}", "app/(a)/[id],{x}.*"]}}}') == [
        f'repos.a/b.main.paths[0]: "**/*.{{js,css}}" {LITERAL} (write a list of patterns)'
    ]
    assert warnings(tmp_path, f"{SECRET}defaults: {{paths_ignore: a|b}}\nrepos: {{a/b: {{main: x}}}}") == [
        f'2:26: defaults.paths_ignore: "a|b" {LITERAL} (write a list of patterns)'
    ]


@pytest.mark.parametrize(
    ("rules", "later", "earlier"),
    [
        ('{a/b: {"*": x, "dev-*": y}}', "repos.a/b.dev-*", "*"),
        ('{a/b: {"**": x, main: y, "release/**": z}}', "repos.a/b.release/**", "**"),
        ('{a/b: {branches: {"v?*": [{name: a, run: x}], "v1*": y}}}', "repos.a/b.branches.v1*", "v?*"),
        ('{a/b: {tags: {"v*": x, "v1.?": y}, branches: {"v1.?": z}}}', "repos.a/b.tags.v1.?", "v*"),
        ('{"**": {main: x}, "a/*": {main: x}, a/b: {main: x}}', "repos.a/*", "**"),
        ('{"A/*": {main: x}, "a/b*": {main: x}}', "repos.a/b*", "A/*"),
    ],
)
def test_a_rule_that_an_earlier_pattern_hides_is_a_warning(
    tmp_path: Path, rules: str, later: str, earlier: str
) -> None:
    assert told(tmp_path, rules) == [
        f'{later}: is never used: "{earlier}" above it matches the same (move it up)'
    ]


@pytest.mark.parametrize(
    "rules",
    [
        '{a/b: {"dev-*": x, "*": y, "**": z}}',
        '{a/b: {"v?": x, "v*": y}}',
        '{a/b: {"a/*": x, "a/**": y, "**/a": z}}',
        '{a/b: {"*": x, main: y}}',
        '{a/b: {branches: {"*": x}, tags: {"v*": x}}}',
        '{a/b: {"*/x": x, "**/x": y}}',
    ],
)
def test_a_rule_that_can_be_used_has_no_warning(tmp_path: Path, rules: str) -> None:
    assert told(tmp_path, rules) == []


def test_a_pattern_of_another_hook_hides_nothing(tmp_path: Path) -> None:
    hooks = "hooks: {github: {secret: {file: secret}}, gitea: {secret: {file: secret}}}"
    repos = '{"**": {hook: github, branches: {m: x}}, "a/*": {hook: gitea, branches: {m: x}}}'
    assert [line for line in warnings(tmp_path, f"{hooks}\nrepos: {repos}") if "never used" in line] == []


SHORT = st.text("ab/*?", min_size=1, max_size=6)


@given(
    st.lists(SHORT, min_size=2, max_size=4, unique=True), st.lists(st.text("ab/", max_size=6), max_size=30)
)
def test_what_a_hidden_rule_matches_an_earlier_one_matches(patterns: list[str], names: list[str]) -> None:
    for later, earlier in hidden(patterns):
        assert patterns.index(earlier) < patterns.index(later)
        assert [n for n in names if globs.matches(later, n) and not globs.matches(earlier, n)] == []


UNSEEN = "(type a normal space, or remove it)"


def test_a_no_break_space_is_a_warning(tmp_path: Path) -> None:
    assert told(tmp_path, '{a/b: {main: "git\u00a0pull", "dev\u200b": x}}') == [
        f"repos.a/b.main: holds a no-break space (U+00A0) {UNSEEN}",
        f"repos.a/b.dev\\u200b: holds a zero width space (U+200B) {UNSEEN}",
    ]


def test_a_no_break_space_is_named_where_it_breaks_the_file(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, f"{SECRET}repos:\u00a0\n  a/b: {{main: x}}\n")
    assert problem.endswith("(the file holds a no-break space (U+00A0))")
    assert problems(tmp_path, "\u00a0workers: 1\n" + SECRET + "repos: {a/b: {main: x}}\n") == [
        '1:1: \\xa0workers: unknown key (did you mean "workers"?)'
    ]


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("$NAME", "a variable is not expanded here (write {env: NAME}, without $)"),
        ("${NAME}", "a variable is not expanded here (write {env: NAME}, without $)"),
        ("{folder}/secret", "this is the path of a file (write {file: PATH})"),
    ],
)
def test_a_place_written_as_the_secret_itself_is_refused(tmp_path: Path, secret: str, problem: str) -> None:
    written = secret.replace("{folder}", str(tmp_path))
    assert problems(tmp_path, f"secret: '{written}'\nrepos: {{a/b: {{main: x}}}}") == [
        f"1:9: secret: {problem}"
    ]
