"""`ftctl cost`: what trainings were estimated at and billed, and what deployments cost."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.session import session
from ftctl.cli.streams import emit, errors_as, look, show
from ftctl.core.errors import Exit
from ftctl.render.cost import bill_json, bill_markdown, bill_text
from ftctl.render.findings import document, problems_json

if TYPE_CHECKING:
    from ftctl.core.bill import Bill
    from ftctl.spec.stack import Stack


@click.command(name="cost")
@options.paths
@options.selection
@options.output("text", "json", "markdown")
@options.tracing
def command(
    paths: tuple[Path, ...], environment: str | None, variables: dict[str, str], output: str, trace: str | None
) -> int:
    """Show what each training was estimated at and billed, and what hosting costs.

    PATH is a stack's file or a folder of them, specs/ if left out. Reads only;
    prices are those of the price book, or of the one that FTCTL_PRICES names,
    or Azure's retail prices with FTCTL_PRICES=retail.
    """
    bills: list[Bill] = []
    with errors_as(output), session(options.request(paths, environment, variables), trace) as opened:

        def one(stack: Stack) -> Exit:
            bill = workflow.bill(stack, opened.clients(stack), clock=opened.clock)
            bills.append(bill)
            if output != "json":
                gap = "\n" if len(bills) > 1 else ""
                show(gap + (bill_text(bill, look(sys.stdout)) if output == "text" else bill_markdown(bill)))
            return Exit.DONE

        code = opened.each(one)
        if output == "json":
            emit(document(stacks=[bill_json(bill) for bill in bills], problems=problems_json(opened.problems)))
    return code
