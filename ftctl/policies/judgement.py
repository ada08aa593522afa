"""What the rules say of a plan, or offline of what is declared: a problem for each thing that breaks one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ftctl.core.changes import Plan
from ftctl.core.errors import Problem, Severity, Where
from ftctl.core.model import Mode, Resource
from ftctl.policies.expressions import Fault
from ftctl.policies.rules import CHANGE, STACK, Rule
from ftctl.render.json import plan_json
from ftctl.spec.stack import Stack

_Case = tuple[str, Where | None, dict[str, Any]]


def judged(plan: Plan, stack: Stack, rules: Iterable[Rule]) -> list[Problem]:
    """All that breaks a rule. Where a stack is destroyed nothing of it is declared, and its changes are looked at."""
    declared = () if plan.mode is Mode.DESTROY else stack.resources
    content = json.loads(json.dumps(plan_json(plan)))
    facts = {**_facts(stack, declared), "plan": content}
    changes = {change["address"]: change for change in content["changes"]}
    return _held(((rule, case) for rule in rules for case in _cases(rule, stack, declared, changes)), facts)


def foretold(stack: Stack, rules: Iterable[Rule]) -> list[Problem]:
    """What breaks those rules that ask only for what is declared."""
    offline = [rule for rule in rules if not _asks_for_a_plan(rule)]
    cases = ((rule, case) for rule in offline for case in _cases(rule, stack, stack.resources, {}))
    return _held(cases, _facts(stack, stack.resources))


def _asks_for_a_plan(rule: Rule) -> bool:
    expressions = [one for one in (rule.when, rule.require) if one]
    return rule.scope == CHANGE or any(one.mentions(name) for one in expressions for name in ("plan", CHANGE))


def _held(cases: Iterable[tuple[Rule, _Case]], facts: Mapping[str, Any]) -> list[Problem]:
    """What is broken; of the jobs of a sweep once, where the first of them stands."""
    told: dict[str, Problem] = {}
    for rule, case in cases:
        for problem in _said(rule, case, facts):
            told.setdefault(problem.what, problem)
    return list(told.values())


def _facts(stack: Stack, declared: Iterable[Resource]) -> dict[str, Any]:
    home = stack.home
    about = {
        "name": stack.name,
        "environment": stack.environment or "",
        "path": stack.path.as_posix(),
        "subscription": home.subscription,
        "resourceGroup": home.group,
        "cloud": stack.cloud if isinstance(stack.cloud, str) else "own",
    }
    return {"stack": about, "declared": [_declared(one) for one in declared]}


def _declared(resource: Resource) -> dict[str, Any]:
    at = resource.address
    return {"address": str(at), "kind": at.kind, "name": at.name, "resource": _plain(resource.spec)}


def _plain(spec: Any) -> Any:
    """A declaration as the spec writes it, with what it leaves out: maps, lists and scalars."""
    return json.loads(msgspec.json.encode(spec))


def _cases(rule: Rule, stack: Stack, declared: Iterable[Resource], changes: Mapping[str, Any]) -> Iterator[_Case]:
    """Of what a rule is asked: whom it is about, where that stands, and what its expressions know beside the plan."""
    if rule.scope == STACK:
        yield "", stack.where, {}
    elif rule.scope == CHANGE:
        places = {str(resource.address): resource.place(rule.at) for resource in declared}
        for address, change in changes.items():
            yield address, places.get(address, stack.where), {"change": change}
    else:
        for one in declared:
            if one.address.kind == rule.scope:
                facts = {"name": one.address.name, "resource": _plain(one.spec)}
                change = changes.get(str(one.address))
                yield str(one.address.declared), one.place(rule.at), {**facts, **({CHANGE: change} if change else {})}


def _said(rule: Rule, case: _Case, facts: Mapping[str, Any]) -> Iterator[Problem]:
    subject, where, own = case
    known = {**facts, **own}
    whom = subject or facts["stack"]["name"]
    at = f"The policy stands at {rule.where}."
    try:
        if (rule.when and not rule.when.holds(known)) or rule.require.holds(known):
            return
    except Fault as fault:
        what = f"the policy {rule.name} cannot be held against {whom}: {fault.what}"
        yield Problem("FT3052", what, where, why=f"What nobody could check is not let through. {at}", subject=subject)
        return
    code = "FT3050" if rule.severity is Severity.ERROR else "FT3051"
    why = f"{rule.why.strip()} {at}".strip()
    what = f"{whom} breaks the policy {rule.name}: {rule.message.strip()}"
    yield Problem(code, what, where, why=why, fix=rule.fix.strip(), subject=subject, severity=rule.severity)
