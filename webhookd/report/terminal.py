r"""What a command printed, made safe for a terminal. Pure.

A deploy prints commit messages and branch names that strangers wrote. Colours stay; sequences that move the
cursor, rename the window, fill the clipboard or answer the terminal's questions become visible text (``^[``).
"""

import codecs
import re

# Kept: SGR (colour) and "erase line", which progress bars use, and tab, newline, carriage return.
_SEQUENCE = re.compile(r"(\x1b\[[0-9;:]{0,32}m|\x1b\[[0-2]?K)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BEGUN = re.compile(r"\x1b(\[[0-9;:]{0,32})?\Z")  # a sequence of which the rest has not been read yet


class TerminalFilter:
    """Takes output in pieces, as it is read, and gives text; holds back a character or colour cut in two."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """Give what can be shown so far; with *final*, everything."""
        text = self._held + self._decoder.decode(data, final)
        begun = None if final else _BEGUN.search(text)
        end = begun.start() if begun else len(text)
        self._held = text[end:]
        return _SEQUENCE.sub(_visible, text[:end])


def _visible(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    code = ord(found[0])
    return f"^{chr(code ^ 0x40)}" if code < 0x80 else f"\\x{code:02x}"  # noqa: PLR2004 - the end of ASCII
