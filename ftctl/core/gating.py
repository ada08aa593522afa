"""Gates in a plan: what one says, or will be asked, and what that means for what stands behind it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ftctl.core.changes import Action, Change, Reason
from ftctl.core.errors import Problem
from ftctl.core.model import ChangeClass, Health, Live, Resource

_MOVES = {Action.CREATE, Action.UPDATE, Action.REPLACE, Action.ADOPT}


def judgement(resource: Resource, base: Change, live: Live | None, found: Problem | None) -> Change:
    """A gate's change, made of `base`, which has what it asks for; `found` is what a live one refuses with."""
    if live is None:
        return base
    if live.health is Health.PENDING:  # what it could be judged by so far lets the model pass
        return replace(base, because=tuple(live.outputs.get("told", ())))
    if found is None:
        return Change(resource.address, Action.NOOP, Reason.AS_DECLARED, live=live)
    problem = replace(found, where=found.where or resource.where, subject=str(resource.address))
    told = tuple(live.outputs.get("told", ()))
    return replace(base, action=Action.BLOCKED, reason=Reason.NOT_PASSED, because=told, problem=problem, live=live)


def gated(change: Change, gates: Sequence[Change]) -> Change:
    """A change with what its gates say of it; one that any of them refuses is held back."""
    if change.action not in _MOVES or not gates:
        return change
    if any(gate.action is Action.BLOCKED for gate in gates):
        return replace(change, action=Action.BLOCKED, reason=Reason.HELD, change_class=ChangeClass.NONE)
    told = (line for gate in gates if gate.live for line in gate.live.outputs.get("told", ()))
    return replace(change, because=(*change.because, *told))
