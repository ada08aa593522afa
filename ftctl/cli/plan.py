"""`ftctl plan`: what apply would do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.session import caution, session, unwritable, verdict
from ftctl.cli.streams import complain, emit, errors_as, look, show, tell
from ftctl.core.changes import Plan
from ftctl.core.errors import Exit
from ftctl.core.model import Address
from ftctl.planfile import save_plan
from ftctl.render.findings import document, problems_json
from ftctl.render.json import plan_json
from ftctl.render.text import plan_text
from ftctl.request import Request

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack


@click.command(name="plan")
@options.paths
@options.selection
@options.exceptions
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan, to apply exactly this.")
@options.output("text", "json")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to do.")
@options.tracing
def command(
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    adopt: tuple[Address, ...],
    retry: tuple[Address, ...],
    max_cost: float | None,
    out: Path | None,
    output: str,
    trace: str | None,
    *,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would do; change nothing.

    PATH is a stack's file or a folder of them, specs/ if left out.
    """
    request = options.request(paths, environment, variables, adopt=adopt, retry=retry, max_cost=max_cost)
    with errors_as(output):
        code, plans = _plans(request, output, trace)
        if out and code in {Exit.DONE, Exit.GATE} and not any(plan.fatal for plan in plans):
            _save(out, plans, request)
            tell(f"\nSaved. To apply exactly this: ftctl apply {out}")
    changes = detailed_exitcode and any(not plan.empty for plan in plans)
    return Exit.CHANGES if changes and code is Exit.DONE else code


def _plans(request: Request, output: str, trace: str | None) -> tuple[Exit, list[Plan]]:
    """Plan every stack, and show each as it is ready."""
    plans: list[Plan] = []
    with session(request, trace) as opened:

        def one(stack: Stack) -> Exit:
            clients = opened.clients(stack)
            plan = workflow.plan(
                stack,
                clients,
                clock=opened.clock,
                adopt=request.adopt,
                retry=request.retry,
                max_cost=request.max_cost,
                others=plans,
            )
            plans.append(plan)
            if output == "text":
                show(plan_text(plan, look(sys.stdout)))
            caution(stack)
            complain(plan.problems)
            return verdict(plan)

        code = opened.each(one)
    if output == "json":
        warnings = [warning for stack in opened.stacks for warning in stack.warnings]
        problems = problems_json([*opened.problems, *warnings])
        emit(document(plans=[plan_json(plan) for plan in plans], problems=problems))
    return code, plans


def _save(out: Path, plans: Sequence[Plan], request: Request) -> None:
    try:
        save_plan(out, plans, request)
    except OSError as error:
        raise unwritable(out, error) from None
