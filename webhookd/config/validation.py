"""A document's data -> checked values, and a problem for each that is none (pure)."""

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from webhookd.config.complaints import complaint
from webhookd.config.document import Document, KeyPath
from webhookd.config.findings import Findings
from webhookd.config.schema import Settings
from webhookd.config.wording import pasted, shape


def validated(findings: Findings) -> Settings:
    """Give the values of a file; what is wrong is noted in *findings* and left out.

    So the checks of how values fit together see all the rest, and every problem of a file is told at once.
    Where there are no keys at all there is nothing more to see: raise ConfigError.
    """
    document = findings.document
    if not isinstance(document.data, dict):
        if not document.problems:
            findings.error((), *_no_mapping(document))
        findings.raise_if_any()
    data = deepcopy(document.data)
    told = False
    while True:
        try:
            return Settings.model_validate(data)
        except ValidationError as error:
            details = error.errors(include_url=False)
        if not told:
            _tell(details, document, findings)
            told = True
        if not _leave_out(data, [document.known(detail["loc"]) for detail in details]):
            return Settings()


def _no_mapping(document: Document) -> tuple[str, str]:
    hint = f"`webhookd init --force --config {pasted(Path(document.file))}` puts it aside and writes another"
    if document.data is None:
        return "the file is empty", hint
    return f"the file holds {shape(document.data)} where keys are expected", hint


def _tell(details: Iterable[ErrorDetails], document: Document, findings: Findings) -> None:
    """Note the problems; a value whose very key is wrong is not told apart."""
    told = [complaint(detail, document) for detail in details]
    bad_keys = {path for path, _, is_key in told if is_key}
    for path, problem, is_key in told:
        if is_key or not any(path[: len(key)] == key for key in bad_keys):
            findings.add(problem)


def _leave_out(data: Any, paths: Iterable[KeyPath]) -> bool:
    """Remove what stands at *paths*, of a list the rest as well; tell whether anything was there."""
    removed = False
    for *above, last in sorted(filter(None, paths), key=len, reverse=True):
        parent = _at(data, above)
        if isinstance(parent, dict) and last in parent:
            del parent[last]
            removed = True
        elif isinstance(parent, list) and isinstance(last, int) and last < len(parent):
            del parent[last:]
            removed = True
    return removed


def _at(data: Any, path: Iterable[str | int]) -> Any:
    """Give what stands at *path*, None where nothing does."""
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data
