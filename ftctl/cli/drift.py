"""`ftctl drift`: what is no longer as it was applied."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.session import session, verdict
from ftctl.cli.streams import complain, emit, errors_as, look, show
from ftctl.core.changes import Change, Plan
from ftctl.core.drift import Drift, drift
from ftctl.core.errors import Exit
from ftctl.core.model import Address
from ftctl.render.drift import drift_json, drift_text
from ftctl.render.drift_markdown import drifts_markdown
from ftctl.render.findings import document, problems_json

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack


@click.command(name="drift")
@options.paths
@options.selection
@options.output("text", "json", "markdown")
@options.tracing
def command(
    paths: tuple[Path, ...], environment: str | None, variables: dict[str, str], output: str, trace: str | None
) -> int:
    """Show what has changed in Azure since the last apply; change nothing.

    The spec is taken as applied: what differs from it was changed outside
    ftctl or is gone, with the likely cause. What the spec asks for anew is
    told apart. Exits with 2 when something has drifted.

    PATH is a stack's file or a folder of them, specs/ if left out.
    """
    results: list[dict[str, Any]] = []
    seen: list[tuple[Plan, Drift, Mapping[Address, str]]] = []
    with (
        errors_as(output),
        session(options.request(paths, environment, variables), trace) as opened,
        opened.ahead(lambda stack: workflow.plan(stack, opened.clients(stack), clock=opened.clock)) as made,
    ):

        def one(stack: Stack) -> Exit:
            plan = made(stack)
            told = drift(plan)
            causes = _causes(stack, told.found)
            results.append(drift_json(plan, told, causes))
            seen.append((plan, told, causes))
            if output == "text":
                show(drift_text(plan, told, causes, look(sys.stdout)))
            complain(plan.problems)
            code = verdict(plan)
            return Exit.CHANGES if told.found and code is Exit.DONE else code

        code = opened.each(one)
        if output == "json":
            emit(document(stacks=results, problems=problems_json(opened.problems)))
        if output == "markdown":
            emit(drifts_markdown(seen, opened.problems))
    return code


def _causes(stack: Stack, found: tuple[Change, ...]) -> Mapping[Address, str]:
    from ftctl.kinds import kinds  # noqa: PLC0415  only where something has drifted

    declared = {resource.address: resource for resource in stack.resources}
    return {
        change.address: kinds()[change.kind].written(change.live)
        if change.live
        else kinds()[change.kind].gone(declared[change.address])
        for change in found
    }
