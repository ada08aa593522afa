"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import click

from ftctl.core.model import Address
from ftctl.request import Request

F = TypeVar("F", bound=Callable[..., Any])

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LENGTH = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_ADDRESS = re.compile(r"[A-Za-z]+/[^/\s]+")


def seconds(text: str) -> float | None:
    """`1h30m` in seconds; None for what is no length of time."""
    if not _LENGTH.fullmatch(text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def _addresses(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> tuple[Address, ...]:
    for text in texts:
        if not _ADDRESS.fullmatch(text):
            raise click.BadParameter(f"'{text}' is not of the form kind/name, such as account/main")
    return tuple(Address.parse(text) for text in texts)


def _assignments(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """`name=value` several times. What is wrong is not quoted: it may be a secret without its name."""
    pairs = [text.partition("=") for text in texts]
    if not all(name and equals for name, equals, _ in pairs):
        raise click.BadParameter("a variable is given as NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _patience(_context: click.Context, _option: click.Parameter, text: str) -> float | None:
    """Seconds to wait at the most; None for as long as it takes."""
    length = 0.0 if text == "none" else seconds(text)
    if length is None and text != "all":
        raise click.BadParameter(f"'{text}' is neither all nor none nor a length of time such as 30m")
    return length


def _dollars(_context: click.Context, _option: click.Parameter, amount: float | None) -> float | None:
    if amount is not None and not (isfinite(amount) and amount >= 0):
        raise click.BadParameter("a limit is a number of US dollars, 0 or more")
    return amount


_environment = click.option("-e", "--env", "environment", metavar="NAME", help="Use this environment of the stacks.")
_variable = click.option(
    "--var", "variables", callback=_assignments, multiple=True, metavar="NAME=VALUE", help="Set a variable."
)
_adopt = click.option(
    "--adopt",
    callback=_addresses,
    multiple=True,
    metavar="ADDRESS",
    help="Take over a thing that carries no stack's mark.",
)
_retry = click.option(
    "--retry",
    callback=_addresses,
    multiple=True,
    metavar="ADDRESS",
    help="Try again what failed before as it is declared.",
)
_max_cost = click.option(
    "--max-cost",
    type=float,
    callback=_dollars,
    metavar="USD",
    help="Do nothing if all trainings together could cost more.",
)
_approve = click.option("--auto-approve", is_flag=True, help="Do not ask. Bypasses no protection.")
_wait = click.option(
    "--wait",
    callback=_patience,
    metavar="all|none|30m",
    default="all",
    show_default=True,
    help="How long to wait for what Azure takes its time for.",
)

paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
files = click.option(
    "-f",
    "--file",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A stack's file or a folder of them.  [default: specs]",
)
tracing = click.option(
    "--trace",
    is_flag=False,
    flag_value="-",
    metavar="[FILE]",
    help="Write a line for each call to Azure, to stderr or FILE.",
)


def selection(function: F) -> F:
    """With which values the stacks are loaded."""
    return _environment(_variable(function))


def exceptions(function: F) -> F:
    """What planning does only when asked."""
    return _adopt(_retry(_max_cost(function)))


def approval(function: F) -> F:
    """Who says yes, and how long to wait for Azure."""
    return _approve(_wait(function))


def output(*formats: str) -> Callable[[F], F]:
    return click.option(
        "-o", "--output", type=click.Choice(formats), default=formats[0], show_default=True, help="Form of the result."
    )


def request(
    paths: tuple[Path, ...],
    environment: str | None,
    variables: Mapping[str, str],
    *,
    adopt: tuple[Address, ...] = (),
    retry: tuple[Address, ...] = (),
    max_cost: float | None = None,
) -> Request:
    """What was asked for, as the workflow takes it."""
    return Request(paths or (Path("specs"),), environment, variables, adopt=adopt, retry=retry, max_cost=max_cost)
