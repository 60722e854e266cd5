"""`webhookd deliveries`: what arrived, and what became of it."""

from datetime import UTC, datetime

import click

from webhookd.cli import output
from webhookd.cli.numbers import number
from webhookd.cli.options import state_options
from webhookd.cli.state import enter_state_dir, open_reader
from webhookd.report import deliveries_table, delivery_json


@click.command()
@state_options
@click.option("--limit", type=number, default=20, show_default=True, help="At most so many.")
@click.option("--before", type=number, metavar="NUMBER", help="Only older ones.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_context
def deliveries(ctx: click.Context, *, limit: int, before: int | None, as_json: bool) -> None:
    """List verified deliveries, newest first, with their runs or why there are none."""
    with open_reader(enter_state_dir(ctx)) as store:
        found = store.deliveries(limit=limit, before=before)
    if as_json:
        output.print_json([delivery_json(delivery) for delivery in found])
    elif found:
        click.echo(deliveries_table(found, now=datetime.now(UTC), width=output.width()))
    else:
        output.remark("no deliveries")
