"""What `apply` and `destroy` share: plan, ask, carry out, report."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftctl import workflow
from ftctl.cli.interrupts import stopping
from ftctl.cli.options import Wait, selected
from ftctl.cli.session import Session, caution, session, verdict
from ftctl.cli.stream import Steps, Stream, streaming
from ftctl.cli.streams import ask, complain, emit, errors_as, interactive, look, show, tell
from ftctl.core.changes import Plan
from ftctl.core.clock import SystemClock
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.core.estimate import Span, told
from ftctl.core.events import Outcome, Report, Result
from ftctl.core.guard import BUDGETS
from ftctl.core.model import Mode
from ftctl.core.moved import moved
from ftctl.planfile import use_plan
from ftctl.render.console import progress
from ftctl.render.findings import document, problems_json
from ftctl.render.json import plan_json, report_json
from ftctl.render.report import report_text
from ftctl.render.text import plan_text
from ftctl.request import Request

if TYPE_CHECKING:
    from ftctl.render.console import Live
    from ftctl.render.progress import Lines
    from ftctl.spec.stack import Stack

_NAMED = 5  # differences to a saved plan that are told


@dataclass(frozen=True, slots=True)
class Order:
    """What to carry out. `approved` says that nobody need be asked.

    `digests`, `costs`, `seen` and `file` are a saved plan's. `expected` are the digests of what was approved elsewhere;
    none of them approve that nothing is done. `output` is `text`, `json` (one document at the end) or `lines` (of JSON,
    one for each event).
    """

    request: Request
    mode: Mode = Mode.NORMAL
    approved: bool = False
    digests: Mapping[str, str] = field(default_factory=dict)
    costs: Mapping[str, float | None] = field(default_factory=dict)
    seen: Mapping[str, Plan] = field(default_factory=dict)
    file: Path | None = None
    expected: frozenset[str] | None = None
    wait: Wait = field(default_factory=Wait)
    trace: str | None = None
    output: str = "text"

    def resume(self, secret: Collection[str]) -> str:
        """The command that goes on where this one ended. Values of secret variables are not repeated."""
        request = self.request
        words = ["ftctl", "destroy" if self.mode is Mode.DESTROY else "apply", *map(str, request.paths)]
        words += selected(request, secret)
        words += ["--max-cost", f"{request.max_cost:g}"] if request.max_cost is not None else []
        for option, addresses in (("--adopt", request.adopt), ("--retry", request.retry)):
            words += [word for address in addresses for word in (option, str(address))]
        return shlex.join(words)


def form(output: str, *, streamed: bool) -> str:
    """The form of the result, where `--json` may stand beside `-o`."""
    if streamed and output != "text":
        raise click.UsageError("`--json` writes a line for each event and `-o json` one document: choose one")
    return "lines" if streamed else output


@dataclass(frozen=True, slots=True)
class Told:
    """What was told so far of each stack, and the stream of lines where there is one."""

    stream: Stream | None = None
    stacks: list[dict[str, Any]] = field(default_factory=list)

    def add(self, plan: Plan, report: Report | None) -> None:
        """Keep a plan and how it was carried out, None where nothing was."""
        name = plan.home.stack
        told = report_json(name, report) if report else None
        self.stacks.append(
            {"stack": name, "report": told} if self.stream else {"plan": plan_json(plan), "report": told}
        )


@contextmanager
def _telling(order: Order) -> Iterator[Told]:
    if order.output != "lines":
        yield Told()
        return
    stacks: list[dict[str, Any]] = []
    with streaming(SystemClock(), stacks) as stream:
        yield Told(stream, stacks)


def carry_out(order: Order) -> Exit:
    """Do it for every stack in turn, and give the exit code of all."""
    if not (order.approved or interactive()):
        raise FtctlError(Problem("FT3103", "there is no terminal to ask for approval"))
    if order.output != "text" and not order.approved:
        raise FtctlError(Problem("FT3103", "JSON output leaves no room for a question"))
    with errors_as(order.output), _telling(order) as told, session(order.request, order.trace) as opened:
        if order.digests or order.expected is not None:
            plans = {stack.name: _plan(stack, opened, order) for stack in opened.stacks}
            _check_approved(order.expected, plans)
            if order.digests:
                _check(order.digests, plans, order.seen)
            _check_budgets(order.costs, plans)
            _use(order.file, plans)
            code = opened.each(lambda stack: _reviewed(plans[stack.name], stack, opened, order, told))
        else:
            code = opened.each(lambda stack: _one(stack, opened, order, told))
        if order.output == "json":
            emit(document(exit=int(code), stacks=told.stacks, problems=problems_json(opened.problems)))
        if told.stream:
            told.stream.report(code, told.stacks, opened.problems)
    return code


def _plan(stack: Stack, opened: Session, order: Order) -> Plan:
    plan = workflow.plan(
        stack,
        opened.clients(stack),
        clock=opened.clock,
        mode=order.mode,
        adopt=order.request.adopt,
        retry=order.request.retry,
        max_cost=order.request.max_cost,
        others=opened.plans,
    )
    opened.plans.append(plan)
    return plan


def _check(digests: Mapping[str, str], plans: Mapping[str, Plan], seen: Mapping[str, Plan]) -> None:
    """Refuse everything if any of the plans is not the reviewed one, and say what moved."""
    now = {name: plan.digest() for name, plan in plans.items()}
    stale = sorted(name for name in digests.keys() | now.keys() if digests.get(name) != now.get(name))
    if stale:
        raise FtctlError.all(_stale(name, seen.get(name), plans.get(name)) for name in stale)


def _stale(name: str, then: Plan | None, now: Plan | None) -> Problem:
    told = moved(then, now) if then and now else ()
    more = f"; and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    why = f"Since then: {'; '.join(told[:_NAMED])}{more}." if told else ""
    what = "this is not what was planned: the spec, the data or Azure has changed"
    return Problem("FT3101", what, subject=name, why=why)


def _check_approved(expected: frozenset[str] | None, plans: Mapping[str, Plan]) -> None:
    """Refuse everything if any plan with something to do was not approved, or an approved one is no longer there."""
    if expected is None:
        return
    now = {plan.digest() for plan in plans.values()}
    strange = [name for name, plan in plans.items() if not plan.empty and plan.digest() not in expected]
    told = [Problem("FT3101", "this is not the plan that was approved", subject=name) for name in strange]
    if told or expected - now:
        raise FtctlError.all(told or [Problem("FT3101", "a plan that was approved is not what there is to do now")])


def _check_budgets(costs: Mapping[str, float | None], plans: Mapping[str, Plan]) -> None:
    """Budgets with the prices of today: refuse everything if one is exceeded, and say where a cost is now higher."""
    problems = [problem.about(name) for name, plan in plans.items() for problem in plan.problems]
    if over := [problem for problem in problems if problem.code in BUDGETS]:
        raise FtctlError.all(over)
    for name, plan in plans.items():
        cost, before = plan.estimate().cost, costs.get(name)
        shown = before is not None and told(Span.of(before))
        if cost and before is not None and cost.high > before and told(Span.of(cost.high)) != shown:
            tell(f"{name}: training was planned at up to {shown}; with the prices of now it is {told(cost)}.")


def _use(file: Path | None, plans: Mapping[str, Plan]) -> None:
    """A saved plan that does anything is used up by that, also where it is cut off."""
    if file and any(plan.applyable for plan in plans.values()) and not use_plan(file, SystemClock().now()):
        tell(f"{file} cannot be marked as applied: see to it that nobody applies it again.")


def _one(stack: Stack, opened: Session, order: Order, told: Told) -> Exit:
    plan = _plan(stack, opened, order)
    complain(plan.problems)
    if plan.fatal or plan.idle:
        _show_plan(plan, order, told)
        told.add(plan, None)
        return verdict(plan)
    _show_plan(plan, order, told)
    if order.mode is Mode.NORMAL:
        caution(stack)
    if not order.approved:
        _ask(stack, order.mode)
    tell("")
    return _execute(plan, stack, opened, order, told)


def _reviewed(plan: Plan, stack: Stack, opened: Session, order: Order, told: Told) -> Exit:
    """Carry out what a saved plan said; people have read that."""
    if plan.empty or told.stream:
        _show_plan(plan, order, told)
    return _execute(plan, stack, opened, order, told)


def _show_plan(plan: Plan, order: Order, told: Told) -> None:
    if order.output == "text":
        show(plan_text(plan, look(sys.stdout)))
    if told.stream:
        told.stream.plan(plan.home.stack, plan_json(plan))


def _ask(stack: Stack, mode: Mode) -> None:
    question = (
        f"Delete all this? There is no way back. Only `yes` destroys {stack.name}: "
        if mode is Mode.DESTROY
        else f"Do all this? Only `yes` applies it to {stack.name}: "
    )
    if ask(f"\n{question}") != "yes":
        raise FtctlError(Problem("FT6008", f"nothing was changed in {stack.name}"))


def _execute(plan: Plan, stack: Stack, opened: Session, order: Order, told: Told) -> Exit:
    from ftctl.engine.execute import Stop  # noqa: PLC0415  the engine is only for those who get this far

    if plan.empty:
        told.add(plan, None)
        return Exit.DONE
    stop, wait = Stop(), order.wait
    with _watching(stack, opened, order, told) as live, stopping(stop.set, live.say):
        run = partial(workflow.apply, plan, stack, opened.clients(stack), clock=opened.clock)
        report = run(emit=live, stop=stop, wait=wait.seconds, trainings=wait.trainings)
    told.add(plan, report)
    _conclude(plan, stack, report, order)
    return report.exit


def _watching(stack: Stack, opened: Session, order: Order, told: Told) -> Steps | Lines | Live:
    if told.stream:
        return Steps(told.stream, stack.name)
    alone = order.trace != "-"  # a trace is written to the same terminal, line by line
    return progress(sys.stderr, opened.clock, os.environ, redrawn=alone)


def _conclude(plan: Plan, stack: Stack, report: Report, order: Order) -> None:
    if order.output == "text":
        show("\n" + report_text(stack.name, report, look(sys.stdout), resume=order.resume(plan.secret)))
    found = [_about(outcome) for outcome in report.having(Result.FAILED) if outcome.problem]
    complain(problem for problem in found if problem not in plan.problems)  # those are told of already


def _about(outcome: Outcome) -> Problem:
    assert outcome.problem is not None
    return outcome.problem.about(outcome.address)
