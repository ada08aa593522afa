"""Whose a live thing is: others' are used, read or refused, and what would have one address is told apart. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ftctl.core.changes import Action, Change, Reason
from ftctl.core.errors import Problem
from ftctl.core.model import Address, Health, Live, Resource


def referenced(resource: Resource, live: Live | None) -> Change:
    """Somebody else's thing by its name: it is only read."""
    if live:
        return Change(resource.address, Action.NOOP, Reason.REFERENCED, live=live)
    problem = Problem(
        "FT3003",
        f"{resource.address} is only referenced, and it does not exist",
        resource.where,
        why="`manage: reference` means that somebody else creates it.",
        fix="Create it there first, or let this stack own it with `manage: full`.",
    )
    return Change(resource.address, Action.BLOCKED, Reason.REFUSED, problem=problem)


def used(resource: Resource, live: Live) -> Change:
    """Another owner's thing of the same content: it is waited for, and never changed."""
    if live.health is Health.PENDING:
        return Change(resource.address, Action.WAIT, Reason.IN_PROGRESS, live=live)
    return Change(resource.address, Action.NOOP, Reason.REFERENCED, live=live)


def foreign(resource: Resource, live: Live) -> Change:
    owner = f"it belongs to the stack `{live.owner}`" if live.owner else "it carries no stack's mark"
    way = (
        "Take it out of that stack first, or declare it here with another name."
        if live.owner
        else f"Take it over with `ftctl adopt {resource.address}`, or with `--adopt` on plan and apply, or declare"
        " another name."
    )
    problem = Problem(
        "FT3001",
        f"{resource.address} exists already as {live.name}, and {owner}",
        resource.where,
        why="ftctl changes and deletes only what its own stack owns.",
        fix=way,
    )
    return Change(resource.address, Action.BLOCKED, Reason.FOREIGN, problem=problem, live=live)


def apart(changes: list[Change], declared: Collection[Address]) -> Iterator[Change]:
    """Tell apart what would have one address: several files or jobs of one name."""
    addresses = [*declared, *(change.address for change in changes)]
    for change in changes:
        if addresses.count(change.address) > 1 and change.live:
            address = Address(change.address.kind, f"{change.address.name}@{change.live.id.rpartition('/')[2][-8:]}")
            yield replace(change, address=address)
        else:
            yield change
