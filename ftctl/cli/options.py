"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
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
_SECRET = re.compile(r"(?i)key|secret|token|password|sas|sig=")
ADDRESS = re.compile(r"[A-Za-z]+/[^/\s]+")


def seconds(text: str) -> float | None:
    """`1h30m` in seconds; None for what is no length of time."""
    if not _LENGTH.fullmatch(text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def _addresses(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> tuple[Address, ...]:
    for text in texts:
        if not ADDRESS.fullmatch(text):
            raise click.BadParameter(f"'{text}' is not of the form kind/name, such as account/main")
    return tuple(Address.parse(text) for text in texts)


def _assignments(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """`name=value` several times. What is wrong is not quoted: it may be a secret without its name."""
    pairs = [text.partition("=") for text in texts]
    if not all(name and equals for name, equals, _ in pairs):
        raise click.BadParameter("a variable is given as NAME=VALUE")
    return {name: value for name, _, value in pairs}


@dataclass(frozen=True, slots=True)
class Wait:
    """What to wait for: `seconds` at the most (None: as long as it takes), and whether for `trainings`."""

    seconds: float | None = None
    trainings: bool = True


_WAITS = {"all": Wait(), "none": Wait(0.0), "submit": Wait(trainings=False)}


def _patience(_context: click.Context, _option: click.Parameter, text: str) -> Wait:
    if text in _WAITS:
        return _WAITS[text]
    length = seconds(text)
    if length is None:
        raise click.BadParameter(f"'{text}' is neither all, submit nor none, and no length of time such as 30m")
    return Wait(length)


def _allowed(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        from ftctl.core.limits import MANY  # noqa: PLC0415  20 ms that help and most commands need not pay

        if text != MANY and not ADDRESS.fullmatch(text):
            raise click.BadParameter(f"'{text}' is neither {MANY} nor of the form kind/name, such as deployment/prod")
    return texts


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
_max_deletes = click.option(
    "--max-deletes",
    type=click.IntRange(min=0),
    metavar="N",
    help="Do nothing if a stack's plan would delete or replace more things.",
)
_allow = click.option(
    "--allow",
    callback=_allowed,
    multiple=True,
    metavar="WHAT",
    help="Let the plan delete what serves (its ADDRESS), or change a large part of a stack (many-changes).",
)
policies = click.option(
    "--policies",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Hold the plan against these rules too. FTCTL_POLICIES and policies/ beside a stack's file are always read.",
)
_approve = click.option("--auto-approve", is_flag=True, help="Do not ask. Bypasses no protection.")
_wait = click.option(
    "--wait",
    callback=_patience,
    metavar="WHAT",
    default="all",
    show_default=True,
    help="Wait for all, until trainings are submitted (submit), for none, or for a time (30m).",
)

changed_since = click.option(
    "--changed-since", metavar="REV", help="Only stacks that the change since this git revision touches."
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
stream = click.option(
    "--json", "streamed", is_flag=True, help="Write each event as a line of JSON, with a heartbeat, and a report."
)
outputs = click.option(
    "--outputs", type=click.Path(path_type=Path), metavar="FILE", help="Append name=value lines for a pipeline."
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


def selected(request: Request, secret: Collection[str] = ()) -> list[str]:
    """The same selection as words of a command line. Values that are or look like secrets are not repeated."""
    words = ["-e", request.environment] if request.environment else []
    for name, value in request.variables.items():
        hides = name in secret or _SECRET.search(name) or _SECRET.search(value)
        words += ["--var", f"{name}={'***' if hides else value}"]
    return words


def exceptions(function: F) -> F:
    """What planning does only when asked."""
    return _adopt(_retry(guards(function)))


def guards(function: F) -> F:
    """What limits a plan, and what is allowed all the same."""
    return _max_cost(_max_deletes(_allow(policies(function))))


def approval(function: F) -> F:
    """Who says yes, what to wait for, and whether a machine watches."""
    return _approve(_wait(stream(function)))


def explanation(function: F) -> F:
    """What a plan's text says beside the changes; its other forms say it anyway."""
    why = click.option("--why", is_flag=True, help="Say of each field where its value comes from.")
    hidden = click.option("--show-suppressed", is_flag=True, help="List the differences that are noise, and the rules.")
    return why(hidden(function))


def output(*formats: str) -> Callable[[F], F]:
    return click.option(
        "-o", "--output", type=click.Choice(formats), default=formats[0], show_default=True, help="Form of the result."
    )


def form(output: str, *, streamed: bool) -> str:
    """The form of the result, where `--json` may stand beside `-o`."""
    if streamed and output != "text":
        raise click.UsageError(f"`--json` writes a line for each event and `-o {output}` one document: choose one")
    return "lines" if streamed else output


def request(
    paths: tuple[Path, ...],
    environment: str | None,
    variables: Mapping[str, str],
    *,
    adopt: tuple[Address, ...] = (),
    retry: tuple[Address, ...] = (),
    max_cost: float | None = None,
    **guards: Any,
) -> Request:
    """What was asked for, as the workflow takes it."""
    return Request(
        paths or (Path("specs"),), environment, variables, adopt=adopt, retry=retry, max_cost=max_cost, **guards
    )
