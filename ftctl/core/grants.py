"""Roles that a plan gives: whether a right is on its way, and what a refused listing means then. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ftctl.core.changes import Action, Change, Observed
from ftctl.core.errors import Problem
from ftctl.core.model import Home, Live

FRESH_GRANT_SECONDS = 30 * 60  # Azure gives a new role assignment this long to reach the data plane


def granting_of(home: Home, lives: Iterable[Live], changes: Iterable[Change], now: float) -> bool:
    """Whether a role assignment of the stack is about to be made, or was a short while ago."""
    planned = any(change.kind == "roleAssignment" and change.action is Action.CREATE for change in changes)
    return planned or any(
        live.kind == "roleAssignment" and live.owner == home.stack and now - live.created < FRESH_GRANT_SECONDS
        for live in lives
    )


def blindness(observed: Observed, changes: Iterable[Change], *, granting: bool) -> list[Problem]:
    """A refused listing is no problem while the right to it is just being given, or goes with the account."""
    going = {change.key for change in changes if change.kind == "account" and change.action is Action.DELETE}
    return [blind.problem for blind in observed.blind if not (granting or blind.within in going)]
