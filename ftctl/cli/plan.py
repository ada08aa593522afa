"""`ftctl plan`: what apply would do."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.changed import pinned
from ftctl.cli.session import caution, session, unwritable, verdict
from ftctl.cli.streams import complain, emit, look, show, tell
from ftctl.cli.together import report
from ftctl.core.changes import Plan
from ftctl.core.clock import SystemClock
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.core.model import Address
from ftctl.guarding import check_policies
from ftctl.planfile import save_plan
from ftctl.render.formats import FORMATS, formatted
from ftctl.render.json import plan_json
from ftctl.render.outputs import step_outputs
from ftctl.render.text import plan_text
from ftctl.request import Request

if TYPE_CHECKING:
    from ftctl.cli.stream import Stream
    from ftctl.render.look import Look
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
@options.changed_since
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
@options.explanation
@options.outputs
@options.stream
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to do.")
@options.tracing
def command(
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    adopt: tuple[Address, ...],
    retry: tuple[Address, ...],
    max_cost: float | None,
    changed_since: str | None,
    out: Path | None,
    expires: float,
    output: str,
    outputs: Path | None,
    trace: str | None,
    *,
    why: bool,
    show_suppressed: bool,
    streamed: bool,
    detailed_exitcode: bool,
    **guards: Any,
) -> int:
    """Show what apply would do; change nothing.

    PATH is a stack's file or a folder of them, specs/ if left out.
    """
    request = options.request(paths, environment, variables, adopt=adopt, retry=retry, max_cost=max_cost, **guards)
    request = replace(request, changed_since=changed_since)
    code = Exit.ERROR
    plans: dict[str, Plan] = {}
    output = options.form(output, streamed=streamed)
    try:
        with _lines(output) as lines:
            with _told_as(output):
                form = _Form(output, replace(look(sys.stdout), why=why, hidden=show_suppressed), lines)
                code, problems, request = _plans(request, trace, form, plans)
            if out and code in {Exit.DONE, Exit.GATE} and not any(plan.fatal for plan in plans.values()):
                _save(out, [*plans.values()], request, expires)
                tell(f"\nSaved. To apply exactly this: ftctl apply {out}")
            if detailed_exitcode and code is Exit.DONE and any(not plan.empty for plan in plans.values()):
                code = Exit.CHANGES
            if lines:
                lines.report(code, problems)
    except FtctlError as error:
        code = error.exit
        raise
    finally:
        if outputs:
            append(outputs, step_outputs([*plans.values()], code))
    return code


@contextmanager
def _told_as(output: str) -> Iterator[None]:
    """What stops planning is told in the form that was asked for, so that a machine always gets a document."""
    try:
        yield
    except FtctlError as error:
        if output not in {"text", "lines"}:
            emit(formatted(output, [], error.problems))
        raise


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of `--json`, and what the last of them will say of the stacks: nothing was carried out."""

    stream: Stream
    stacks: list[dict[str, Any]]

    def plan(self, plan: Plan) -> None:
        self.stream.plan(plan.home.stack, plan_json(plan))
        self.stacks.append({"stack": plan.home.stack, "report": None})

    def report(self, code: Exit, problems: Sequence[Problem]) -> None:
        self.stream.report(code, self.stacks, problems)


@contextmanager
def _lines(output: str) -> Iterator[_Lines | None]:
    if output != "lines":
        yield None
        return
    from ftctl.cli.stream import streaming  # noqa: PLC0415  for this form only

    stacks: list[dict[str, Any]] = []
    with streaming(SystemClock(), stacks) as stream:
        yield _Lines(stream, stacks)


@dataclass(frozen=True, slots=True)
class _Form:
    """How plans are told: `looks` is for text, `lines` are there for `lines` alone."""

    output: str
    looks: Look
    lines: _Lines | None


def _plans(
    request: Request, trace: str | None, form: _Form, plans: dict[str, Plan]
) -> tuple[Exit, list[Problem], Request]:
    """Plan every stack, side by side, and show them in their order.

    Gives the problems that are no plan's own too, and what to ask for to get the same again.
    """
    with session(request, trace) as opened:
        check_policies(opened.stacks, request)

        def make(stack: Stack) -> Plan:
            clients, clock = opened.clients(stack), opened.clock
            return workflow.plan(stack, clients, clock=clock, adopt=request.adopt, retry=request.retry, guards=request)

        with opened.ahead(make) as made:

            def one(stack: Stack) -> Exit:
                plan = workflow.limited(made(stack), request.max_cost, plans.values())
                plans[stack.name] = plan
                if form.lines:
                    form.lines.plan(plan)
                return verdict(plan)

            code = opened.each(one, headed=False)
        if not opened.stacks and form.output == "text":
            show(f"No stack is touched by what changed since {request.changed_since}.")
        _tell(opened.stacks, plans, form)
    problems = [*opened.problems, *(warning for stack in opened.stacks for warning in stack.warnings)]
    if form.output not in {"text", "lines"}:
        together = opened.several or request.changed_since is not None
        emit(formatted(form.output, [*plans.values()], problems, together=together))
    return code, problems, pinned(request, opened.stacks)


def _tell(stacks: Sequence[Stack], plans: Mapping[str, Plan], form: _Form) -> None:
    """For people: the plans as text, and what is doubtful."""
    if len(stacks) > 1:
        report(stacks, plans, form.looks, shown=form.output == "text")
        return
    for stack in stacks:
        if plan := plans.get(stack.name):
            if form.output == "text":
                show(plan_text(plan, form.looks))
            caution(stack)
            complain(plan.problems)


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
