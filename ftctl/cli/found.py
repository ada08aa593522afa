"""One thing by its name: in which of the loaded stacks it is declared, and what of it is live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ftctl import workflow
from ftctl.cli.session import Session
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Address, Live, Resource, World
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
    _, jobs = sweep(stacks, name) if kind == "job" else (None, [])
    if jobs:
        fix = f"Name one of them: {', '.join(job.name for job in jobs)}."
        raise FtctlError(Problem("FT6004", f"{address} is a sweep of {len(jobs)} jobs", fix=fix))
    fix = f"{did_you_mean(address.name, known)} Declared: {', '.join(known) or 'none'}.".strip()
    raise FtctlError(Problem("FT6004", f"no stack declares {address}", fix=fix))


def sweep(stacks: Sequence[Stack], name: str) -> tuple[Stack | None, list[Address]]:
    """The stack and the jobs of the sweep called `name`; no stack where there is none."""
    address = Address("job", name.removeprefix("job/"))
    for stack in stacks:
        named = [one.address for one in stack.resources if one.address.declared == address != one.address]
        if named:
            return stack, named
    return None, []


def existing(live: Live | None, address: Address) -> Live:
    """What is live of a declaration, which has to be something."""
    if live is None:
        raise FtctlError(Problem("FT6005", f"{address} is declared, but not in Azure"))
    return live


def looking(opened: Session) -> Look:
    """A look at what is live in a stack, taken once however often it is asked for."""
    seen: dict[str, tuple[Live, ...]] = {}

    def look(stack: Stack) -> tuple[Live, ...]:
        if stack.name not in seen:
            seen[stack.name] = workflow.observe(stack, opened.clients(stack)).lives
        return seen[stack.name]

    return look


def newest(opened: Session, stack: Stack, resource: Resource, look: Look | None = None) -> Live:
    """What of a declaration is live now; of a history the newest, of a sweep's job the one with its recipe."""
    address = resource.address
    adopted = getattr(resource.spec, "adopt", None)
    if address != address.declared:
        made = workflow.plan(stack, opened.clients(stack), clock=opened.clock)
        return existing(next(change.live for change in made.changes if change.address == address), address)
    names = (address.name, *resource.formerly)
    labels = {*names, getattr(resource.spec, "suffix", None), *(name.replace("_", "-")[:18] for name in names)}
    lives = [
        live
        for live in (look or looking(opened))(stack)
        if live.kind == address.kind
        and (live.id == adopted if adopted else live.owner == stack.name and live.label in labels)
    ]
    if not lives:
        raise FtctlError(Problem("FT6005", f"{address} is declared, but not in Azure", resource.where))
    return max(lives, key=lambda live: live.created)


def account(opened: Session, name: str | None) -> tuple[Stack, Live]:
    """The live account of a name, or the only one that the stacks declare; with it the stack."""
    from ftctl.kinds import kinds  # noqa: PLC0415  help needs none

    names = [one.address.name for stack in opened.stacks for one in stack.resources if one.address.kind == "account"]
    if name is None and len(names) != 1:
        raise FtctlError(Problem("FT6053", f"the stacks declare {len(names)} accounts: {', '.join(names)}"))
    stack, resource = declared(opened.stacks, "account", name or names[0])
    key = kinds()["account"].wanted(resource, World(stack.home)).key
    lives = workflow.observe(stack, opened.clients(stack)).lives
    live = next((live for live in lives if live.kind == "account" and live.key == key), None)
    if live is None:
        raise FtctlError(Problem("FT6005", f"{resource.address} is declared, but not in Azure", resource.where))
    return stack, live
