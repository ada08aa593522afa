"""Steps: a plan as the machine carries it out, with what has to be done before each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.model import Address, Mode
from ftctl.core.plan import Rules


class Op(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    WAIT = "wait"
    JUDGE = "judge"
    MARK = "mark"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: `needs` are the numbers of the steps that must have succeeded before."""

    number: int
    op: Op
    change: Change
    needs: frozenset[int] = frozenset()

    @property
    def address(self) -> Address:
        return self.change.address


_OPS = {
    Action.CREATE: (Op.CREATE,),
    Action.UPDATE: (Op.UPDATE,),
    Action.ADOPT: (Op.UPDATE,),
    Action.WAIT: (Op.WAIT,),
    Action.REPLACE: (Op.DELETE, Op.CREATE),
    Action.JUDGE: (Op.JUDGE,),
    Action.BLOCKED: (Op.JUDGE,),  # a gate that refuses fails at once, and what it holds back is skipped
}

_MARKS = {Reason.MARKED, Reason.MOVED}  # of these nothing but the marks is written
_GONE = {Action.DELETE: Op.DELETE, Action.FORGET: Op.FORGET}
_AT_ONCE = {Reason.SUPERSEDED, Reason.DUPLICATE, Reason.GIVEN_UP, Reason.LEFT_OVER}


def lower(plan: Plan, rules: Mapping[str, Rules]) -> tuple[Step, ...]:
    """Turn a plan into steps.

    What is built up follows references. Deletions come last, what depends on a thing before the thing itself, and
    only when all else has succeeded; what is forgotten is among them, as nobody looks into a forgotten account again.
    Within a replacement the deletion comes first, since the name is the identity.
    A job that nobody wants any more is cancelled at once: it costs money as long as it runs.
    """
    steps: list[Step] = []
    last: dict[Address, frozenset[int]] = {}
    for change in plan.changes:
        needs = frozenset().union(*(last.get(address, frozenset()) for address in change.needs))
        for op in (Op.MARK,) if change.reason in _MARKS else _OPS.get(change.action, ()):
            step = Step(len(steps), op, change, needs)
            steps.append(step)
            needs = frozenset({step.number})
        last[change.address] = needs
    return (*steps, *_deletions(plan, rules, len(steps)))


def _deletions(plan: Plan, rules: Mapping[str, Rules], built: int) -> list[Step]:
    doomed = [change for change in plan.changes if change.action in _GONE]
    doomed.sort(key=lambda change: -rules[change.kind].rank)
    before = frozenset() if plan.mode is Mode.DESTROY else frozenset(range(built))
    steps = [Step(built + index, _GONE[change.action], change) for index, change in enumerate(doomed)]
    return [
        step
        if step.change.reason in _AT_ONCE
        else Step(
            step.number,
            step.op,
            step.change,
            before | {s.number for s in steps if rules[s.change.kind].rank > rules[step.change.kind].rank},
        )
        for step in steps
    ]
