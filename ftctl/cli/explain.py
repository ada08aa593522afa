"""`ftctl explain`: what an error code means and what to do about it."""

from __future__ import annotations

import sys

import click

from ftctl.cli.streams import look, show
from ftctl.core.codes import CODES
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.suggest import did_you_mean
from ftctl.render.codes import index, page


@click.command(name="explain")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Say what an error code means and how to mend it; without CODE, list all."""
    if code is None:
        show(index(CODES, look(sys.stdout)))
        return
    known = code.upper()
    if known not in CODES:
        fix = f"{did_you_mean(known, CODES)} Run `ftctl explain` for all codes.".strip()
        raise FtctlError(Problem("FT6006", f'there is no code "{code}"', fix=fix))
    show(page(known, CODES[known], look(sys.stdout)))
