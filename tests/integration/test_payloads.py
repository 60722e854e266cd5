"""Recorded payloads of other projects, if available: the meaning of each, and which signatures are right."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from factories import NOW, make_hook, make_secret

from webhookd.cli import main
from webhookd.intake.inspection import inspect
from webhookd.models.delivery import Request
from webhookd.models.settings import Forge

FOLDER = Path(os.environ.get("WEBHOOKD_PAYLOADS", ""))
FORGES = {str(name): str(name) for name in Forge} | {"bitbucket-cloud": "bitbucket"}

pytestmark = pytest.mark.skipif(
    not (FOLDER / "INDEX.tsv").is_file(), reason="$WEBHOOKD_PAYLOADS names no folder of recorded payloads"
)

Row = dict[str, str]


def rows(name: str) -> list[Row]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def headers_of(row: Row) -> Path | None:
    file = (FOLDER / row["file"]).with_suffix(".headers.json")
    return file if file.exists() else None


def known(value: str) -> str | None:
    return None if value == "-" or not value.strip("0") else value


def expected(row: Row) -> list[dict[str, Any]]:
    """The pushes that a row of the index describes; several refs are joined with a bar."""
    if row["ref"] == "-":
        return []
    columns = ("ref", "before", "after", "deleted")
    changes = zip(*(row[column].split("|") for column in columns), strict=True)
    return [
        {
            "repo": known(row["repo_full_name"]),
            "ref": ref,
            "before": known(before),
            "after": known(after),
            "deleted": deleted == "true",
        }
        for ref, before, after, deleted in changes
    ]


def test_every_payload_means_what_the_index_says() -> None:
    index = [row for row in rows("INDEX.tsv") if row["forge"] in FORGES]
    assert len(index) > 100
    for row in index:
        file = headers_of(row)
        given = json.loads(file.read_text(encoding="utf-8")) if file else {}
        request = Request(
            headers={name.lower(): value for name, value in given.items()},
            body=(FOLDER / row["file"]).read_bytes(),
        )
        hook = make_hook(forge=Forge(FORGES[row["forge"]]), secrets=(make_secret("x"),))
        reading = inspect(request, hook=hook, repositories=[], now=NOW).reading
        found = [
            {key: getattr(push, key) or None for key in ("repo", "ref", "before", "after")}
            | {"deleted": push.deleted}
            for push in reading.pushes
        ]
        if row["event"] not in {"create", "delete"}:  # which have less than a push, and count as one
            assert found == expected(row), row["file"]


def verify(row: Row, *args: object, secret: Path) -> Result:
    command = ["verify", FOLDER / row["file"], "--secret-file", secret, "--json", *args]
    return CliRunner().invoke(main, list(map(str, command)))


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("secret")
    return file


def test_the_command_prints_the_same(secret: Path) -> None:
    pushes = [row for row in rows("INDEX.tsv") if row["ref"] != "-" and row["forge"] in FORGES]
    for row in pushes:
        headers = headers_of(row)
        given = ["--headers", headers] if headers else []
        result = verify(row, "--forge", FORGES[row["forge"]], *given, secret=secret)
        found = json.loads(result.stdout)["pushes"]
        keys = ("repo", "ref", "before", "after", "deleted")
        assert [{key: push[key] for key in keys} for push in found] == expected(row), row["file"]


def test_unsupported_senders_are_refused(secret: Path) -> None:
    strangers = [row for row in rows("INDEX.tsv") if row["forge"] not in FORGES]
    assert strangers
    for row in strangers:
        assert verify(row, "--forge", row["forge"], secret=secret).exit_code == 2
        headers = headers_of(row)
        given = ["--headers", headers] if headers else []
        for name in Forge:
            result = verify(row, "--forge", name, *given, secret=secret)
            assert (result.exit_code, result.stderr, json.loads(result.stdout)["verified"]) == (1, "", False)


def test_recorded_signatures_verify_as_the_index_says(secret: Path) -> None:
    for row in rows("SIGNATURES.tsv"):
        secret.write_text(row["secret"])
        result = verify(
            row, "--forge", FORGES[row["file"].split("/")[0]], "--headers", headers_of(row), secret=secret
        )
        assert result.exit_code == (0 if row["result"] == "VERIFIES" else 1), row["file"]


def test_published_vectors_open(secret: Path) -> None:
    vectors = json.loads((FOLDER / "VECTORS.json").read_text(encoding="utf-8"))
    for vector in vectors:
        secret.write_text(vector["secret"])
        body = secret.with_name("body")
        body.write_text(vector["body"])
        headers = vector.get("headers") or {vector["header"]: vector["value"]}
        forge = "gitlab" if "webhook-id" in headers else "github"
        given = [arg for name, value in headers.items() for arg in ("--header", f"{name}: {value}")]
        moment = ["--at", headers["webhook-timestamp"]] if forge == "gitlab" else []
        command = ["verify", str(body), "--secret-file", str(secret), "--forge", forge, *given, *moment]
        assert CliRunner().invoke(main, command).exit_code == 0, vector["name"]
