"""`ftctl plan`: what apply would do."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.session import caution, session, unwritable, verdict
from ftctl.cli.streams import complain, emit, look, show, tell
from ftctl.core.changes import Plan
from ftctl.core.clock import SystemClock
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.model import Address
from ftctl.planfile import save_plan
from ftctl.render.formats import FORMATS, formatted
from ftctl.render.outputs import step_outputs
from ftctl.render.text import plan_text
from ftctl.request import Request

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack


def _lifetime(_context: click.Context, _option: click.Parameter, text: str) -> float:
    length = options.seconds(text)
    if not length:
        raise click.BadParameter(f"'{text}' is no length of time such as 24h")
    return length


@click.command(name="plan")
@options.paths
@options.selection
@options.exceptions
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan, to apply exactly this.")
@click.option(
    "--expires",
    callback=_lifetime,
    default="24h",
    show_default=True,
    metavar="LENGTH",
    help="How long the saved plan may be applied.",
)
@options.output(*FORMATS)
@options.outputs
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
    expires: float,
    output: str,
    outputs: Path | None,
    trace: str | None,
    *,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would do; change nothing.

    PATH is a stack's file or a folder of them, specs/ if left out.
    """
    request = options.request(paths, environment, variables, adopt=adopt, retry=retry, max_cost=max_cost)
    code = Exit.ERROR
    plans: list[Plan] = []
    try:
        with _told_as(output):
            code, plans = _plans(request, output, trace)
        if out and code in {Exit.DONE, Exit.GATE} and not any(plan.fatal for plan in plans):
            _save(out, plans, request, expires)
            tell(f"\nSaved. To apply exactly this: ftctl apply {out}")
        if detailed_exitcode and code is Exit.DONE and any(not plan.empty for plan in plans):
            code = Exit.CHANGES
    except FtctlError as error:
        code = error.exit
        raise
    finally:
        if outputs:
            append(outputs, step_outputs(plans, code))
    return code


@contextmanager
def _told_as(output: str) -> Iterator[None]:
    """What stops planning is told in the form that was asked for, so that a machine always gets a document."""
    try:
        yield
    except FtctlError as error:
        if output != "text":
            emit(formatted(output, [], error.problems))
        raise


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
    if output != "text":
        warnings = [warning for stack in opened.stacks for warning in stack.warnings]
        emit(formatted(output, plans, [*opened.problems, *warnings]))
    return code, plans


def _save(out: Path, plans: Sequence[Plan], request: Request, lifetime: float) -> None:
    try:
        save_plan(out, plans, request, SystemClock().now(), lifetime)
    except OSError as error:
        raise unwritable(out, error) from None


def append(outputs: Path, text: str) -> None:
    """Add lines to the file that `--outputs` names."""
    try:
        with outputs.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise unwritable(outputs, error) from None
