"""`ftctl status`: what is declared and how it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.session import session
from ftctl.cli.streams import emit, errors_as, look, show
from ftctl.core.errors import Exit
from ftctl.render.findings import document, problems_json
from ftctl.render.status import status_json, status_text

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack


@click.command(name="status")
@options.paths
@options.selection
@options.output("text", "json")
@options.tracing
def command(
    paths: tuple[Path, ...], environment: str | None, variables: dict[str, str], output: str, trace: str | None
) -> int:
    """Show everything that is declared, how it is, and which model serves.

    PATH is a stack's file or a folder of them, specs/ if left out.
    """
    states: list[dict[str, Any]] = []
    with errors_as(output), session(options.request(paths, environment, variables), trace) as opened:

        def one(stack: Stack) -> Exit:
            plan = workflow.plan(stack, opened.clients(stack), clock=opened.clock)
            far = workflow.watch(plan, stack, opened.clients(stack), clock=opened.clock)
            states.append(status_json(plan, far))
            if output == "text":
                show(status_text(plan, look(sys.stdout), far))
            return Exit.DONE

        code = opened.each(one)
        if output == "json":
            emit(document(stacks=states, problems=problems_json(opened.problems)))
    return code
