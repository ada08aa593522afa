"""What `plan` says of several stacks: one report that leads with all of them, then those with something to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ftctl.cli.session import caution, warned
from ftctl.cli.streams import complain, show, tell
from ftctl.core.changes import Plan
from ftctl.render.stacks import quiet, sentence, stacks_text
from ftctl.render.text import plan_text

if TYPE_CHECKING:
    from ftctl.render.look import Look
    from ftctl.spec.stack import Stack


def report(stacks: Sequence[Stack], plans: Mapping[str, Plan], looks: Look, *, shown: bool) -> None:
    """The report; with `shown` the plans too, which are on stdout in another form otherwise."""
    made = [plans[stack.name] for stack in stacks if stack.name in plans]
    missing = [stack.name for stack in stacks if stack.name not in plans]
    if shown:
        show(stacks_text(made, looks, missing))
    for stack in stacks:
        if stack.name in plans:
            _one(stack, plans[stack.name], looks, shown=shown)
    if shown and not all(map(quiet, made)):
        show("\n" + sentence(made, looks))


def _one(stack: Stack, plan: Plan, looks: Look, *, shown: bool) -> None:
    """One stack's part; of one with nothing to do only what is doubtful."""
    if quiet(plan) and not warned(stack):
        return
    tell(heading(stack))
    if shown and not quiet(plan):
        show("\n" + plan_text(plan, looks))
    caution(stack)
    complain(plan.problems)


def heading(stack: Stack) -> str:
    return f"\nStack {stack.name} ({stack.path})"
