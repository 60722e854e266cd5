from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config import names
from webhookd.errors import BadValue


def hint_of(check: Callable[[str], str], text: str) -> str:
    with pytest.raises(BadValue) as refused:
        check(text)
    return refused.value.hint


def said(check: Callable[[str], str], text: str) -> str:
    try:
        return check(text)
    except BadValue as refused:
        return str(refused)


@pytest.mark.parametrize(
    "text",
    [
        "octocat/blog",
        "group/sub/project",
        "~user/repo",
        "PROJ/slug",
        "octocat/*",
        "octocat/blog-?",
        "*/docs",
        "**",
        "a/b.c_d",
    ],
)
def test_a_repository_has_the_name_that_the_forge_shows(text: str) -> None:
    assert names.check_repository(text) == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("blog", "write owner/blog, or ** for every repository"),
        ("*", "write owner/*, or ** for every repository"),
        ("octocat/blog.git", "write octocat/blog"),
        ("https://github.com/octocat/blog.git", "write octocat/blog"),
        ("https://gitlab.example/group/sub/project/", "write group/sub/project"),
        ("git@github.com:octocat/blog.git", "write octocat/blog"),
        ("octocat//blog", "owner/name as the forge shows it; wildcards are *, ** and ?"),
        ("/octocat/blog", "write octocat/blog"),
        ("octocat/../blog", "owner/name as the forge shows it; wildcards are *, ** and ?"),
        ("octo cat/blog", "owner/name as the forge shows it; wildcards are *, ** and ?"),
        ("", "owner/name as the forge shows it; wildcards are *, ** and ?"),
    ],
)
def test_an_invalid_repository_is_refused_with_a_valid_name(text: str, hint: str) -> None:
    assert hint_of(names.check_repository, text) == hint


@pytest.mark.parametrize(
    "text",
    [
        "main",
        "a/b",
        "preview/*",
        "**",
        "v?",
        "x;touch pwned".replace(" ", ""),
        "$(id)`id`",
        "-x",
        "feature/ü",
        "on",
    ],
)
def test_a_branch_may_have_any_name_that_git_allows(text: str) -> None:
    assert names.check_ref(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a..b",
        "a~1",
        "a^",
        "a:b",
        "/a",
        "a/",
        "a//b",
        ".a",
        "a/.b",
        "a.",
        "a.lock",
        "@",
        "a@{1}",
        "a[b",
        "a\\b",
        "a\tb",
    ],
)
def test_a_name_that_git_refuses_is_no_branch_and_no_tag(text: str) -> None:
    assert hint_of(names.check_ref, text) == "wildcards are *, ** and ?"


def test_a_full_ref_is_refused_with_its_short_name() -> None:
    assert hint_of(names.check_ref, "refs/heads/main") == "write main"
    assert hint_of(names.check_ref, "refs/tags/v*") == 'write v* below "tags"'
    assert hint_of(names.check_ref, "refs/pull/1/head") == "rules are for branches and tags only"


@pytest.mark.parametrize("text", ["site", "a", "0", "x.y_z-1", "x" * 64])
def test_a_word_is_safe_in_a_path_and_on_a_command_line(text: str) -> None:
    assert names.check_word(text) == text


@pytest.mark.parametrize("text", ["", "-x", ".x", "a/b", "a b", "x" * 65, "ü", "a\n"])
def test_a_word_that_is_unsafe_there_is_refused(text: str) -> None:
    assert hint_of(names.check_word, text).startswith("letters, digits")


@pytest.mark.parametrize("text", ["PATH", "_x", "A1"])
def test_a_variable_has_a_name_that_every_shell_accepts(text: str) -> None:
    assert names.check_variable(text) == text


@pytest.mark.parametrize("text", ["", "1A", "A-B", "A=B", "A B"])
def test_a_name_that_a_shell_refuses_is_no_variable(text: str) -> None:
    assert hint_of(names.check_variable, text) == 'letters, digits and "_"'


def test_webhookds_own_variables_are_reserved() -> None:
    assert hint_of(names.check_variable, "WEBHOOKD_REF") == "WEBHOOKD_ variables describe the push"


@pytest.mark.parametrize("text", ["/", "/github-webhook", "/a/b", "/a/", "/~x/y.z"])
def test_a_hook_has_a_plain_path(text: str) -> None:
    assert names.check_url_path(text) == text


@pytest.mark.parametrize("text", ["github-webhook", "/a//b", "/a?b", "/a%20b", "/a/../b", "/ü"])
def test_an_ambiguous_path_is_refused(text: str) -> None:
    hint = 'begin it with "/"; letters, digits, ".", "_", "~" and "-" between single slashes'
    assert hint_of(names.check_url_path, text) == hint


def test_webhookds_own_path_is_refused() -> None:
    assert hint_of(names.check_url_path, "/healthz") == "choose another path"


@pytest.mark.parametrize("text", ["site/**", "*.md", "[slug].js", "a b"])
def test_a_file_pattern_begins_at_the_repositorys_top(text: str) -> None:
    assert names.check_file_pattern(text) == text


@pytest.mark.parametrize(("text", "top"), [("/site", "site"), ("./site", "site"), ("../x", "x"), ("", "**")])
def test_a_file_pattern_that_begins_elsewhere_is_refused(text: str, top: str) -> None:
    assert hint_of(names.check_file_pattern, text) == f'relative to the repository\'s top, write "{top}"'


def test_nothing_is_expanded_in_a_path() -> None:
    assert names.check_absolute("/srv/$HOME") == "/srv/$HOME"
    for text in ("~/blog", "srv"):
        assert hint_of(names.check_absolute, text) == 'begin it with "/"; "~" is not expanded'


def test_a_text_cannot_hold_a_nul_character() -> None:
    assert names.check_text("a\nb") == "a\nb"
    assert hint_of(names.check_text, "a\0b") == "the system cannot pass one to a command"


@pytest.mark.parametrize(
    "check",
    [names.check_word, names.check_repository, names.check_ref, names.check_url_path],
)
@given(text=st.text())
def test_any_text_is_a_valid_name_or_refused_in_one_line(check: Callable[[str], str], text: str) -> None:
    assert said(check, text) == text or said(check, text).isprintable()
