"""Plans that do less than a stack declares: `adopt` only marks, `rollback` is about one deployment. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.errors import Problem
from ftctl.core.model import Address, ChangeClass, Resource
from ftctl.core.plan import Rules

_NAMED = 4
_OURS = "no mark is missing"


def alone(plan: Plan, address: Address) -> Plan:
    """The plan with what becomes of one thing, and no word about others."""
    return _of(plan, [change for change in plan.changes if change.address == address])


def marking(
    plan: Plan, asked: Collection[Address], rules: Mapping[str, Rules], declared: Mapping[Address, Resource]
) -> Plan:
    """The plan that marks what is asked for as this stack's, and does nothing else with it."""
    found = [change for change in plan.changes if change.address in asked]
    return _of(
        plan, [_marked(change, declared[change.address], rules[change.kind], plan.home.stack) for change in found]
    )


def _of(plan: Plan, changes: list[Change]) -> Plan:
    changes = [replace(change, affects=()) for change in changes]
    problems = tuple(change.problem for change in changes if change.problem)
    return replace(plan, changes=tuple(changes), problems=problems, granting=False)


def _marked(change: Change, resource: Resource, rules: Rules, stack: str) -> Change:
    at, live = change.address, change.live
    if not rules.markable or rules.referenced(resource):
        what = "is only referenced" if rules.markable else f"is a {change.kind}, which takes no mark"
        return _blocked(change, Problem("FT3312", f"{at} {what}", resource.where))
    if live is None:
        return _blocked(change, Problem("FT3311", f"{at} ({change.name}) is not in Azure", resource.where))
    if live.owner and live.owner != stack:
        return change  # which is blocked, as it is another stack's
    own = Change(at, Action.NOOP, Reason.OWNED, name=change.name, key=change.key, live=live, because=(_OURS,))
    if live.owner == stack:
        return own
    taken = replace(own, action=Action.ADOPT, reason=Reason.MARKED, change_class=ChangeClass.METADATA)
    return replace(taken, because=_differing(change))


def _blocked(change: Change, problem: Problem) -> Change:
    base = Change(change.address, Action.BLOCKED, Reason.REFUSED, name=change.name, key=change.key)
    return replace(base, problem=replace(problem, subject=str(change.address)), live=change.live)


def _differing(change: Change) -> tuple[str, ...]:
    paths = [field.path for field in change.fields]
    if not paths:
        return ("it is as declared",)
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return (f"it differs in {', '.join(paths[:_NAMED])}{more}: `ftctl plan` shows that afterwards",)
