"""A WSGI application that is made when the first request needs it."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class LateApplication:
    """Stands for what *make* gives: Flask takes 8 MB and 100 ms that a daemon may never need."""

    def __init__(self, make: Callable[[], Application]) -> None:
        self._make = make
        self._made: Application | None = None
        self._guard = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        with self._guard:
            made = self._made = self._made or self._make()
        return made(environ, start_response)
