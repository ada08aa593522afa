"""`ftctl destroy`: delete what the stacks own."""

from __future__ import annotations

from pathlib import Path

import click

from ftctl.cli import options
from ftctl.cli.execution import Order, carry_out
from ftctl.core.model import Mode


@click.command(name="destroy")
@options.paths
@options.selection
@options.approval
@options.output("text", "json")
@options.tracing
def command(
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    wait: options.Wait,
    output: str,
    trace: str | None,
    *,
    auto_approve: bool,
    streamed: bool,
) -> int:
    """Delete everything that the stacks own: show it, ask, do it.

    What carries no mark of a stack, or another stack's, stays. PATH is a
    stack's file or a folder of them, specs/ if left out.
    """
    request = options.request(paths, environment, variables)
    output = options.form(output, streamed=streamed)
    return carry_out(Order(request, Mode.DESTROY, approved=auto_approve, wait=wait, trace=trace, output=output))
