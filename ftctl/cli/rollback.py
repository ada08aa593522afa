"""`ftctl rollback`: put a deployment back to the model that it served before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl.cli import options
from ftctl.cli.execution import Order, carry_out
from ftctl.cli.found import declared
from ftctl.core.model import Address, Mode

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack


@click.command(name="rollback")
@click.argument("deployment")
@options.paths
@click.option("--to", metavar="MODEL", default="", help="Only to this model; a second time then changes nothing.")
@options.selection
@options.approval
@options.output("text", "json")
@options.tracing
def command(
    deployment: str,
    paths: tuple[Path, ...],
    to: str,
    environment: str | None,
    variables: dict[str, str],
    wait: options.Wait,
    output: str,
    trace: str | None,
    *,
    auto_approve: bool,
    streamed: bool,
) -> int:
    """Put DEPLOYMENT back to the model that it served before: show it, ask, do it.

    Its smoke test is asked afterwards, where it has one. Nothing is trained,
    no gate is asked and nothing else is touched. The spec still declares
    another model, and the plan says how to keep this one. Done twice, it
    serves what it serves now.

    PATH is a stack's file or a folder of them, specs/ if left out.
    """
    address = Address("deployment", deployment.removeprefix("deployment/"))
    return carry_out(
        Order(
            options.request(paths, environment, variables),
            Mode.ROLLBACK,
            approved=auto_approve,
            wait=wait,
            trace=trace,
            output=options.form(output, streamed=streamed),
            chosen=partial(_declaring, address.name),
            back=(address, to),
        )
    )


def _declaring(name: str, stacks: Sequence[Stack]) -> list[Stack]:
    stack, _ = declared(stacks, "deployment", name)
    return [stack]
