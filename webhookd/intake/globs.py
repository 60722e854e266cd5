"""Patterns: `*` does not cross "/", `**` does, `?` is one character other than "/" (pure).

Whatever the pattern, matching takes at most quadratic time: the text after a star is searched for once, from
the left, in an atomic group that is never reconsidered. The first place found is as good as any later one,
because it leaves more text for the rest of the pattern.
"""

import re
from functools import lru_cache

# "**/" at the start of a folder's name means any number of folders, also none.
_TOKEN = re.compile(r"(?:^|(?<=/))\*\*+/|\*\*+|\*|\?|[^*?]+")


def is_pattern(text: str) -> bool:
    """Return whether *text* has a wildcard."""
    return "*" in text or "?" in text


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole of *text* matches *pattern*."""
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    blocks = [""]  # the text between two double stars
    jumps = [""]  # the double star before each block; none before the first
    for token in _TOKEN.findall(pattern):
        if token.startswith("**"):
            jumps.append(token)
            blocks.append("")
        else:
            blocks[-1] += token
    last = len(blocks) - 1
    parts = [
        _jump(jump, _block(block, last=i == last), last=i == last)
        for i, (jump, block) in enumerate(zip(jumps, blocks, strict=True))
    ]
    return re.compile("".join(parts), re.DOTALL)


def _jump(jump: str, block: str, *, last: bool) -> str:
    if not jump:
        return block
    folders = jump.endswith("/")
    if last:
        return ("(?:.*/)?" if folders else ".*") + block
    return f"(?>(?:.*?/)??{block})" if folders else f"(?>.*?{block})"


def _block(block: str, *, last: bool) -> str:
    first, *pieces = (_piece(piece) for piece in block.split("*"))
    if not pieces:
        return first
    end = f"[^/]*{pieces.pop()}" if last else ""
    return first + "".join(f"(?>[^/]*?{piece})" for piece in pieces) + end


def _piece(piece: str) -> str:
    return "".join("[^/]" if char == "?" else re.escape(char) for char in piece)
