"""`ftctl adopt`: mark what is in Azure as a stack's own, and change nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl.cli import options
from ftctl.cli.execution import Order, carry_out
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Address, Mode
from ftctl.core.suggest import did_you_mean

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack


@click.command(name="adopt")
@click.argument("words", nargs=-1, required=True, metavar="ADDRESS... [PATH]...")
@options.selection
@options.approval
@options.output("text", "json")
@options.tracing
def command(
    words: tuple[str, ...],
    environment: str | None,
    variables: dict[str, str],
    wait: options.Wait,
    output: str,
    trace: str | None,
    *,
    auto_approve: bool,
    streamed: bool,
) -> int:
    """Mark things in Azure as a stack's own: show it, ask, do it.

    ADDRESS is what the stack calls one, such as account/main. It gets the
    marks of ftctl and stays as it is otherwise; the next plan shows how it
    differs from what is declared. What is another stack's is never taken.

    PATH is a stack's file or a folder of them, specs/ if left out.
    """
    addresses = tuple(Address.parse(word) for word in words if _is_address(word))
    paths = tuple(Path(word) for word in words if not _is_address(word))
    if not addresses:
        raise click.UsageError("name what is to be adopted, such as account/main")
    request = options.request(paths, environment, variables, adopt=addresses)
    return carry_out(
        Order(
            request,
            Mode.ADOPT,
            approved=auto_approve,
            wait=wait,
            trace=trace,
            output=options.form(output, streamed=streamed),
            chosen=partial(_declaring, addresses),
        )
    )


def _is_address(word: str) -> bool:
    """Whether a word is meant as an address: it looks like one, and no file or folder is called so."""
    return bool(options.ADDRESS.fullmatch(word)) and not Path(word).exists()


def _declaring(addresses: Iterable[Address], stacks: Sequence[Stack]) -> list[Stack]:
    """The stacks that declare the addresses, of which each has to be in exactly one."""
    by = {at: [one for one in stacks if any(found.address == at for found in one.resources)] for at in addresses}
    known = [str(one.address) for stack in stacks for one in stack.resources]
    problems = [_unknown(at, known) for at, found in by.items() if not found]
    for at, found in by.items():
        if len(found) > 1:
            names = ", ".join(str(stack.path) for stack in found)
            fix = "Name the stack's file behind the address."
            problems.append(Problem("FT6007", f"several stacks declare {at}: {names}", fix=fix))
    if problems:
        raise FtctlError.all(problems)
    return [stack for stack in stacks if any(stack in found for found in by.values())]


def _unknown(address: Address, known: list[str]) -> Problem:
    fix = f"{did_you_mean(str(address), known)} `ftctl status` shows all addresses.".strip()
    return Problem("FT6070", f"no stack declares {address}", fix=fix)
