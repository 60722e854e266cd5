"""What YAML's own errors mean to whoever wrote the file (pure).

PyYAML's words may repeat a piece of the file, which may be a piece of a secret: none of them get through.
"""

import re

import yaml

# Part of PyYAML's "context: problem" -> (message, hint); the first that is found counts.
_MEANINGS = (
    (r"found undefined alias", "an alias without its anchor", 'put a text that begins with "*" in quotes'),
    (r"scanning an alias", "an alias without a name", 'put a text that begins with "*" in quotes'),
    (r"scanning an anchor", "an anchor without a name", 'put a text that begins with "&" in quotes'),
    (r"duplicate anchor", "an anchor with the name of an earlier one", "give each its own"),
    (r"character '\\t'", "a tab where YAML wants spaces", "indent with spaces"),
    (
        r"cannot start any token|parsing a tag|scanning a directive|tag handle",
        "a character that no plain text can begin with",
        "put the text in quotes",
    ),
    (
        r"mapping values are not allowed",
        'a ":" where no key can be',
        'check the indentation, or put a text that holds ": " in quotes',
    ),
    (r"flow sequence", 'a list that begins with "[" has no end', 'close it with "]"'),
    (r"flow mapping", 'a mapping that begins with "{" has no end', 'close it with "}"'),
    (r"quoted scalar.*(unexpected end|document separator)", "a quote that is never closed", "close it"),
    (
        r"unknown escape|hexadecimal",
        "an unknown escape in double quotes",
        "use single quotes, or double the \\",
    ),
    (r"block scalar", 'a text behind "|" or ">"', "begin the text on the next line"),
    (r"node content", "no value where one has to be", 'put a text that begins with ":" in quotes'),
    (r"single document", "a second document", 'one file holds one: remove the line "---"'),
    (r"could not find expected ':'", 'a key without its ":"', 'write "key: value"'),
    (r"found '<scalar>'", "text behind the end of a quoted text", "put the whole text in quotes"),
    (
        r"block mapping start|block (mapping|collection)|document start",
        "an indentation that fits nothing",
        "",
    ),
)


def place_and_meaning(error: yaml.YAMLError) -> tuple[int, int, str, str]:
    """Give line and column (from 0), message and hint of an *error* of the YAML parser."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return 0, 0, "not valid YAML", ""
    mark = error.problem_mark
    return mark.line, mark.column, *_meaning(f"{error.context}: {error.problem}")


def _meaning(words: str) -> tuple[str, str]:
    for pattern, message, hint in _MEANINGS:
        if re.search(pattern, words):
            return f"not valid YAML: {message}", hint
    return "not valid YAML", ""
