"""What preflight found in a plan: laid on its changes, and told as one table. Pure; no digest knows of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ftctl.core import rights
from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.errors import Problem
from ftctl.core.model import Address, ChangeClass, Finding, Outlook, Standing

_ORDER = (Standing.FAIL, Standing.WARN, Standing.UNVERIFIED, Standing.PASS)


def checked(plan: Plan, whole: tuple[Finding, ...], found: Mapping[Address, Outlook]) -> Plan:
    """A plan with the findings about all of it and about its changes; a change that would be refused is blocked."""
    changes = tuple(
        _checked(one, found[one.address]) if one.address in found and one.action is not Action.DELETE else one
        for one in plan.changes
    )
    new = tuple(one.problem for one in found.values() if one.problem)
    return replace(plan, changes=changes, problems=(*plan.problems, *new), preflight=whole)


def _checked(change: Change, found: Outlook) -> Change:
    told = (*change.findings, *found.findings)
    if not found.problem:
        return replace(change, findings=told)
    nothing: dict[str, Any] = {"before": {}, "after": {}, "fields": (), "because": (), "affects": (), "estimate": None}
    stopped: dict[str, Any] = {"action": Action.BLOCKED, "reason": Reason.REFUSED, "problem": found.problem}
    return replace(change, change_class=ChangeClass.NONE, findings=told, **stopped, **nothing)


def lacking(plan: Plan) -> list[Problem]:
    """The rights that whoever would apply this has not: for them to hear before anything is written.

    They are no problem of the plan itself: a reader may make it, and somebody else carry it out.
    """
    missing = (one for one in plan.preflight if one.check == rights.CHECK and one.standing is Standing.FAIL)
    return [Problem("FT3320", one.what, why=f"This rests on {one.basis}.") for one in missing]


def table(plan: Plan) -> list[tuple[str, Finding]]:
    """The same, those that did not pass first."""
    return sorted(rows(plan), key=lambda row: _ORDER.index(row[1].standing))


def rows(plan: Plan) -> Iterator[tuple[str, Finding]]:
    """All checks with what they are about, empty for the whole plan."""
    yield from (("", one) for one in plan.preflight)
    yield from ((str(change.address), one) for change in plan.changes for one in change.findings)


def counted(plan: Plan) -> str:
    """`14 pass, 1 warn, 2 unverified`; empty where nothing was checked."""
    number = Counter(one.standing for _, one in rows(plan))
    return ", ".join(f"{number[one]} {one}" for one in (Standing.PASS, *_ORDER[:-1]) if number[one])
