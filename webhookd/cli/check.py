"""`webhookd check`: what is wrong with the configuration, and what would run for a push."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from webhookd.cli import output
from webhookd.cli.options import config_file, config_option
from webhookd.errors import ConfigError, Problem, UsageError
from webhookd.models import Config

if TYPE_CHECKING:
    from webhookd.intake import RuleVerdict


@click.command()
@config_option
@click.option(
    "--explain",
    nargs=2,
    metavar="REPO REF",
    help="Say rule by rule what a push there would run, and which changed files that takes. "
    "REF: main, tags/v1 or refs/heads/main.",
)
@click.option("--hook", metavar="NAME", help="With --explain: only for pushes that come in by this hook.")
@click.option("--without-secrets", is_flag=True, help="Leave the secrets alone, and whether this is root.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_context
def check(
    ctx: click.Context,
    *,
    explain: tuple[str, str] | None,
    hook: str | None,
    without_secrets: bool,
    as_json: bool,
) -> None:
    """Check the configuration; exits with 78 if something is wrong with it.

    With --explain, exits with 0 if something would run, and with 1 if nothing would.
    """
    if hook is not None and explain is None:
        raise UsageError("--hook belongs to --explain", hint="write --explain REPO REF too, or leave it out")
    config = _load(ctx, without_secrets=without_secrets, as_json=as_json)
    if not as_json:
        for warning in config.warnings:
            output.remark(f"warning: {warning}")
    if explain is None:
        _say_ok(config, as_json=as_json)
    else:
        ctx.exit(0 if _explain(config, *explain, hook=hook, as_json=as_json) else 1)


def _load(ctx: click.Context, *, without_secrets: bool, as_json: bool) -> Config:
    """Load the configuration; as JSON, tell its problems on stdout."""
    from webhookd import config  # noqa: PLC0415 - pydantic and yaml take their time

    load = config.peek if without_secrets else config.load
    try:
        return load(config_file(ctx), env=os.environ, uid=os.getuid())
    except ConfigError as error:
        if not as_json:
            raise
        output.print_json({"ok": False, "problems": _json(error.problems), "warnings": []})
        ctx.exit(error.exit_code)


def _say_ok(config: Config, *, as_json: bool) -> None:
    targets = len(config.targets)
    counts = {"hooks": len(config.hooks), "repositories": len(config.repositories), "targets": targets}
    if as_json:
        warnings = _json(config.warnings)
        output.print_json(
            {"ok": True, "file": str(config.file), **counts, "problems": [], "warnings": warnings}
        )
        return
    words = {"hooks": "hook", "repositories": "repository", "targets": "target"}
    told = (f"{count} {words[what] if count == 1 else what}" for what, count in counts.items())
    click.echo(f"{config.file}: ok, {', '.join(told)}")


def _explain(config: Config, repo: str, ref: str, *, hook: str | None, as_json: bool) -> bool:
    """Print rule by rule what a push would run; tell whether anything would."""
    from webhookd.intake import explain  # noqa: PLC0415 - only this option needs it
    from webhookd.intake.refs import complete_ref  # noqa: PLC0415 - as above

    if hook is not None and hook not in {known.name for known in config.hooks}:
        known = ", ".join(known.name for known in config.hooks)
        raise UsageError(f'there is no hook "{hook}"', hint=f"the configuration has {known}")
    full = complete_ref(ref)
    verdicts = explain(config.repositories, hook=hook, repo=repo, ref=full)
    if as_json:
        output.print_json(
            {
                "repo": repo,
                "ref": full,
                "targets": [verdict.target.name for verdict in verdicts if verdict.matched],
                "rules": [_rule(verdict) for verdict in verdicts],
            }
        )
    else:
        click.echo(_text(repo, full, verdicts))
    return any(verdict.matched for verdict in verdicts)


def _text(repo: str, ref: str, verdicts: Sequence["RuleVerdict"]) -> str:
    from webhookd.intake import wanted_files  # noqa: PLC0415 - only this option needs it

    width = max((len(verdict.target.name) for verdict in verdicts), default=0)
    conditions = [wanted_files(verdict.target) if verdict.matched else "" for verdict in verdicts]
    rules = [
        f"{'runs' if verdict.matched else '-':4}  {verdict.target.name:{width}}  {verdict.reason}"
        + (f", {condition}" if condition else "")
        for verdict, condition in zip(verdicts, conditions, strict=True)
    ]
    running = sum(verdict.matched for verdict in verdicts)
    what = "nothing runs" if not running else "1 target runs" if running == 1 else f"{running} targets run"
    depending = ", depending on the changed files" if any(conditions) else ""
    return "\n".join([*rules, f"{repo} {ref}: {what}{depending}"])


def _rule(verdict: "RuleVerdict") -> dict[str, Any]:
    target = verdict.target
    return {
        "target": target.name,
        "hook": target.hook,
        "matched": verdict.matched,
        "reason": verdict.reason,
        "paths": list(target.paths),
        "paths_ignore": list(target.paths_ignore),
    }


def _json(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [asdict(problem) for problem in problems]
