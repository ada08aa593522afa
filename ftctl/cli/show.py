"""`ftctl show`: a saved plan, in every form, without a call to Azure."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from ftctl.cli import options
from ftctl.cli.plan import append
from ftctl.cli.streams import complain, emit, errors_as, look, show
from ftctl.core.errors import Exit
from ftctl.planfile import shown_plans
from ftctl.render.formats import FORMATS, formatted
from ftctl.render.outputs import step_outputs


@click.command(name="show")
@click.argument("file", type=click.Path(path_type=Path), metavar="PLAN")
@options.output(*FORMATS)
@options.explanation
@options.outputs
def command(file: Path, output: str, outputs: Path | None, *, why: bool, show_suppressed: bool) -> None:
    """Show a plan that `ftctl plan --out` saved, as it was; Azure is not asked.

    PLAN is the file. It is shown only if its digest is that of its changes. A
    comment that had to be cut gives no digest to --outputs.
    """
    from ftctl.render.text import plan_text  # noqa: PLC0415  help needs none

    with errors_as(output):
        plans = shown_plans(file)
    text = formatted(output, plans) if output != "text" else None
    if outputs:
        append(outputs, step_outputs(plans, Exit.DONE, text if output == "markdown" else None))
    if text is not None:
        emit(text)
        return
    looks = replace(look(sys.stdout), why=why, hidden=show_suppressed)
    for number, plan in enumerate(plans):
        show(("\n" if number else "") + plan_text(plan, looks))
        complain(plan.problems)
