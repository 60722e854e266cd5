"""`webhookd check` and `webhookd schema`: the configuration's errors, what a push runs, the JSON Schema."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from webhookd.cli import output
from webhookd.cli.configuration import load_config
from webhookd.cli.options import config_option, json_option
from webhookd.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from webhookd.intake import RuleVerdict
    from webhookd.models.settings import Config


@click.command()
@config_option
@click.option(
    "--explain",
    nargs=2,
    metavar="REPO REF",
    help="Show rule by rule what a push there would run, and which changed files it needs. "
    "REF: main, tags/v1 or refs/heads/main.",
)
@click.option("--hook", metavar="NAME", help="With --explain: only rules for pushes to this hook.")
@click.option(
    "--without-secrets", is_flag=True, help="Do not read the secrets, and accept what only root can do."
)
@json_option("one JSON object")
@click.pass_context
def check(
    ctx: click.Context,
    *,
    explain: tuple[str, str] | None,
    hook: str | None,
    without_secrets: bool,
    as_json: bool,
) -> None:
    """Check the configuration. Exits with 78 if it has errors.

    With --explain, exits with 0 if the push would run something, else with 1.
    """
    if hook is not None and explain is None:
        raise UsageError("--hook needs --explain", hint="add --explain REPO REF, or leave out --hook")
    config = _load(ctx, without_secrets=without_secrets, as_json=as_json)
    if not as_json:
        for warning in config.warnings:
            output.remark(f"warning: {warning}")
    if explain is None:
        _print_ok(config, as_json=as_json)
    else:
        ctx.exit(0 if _explain(config, *explain, hook=hook, as_json=as_json) else 1)


def _load(ctx: click.Context, *, without_secrets: bool, as_json: bool) -> "Config":
    """Load the configuration; with --json, print its problems on stdout."""
    from webhookd import config

    try:
        return load_config(ctx, config.SecretAccess.NONE if without_secrets else config.SecretAccess.ALL)
    except ConfigError as error:
        if not as_json:
            raise
        output.print_json({"ok": False, "problems": [*map(asdict, error.problems)], "warnings": []})
        ctx.exit(error.exit_code)


def _print_ok(config: "Config", *, as_json: bool) -> None:
    counts = {
        "hooks": len(config.hooks),
        "repositories": len(config.repositories),
        "targets": len(config.targets),
    }
    if as_json:
        warnings = [*map(asdict, config.warnings)]
        output.print_json(
            {"ok": True, "file": str(config.file), **counts, "problems": [], "warnings": warnings}
        )
        return
    singular = {"hooks": "hook", "repositories": "repository", "targets": "target"}
    counted = (f"{count} {singular[what] if count == 1 else what}" for what, count in counts.items())
    click.echo(f"{config.file}: ok, {', '.join(counted)}")


def _explain(config: "Config", repo: str, ref: str, *, hook: str | None, as_json: bool) -> bool:
    """Print rule by rule what a push would run; return whether anything would run."""
    from webhookd.intake import explain
    from webhookd.intake.refs import complete_ref

    hooks = [known.name for known in config.hooks]
    if hook is not None and hook not in hooks:
        raise UsageError(f'there is no hook "{hook}"', hint=f"the configuration has {', '.join(hooks)}")
    full = complete_ref(ref)
    verdicts = explain(config.repositories, hook=hook, repo=repo, ref=full)
    if as_json:
        output.print_json(
            {
                "repo": repo,
                "ref": full,
                "targets": [verdict.target.name for verdict in verdicts if verdict.matched],
                "rules": [
                    {
                        "target": verdict.target.name,
                        "hook": verdict.target.hook,
                        "matched": verdict.matched,
                        "reason": verdict.reason,
                        "paths": list(verdict.target.paths),
                        "paths_ignore": list(verdict.target.paths_ignore),
                    }
                    for verdict in verdicts
                ],
            }
        )
    else:
        click.echo(_text(repo, full, verdicts))
    return any(verdict.matched for verdict in verdicts)


def _text(repo: str, ref: str, verdicts: Sequence["RuleVerdict"]) -> str:
    from webhookd.intake import wanted_files

    width = max((len(verdict.target.name) for verdict in verdicts), default=0)
    lines = []
    depends = ""
    for verdict in verdicts:
        condition = wanted_files(verdict.target) if verdict.matched else ""
        line = f"{'runs' if verdict.matched else '-':4}  {verdict.target.name:{width}}  {verdict.reason}"
        lines.append(f"{line}, {condition}" if condition else line)
        depends = ", depending on the changed files" if condition else depends
    count = sum(verdict.matched for verdict in verdicts)
    what = "nothing runs" if not count else "1 target runs" if count == 1 else f"{count} targets run"
    return "\n".join([*lines, f"{repo} {ref}: {what}{depends}"])


@click.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, with which an editor completes and checks the file.

    For example, save the output as webhookd.schema.json and begin the configuration with the line
    "# yaml-language-server: $schema=webhookd.schema.json".
    """
    from webhookd import config

    output.print_json(config.json_schema())
