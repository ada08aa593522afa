"""One thing by its name: in which of the loaded stacks it is declared, and what of it is live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ftctl import workflow
from ftctl.cli.session import Session
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Address, Live, Resource
from ftctl.core.suggest import did_you_mean

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack

    Look = Callable[[Stack], tuple[Live, ...]]


def declared(stacks: Sequence[Stack], kind: str, name: str) -> tuple[Stack, Resource]:
    """The stack and the declaration of `name`, which may be written as an address too."""
    address = Address(kind, name.removeprefix(f"{kind}/"))
    found = [(stack, resource) for stack in stacks for resource in stack.resources if resource.address == address]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(str(stack.path) for stack, _ in found)
        raise FtctlError(Problem("FT6007", f"several stacks declare {address}: {names}"))
    known = [one.address.name for stack in stacks for one in stack.resources if one.address.kind == kind]
    fix = f"{did_you_mean(address.name, known)} Declared: {', '.join(known) or 'none'}.".strip()
    raise FtctlError(Problem("FT6004", f"no stack declares {address}", fix=fix))


def looking(opened: Session) -> Look:
    """A look at what is live in a stack, taken once however often it is asked for."""
    seen: dict[str, tuple[Live, ...]] = {}

    def look(stack: Stack) -> tuple[Live, ...]:
        if stack.name not in seen:
            seen[stack.name] = workflow.observe(stack, opened.clients(stack)).lives
        return seen[stack.name]

    return look


def newest(opened: Session, stack: Stack, resource: Resource, look: Look | None = None) -> Live:
    """What of a declaration is live now; of a history the newest."""
    address = resource.address
    labels = {address.name, getattr(resource.spec, "suffix", None), address.name.replace("_", "-")[:18]}
    lives = [
        live
        for live in (look or looking(opened))(stack)
        if live.kind == address.kind and live.owner == stack.name and live.label in labels
    ]
    if not lives:
        raise FtctlError(Problem("FT6005", f"{address} is declared, but not in Azure", resource.where))
    return max(lives, key=lambda live: live.created)
