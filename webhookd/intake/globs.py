"""Patterns: `*` does not cross "/", `**` does, `?` is one character other than "/" (pure).

Matching takes time that grows with the length of the text, whatever the pattern. Between two `**` a pattern
is searched for from the left; the first place is as good as any later one, because it leaves more text for
the rest. A place that fails is not tried again: as `*` ends at "/", all that begins before that fails too.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

# "**/" at the start of a folder's name means any number of folders, also none.
_TOKEN = re.compile(r"(?:^|(?<=/))\*\*+/|\*\*+|\*|\?|[^*?]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """A part of a pattern without double stars, and the double star before it."""

    whole: re.Pattern[str]
    first: re.Pattern[str]  # up to its first star
    length: int  # characters of `first`
    slashes: int
    after_folders: bool  # it comes after "**/" and so begins a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class _Glob:
    start: re.Pattern[str]  # before the first double star
    middle: tuple[_Block, ...]
    end: _Block | None  # after the last double star; None when there is none


def is_pattern(text: str) -> bool:
    """Return whether *text* has a wildcard."""
    return "*" in text or "?" in text


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole of *text* matches *pattern*."""
    glob = _compiled(pattern)
    if glob.end is None:
        return glob.start.fullmatch(text) is not None
    begin = glob.start.match(text)
    at = None if begin is None else begin.end()
    for block in glob.middle:
        if at is not None:
            at = _end_of(block, text, at)
    return at is not None and _is_end(glob.end, text, at)


def _end_of(block: _Block, text: str, at: int) -> int | None:
    """Return where *block* ends at its first place from *at* on; None when it is nowhere."""
    while block.after_folders:  # every folder is tried once
        if whole := block.whole.match(text, at):
            return whole.end()
        at = text.find("/", at) + 1
        if at == 0:
            return None
    while found := block.first.search(text, at):
        if whole := block.whole.match(text, found.start()):
            return whole.end()
        slash = text.find("/", found.end())
        if slash < 0:
            break
        # What begins in the same folder fails as well: go on with what reaches into the next one.
        at = max(found.start(), slash - block.length) + 1
    return None


def _is_end(block: _Block, text: str, at: int) -> bool:
    """Return whether *text* from *at* on ends in *block*, which has as many folders as it has slashes."""
    start = len(text)
    for _ in range(block.slashes + 1):
        start = text.rfind("/", at, start)
        if start < 0:
            break
    return block.whole.fullmatch(text, max(at, start + 1)) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> _Glob:
    blocks, stars = [""], [""]  # the text between double stars, and the double star before each
    for token in _TOKEN.findall(pattern):
        if token.startswith("**"):
            stars.append(token)
            blocks.append("")
        else:
            blocks[-1] += token
    last = len(blocks) - 1
    start = re.compile(_regex(blocks[0], whole=last == 0))
    if last == 0:
        return _Glob(start=start, middle=(), end=None)
    middle = tuple(_block(blocks[n], stars[n]) for n in range(1, last))
    # "**" at the end of a path is a "*" in the one folder that it does not skip.
    end = blocks[last] if stars[last].endswith("/") else f"*{blocks[last]}"
    return _Glob(start=start, middle=middle, end=_block(end, stars[last], whole=True))


def _block(block: str, star: str, *, whole: bool = False) -> _Block:
    first = block.partition("*")[0]
    return _Block(
        whole=re.compile(_regex(block, whole=whole)),
        first=re.compile(_regex(first)),
        length=len(first),
        slashes=block.count("/"),
        after_folders=star.endswith("/"),
    )


def _regex(block: str, *, whole: bool = False) -> str:
    """Translate *block*; the text after a star is searched for once, unless it has to be at the end."""
    first, *pieces = ("".join("[^/]" if c == "?" else re.escape(c) for c in p) for p in block.split("*"))
    end = f"[^/]*{pieces.pop()}" if pieces and whole else ""
    return first + "".join(f"(?>[^/]*?{piece})" for piece in pieces) + end
