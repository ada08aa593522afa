"""What hangs on a change: everything downstream of it that would change too. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ftctl.core.changes import Action, Change
from ftctl.core.model import Address, Resource

_STAYS = {Action.NOOP, Action.BLOCKED, Action.DELETE, Action.FORGET}


def dependents(change: Change, changes: Sequence[Change], declared: Mapping[Address, Resource]) -> tuple[Address, ...]:
    """In the order of the plan; nothing where the change alters nothing for others."""
    if change.action in _STAYS:
        return ()
    reached = {change.address}
    hanging = []
    for other in changes:
        moved = other.action not in _STAYS or other.action is Action.BLOCKED
        named = declared[other.address].references if other.address in declared else ()
        if other.address not in reached and any(need in reached for need in named):
            reached.add(other.address)
            hanging += [other.address] if moved else []
    return tuple(hanging)
