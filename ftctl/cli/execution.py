"""What `apply` and `destroy` share: plan, ask, carry out, report."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from ftctl.core.guard import GUARDS
from ftctl.core.model import Address, ChangeClass, Mode
from ftctl.core.moved import moved
from ftctl.core.preflight import lacking
from ftctl.guarding import check_policies
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

    `chosen` says which of the stacks are meant; `back` is the deployment to put back, with the model that is meant.
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
    chosen: Callable[[Sequence[Stack]], Sequence[Stack]] | None = None
    back: tuple[Address, str] | None = None

    def resume(self, secret: Collection[str]) -> str:
        """The command that goes on where this one ended. Values of secret variables are not repeated."""
        request = self.request
        if self.back:
            words = ["rollback", self.back[0].name, *map(str, request.paths), "--to", self.back[1]]
        elif self.mode is Mode.ADOPT:
            words = ["adopt", *map(str, (*request.adopt, *request.paths))]
            request = replace(request, adopt=())
        else:
            words = ["destroy" if self.mode is Mode.DESTROY else "apply", *map(str, request.paths)]
        words = ["ftctl", *words, *selected(request, secret)]
        words += ["--max-cost", f"{request.max_cost:g}"] if request.max_cost is not None else []
        words += ["--max-deletes", str(request.max_deletes)] if request.max_deletes is not None else []
        words += ["--changed-since", request.changed_since] if request.changed_since is not None else []
        for option, given in _named_in(request):
            words += [word for one in given for word in (option, str(one))]
        return shlex.join(words)


def _named_in(request: Request) -> Iterator[tuple[str, Sequence[object]]]:
    """What a request names one by one, by the option that takes it."""
    yield "--adopt", request.adopt
    yield "--retry", request.retry
    yield "--allow", request.allow
    yield "--policies", request.policies


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
    with errors_as(order.output), _telling(order) as told, session(order.request, order.trace) as loaded:
        opened = replace(loaded, stacks=order.chosen(loaded.stacks)) if order.chosen else loaded
        check_policies(opened.stacks, order.request)
        if order.digests or order.expected is not None:
            plans = _plans(opened, order)
            _check_approved(order.expected, plans)
            if order.digests:
                _check(order.digests, plans, order.seen)
            _check_guards(order.costs, plans)
            _use(order.file, plans)
            code = opened.each(lambda stack: _reviewed(plans[stack.name], stack, opened, order, told))
        else:
            code = opened.each(lambda stack: _one(stack, opened, order, told))
        if order.output == "json":
            emit(document(exit=int(code), stacks=told.stacks, problems=problems_json(opened.problems)))
        if told.stream:
            told.stream.report(code, told.stacks, opened.problems)
    return code


def _plans(opened: Session, order: Order) -> dict[str, Plan]:
    """The plans of all stacks, made side by side."""
    with opened.ahead(lambda stack: _made(stack, opened, order)) as made:
        return {stack.name: _allowed(made(stack), opened, order) for stack in opened.stacks}


def _plan(stack: Stack, opened: Session, order: Order) -> Plan:
    return _allowed(_made(stack, opened, order), opened, order)


def _made(stack: Stack, opened: Session, order: Order) -> Plan:
    asked, clients = order.request, opened.clients(stack)
    return workflow.plan(
        stack, clients, clock=opened.clock, mode=order.mode, adopt=asked.adopt, retry=asked.retry, guards=asked
    )


def _allowed(plan: Plan, opened: Session, order: Order) -> Plan:
    """The plan, held to what all stacks together may cost; those before it count."""
    plan = workflow.limited(plan, order.request.max_cost, opened.plans)
    opened.plans.append(plan)
    return plan


def _back(stack: Stack, opened: Session, order: Order) -> tuple[Plan, Stack, Order]:
    """The plan of one deployment's way back, and the order with the model by name: to repeat it leads no further."""
    assert order.back
    address, to = order.back
    clients, clock = opened.clients(stack), opened.clock
    plan, stack = workflow.rollback(stack, clients, address, clock=clock, guards=order.request, to=to)
    return plan, stack, replace(order, back=(address, str(stack.resource(address).spec.model.name)))


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


def _check_guards(costs: Mapping[str, float | None], plans: Mapping[str, Plan]) -> None:
    """Guards with the prices of today: refuse everything if one says so, and say where a cost is now higher."""
    problems = [problem.about(name) for name, plan in plans.items() for problem in plan.fatal]
    if over := [problem for problem in problems if problem.code in GUARDS]:
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
    if order.back:
        plan, stack, order = _back(stack, opened, order)
    else:
        plan = _plan(stack, opened, order)
    complain(plan.problems)
    if plan.fatal or plan.idle:
        _show_plan(plan, order, told)
        told.add(plan, None)
        return verdict(plan)
    _show_plan(plan, order, told)
    if missing := lacking(plan):
        raise FtctlError.all(missing)
    if order.mode is Mode.NORMAL:
        caution(stack)
    if not order.approved:
        _ask(plan)
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


def _ask(plan: Plan) -> None:
    """Where there is no way back, the stack's name is asked for: `yes` is typed before it is thought about."""
    name = plan.home.stack
    number = sum(change.change_class is ChangeClass.IRREVERSIBLE for change in plan.changes)
    if plan.mode is Mode.DESTROY:
        question, answer = f"Delete all this? There is no way back. Type {name} to destroy it: ", name
    elif number:
        grave = f"{number} {'is' if number == 1 else 'are'} irreversible"
        question, answer = f"Do all this? {grave}. Type {name} to apply it: ", name
    else:
        question, answer = f"Do all this? Only `yes` applies it to {name}: ", "yes"
    if ask(f"\n{question}") != answer:
        raise FtctlError(Problem("FT6008", f"nothing was changed in {name}"))


def _execute(plan: Plan, stack: Stack, opened: Session, order: Order, told: Told) -> Exit:
    from ftctl.cli.origin import origin as origin_of  # noqa: PLC0415  only for those who get this far
    from ftctl.engine.execute import Stop  # noqa: PLC0415  the same

    if plan.empty:
        told.add(plan, None)
        return Exit.DONE
    stop, wait = Stop(), order.wait
    origin = origin_of(plan, stack.path, os.environ, asked=not order.approved)
    with _watching(stack, opened, order, told) as live, stopping(stop.set, live.say):
        run = partial(workflow.apply, plan, stack, opened.clients(stack), clock=opened.clock, origin=origin)
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
