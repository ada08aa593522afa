"""`ftctl apply`: make Azure as it is declared."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from ftctl.cli import options
from ftctl.cli.execution import Order, carry_out
from ftctl.core.clock import SystemClock
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Address
from ftctl.planfile import read_plan
from ftctl.request import Request

N = TypeVar("N", int, float)

_SPECS = {".yaml", ".yml"}
_DIGEST = re.compile(r"[0-9a-f]{64}")


def _digests(_context: click.Context, _option: click.Parameter, text: str | None) -> frozenset[str] | None:
    """The digest of a plan, or of several stacks' with commas between them; empty: that nothing is to be done."""
    if text is None:
        return None
    found = frozenset(text.split(",")) if text else frozenset()
    if not all(map(_DIGEST.fullmatch, found)):
        raise click.BadParameter("a digest has 64 digits and letters a to f, as the plan shows it")
    return found


@click.command(name="apply")
@options.paths
@options.selection
@options.exceptions
@options.changed_since
@click.option(
    "--expect", callback=_digests, metavar="DIGEST", help="Do what was approved: the plan with this digest, or nothing."
)
@options.approval
@options.output("text", "json")
@options.tracing
def command(
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    adopt: tuple[Address, ...],
    retry: tuple[Address, ...],
    max_cost: float | None,
    changed_since: str | None,
    expect: frozenset[str] | None,
    wait: options.Wait,
    output: str,
    trace: str | None,
    *,
    auto_approve: bool,
    streamed: bool,
    **guards: Any,
) -> int:
    """Make Azure as it is declared: show the plan, ask, do it.

    PATH is a stack's file, a folder of them (specs/ if left out), or a plan
    saved by `ftctl plan --out`, which is applied exactly or not at all.
    Running it again resumes what an earlier run began.
    """
    request = options.request(paths, environment, variables, adopt=adopt, retry=retry, max_cost=max_cost, **guards)
    request = replace(request, changed_since=changed_since)
    order = Order(
        request,
        expected=expect,
        approved=auto_approve or expect is not None,
        wait=wait,
        trace=trace,
        output=options.form(output, streamed=streamed),
    )
    saved = [path for path in paths if path.is_file() and path.suffix not in _SPECS]
    return carry_out(_from_file(saved[0], order) if saved else order)


def _from_file(path: Path, order: Order) -> Order:
    """What a saved plan orders. It says everything itself; beside it less may be allowed, more rules given, and the
    secrets that it lacks.
    """
    from ftctl.spec.variables import PREFIX  # noqa: PLC0415  help needs none

    given = order.request
    saved = read_plan(path, SystemClock().now())
    rest = replace(given, paths=(), max_cost=None, max_deletes=None, policies=(), variables={})
    if rest != Request(()) or len(given.paths) > 1 or not given.variables.keys() <= saved.secret:
        raise FtctlError(Problem("FT6010", f"{path} is a saved plan, and more was given beside it"))
    for name in sorted(saved.secret - given.variables.keys()):
        if f"{PREFIX}{name}" not in os.environ:
            raise FtctlError(Problem("FT3113", f"{path} was made with --var {name}=…, and no secret is kept in it"))
    request = replace(
        saved.request,
        max_cost=_less(saved.request.max_cost, given.max_cost),
        max_deletes=_less(saved.request.max_deletes, given.max_deletes),
        policies=tuple(dict.fromkeys((*saved.request.policies, *given.policies))),
        variables={**saved.request.variables, **given.variables},
    )
    return replace(
        order, request=request, digests=saved.digests, costs=saved.costs, seen=saved.plans, file=path, approved=True
    )


def _less(one: N | None, other: N | None) -> N | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)
