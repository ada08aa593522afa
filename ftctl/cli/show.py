"""`ftctl show`: a saved plan, in every form, without a call to Azure."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from ftctl.cli import options
from ftctl.cli.streams import complain, emit, errors_as, look, show
from ftctl.planfile import shown_plans
from ftctl.render.formats import FORMATS, formatted


@click.command(name="show")
@click.argument("file", type=click.Path(path_type=Path), metavar="PLAN")
@options.output(*FORMATS)
@options.explanation
def command(file: Path, output: str, *, why: bool, show_suppressed: bool) -> None:
    """Show a plan that `ftctl plan --out` saved, as it was; Azure is not asked.

    PLAN is the file. It is shown only if its digest is that of its changes.
    """
    from ftctl.render.text import plan_text  # noqa: PLC0415  help needs none

    with errors_as(output):
        plans = shown_plans(file)
    if output != "text":
        emit(formatted(output, plans))
        return
    looks = replace(look(sys.stdout), why=why, hidden=show_suppressed)
    for number, plan in enumerate(plans):
        show(("\n" if number else "") + plan_text(plan, looks))
        complain(plan.problems)
