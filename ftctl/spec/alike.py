"""Stacks that could take each other's jobs for their own: a job's name has room for four digits of its stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ftctl.core.errors import Problem
from ftctl.kinds.contract import account_of
from ftctl.kinds.marks import stack_mark
from ftctl.spec.words import problem

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack


def alike(stacks: Iterable[Stack]) -> Iterator[Problem]:
    """Two stacks with one mark that train in one account: each would cancel what the other one trains."""
    first: dict[tuple[str, ...], Stack] = {}
    told: set[tuple[str, str]] = set()
    for stack in stacks:
        mark = stack_mark(stack.name)
        for account in _trains_in(stack):
            other = first.setdefault((account, mark), stack)
            if other.name != stack.name and (other.name, stack.name) not in told:
                told.add((other.name, stack.name))
                what = f"the stacks {other.name} and {stack.name} train in one account and have the same mark, {mark}"
                yield problem("FT6046", stack.where, what)


def _trains_in(stack: Stack) -> set[str]:
    names = {one.address: one.spec.name for one in stack.resources if one.address.kind == "account"}
    at = {names[account_of(one)] for one in stack.resources if one.address.kind == "job"}
    return {f"{stack.home.subscription}/{stack.home.group}/{name}".lower() for name in at}
