"""`ftctl import`: a spec made of what there is, a live account or job files of azd."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.session import nearby, traced, unwritable, verdict
from ftctl.cli.streams import complain, emit, look, show, tell
from ftctl.core.clock import SystemClock
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.embedded import local_folder
from ftctl.importing.draft import Draft, stack_name
from ftctl.render.look import counted
from ftctl.request import Request

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.core.changes import Plan
    from ftctl.spec.stack import Stack

_NOUNS = {
    "resources": "account", "roleAssignments": "role assignment", "datasets": "dataset", "jobs": "job",
    "deployments": "deployment",
}  # fmt: skip


@click.command(name="import")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--account", metavar="NAME", help="The account: its name, or its whole ARM id.")
@click.option("-g", "--resource-group", "group", metavar="NAME", help="The account's resource group.")
@click.option("--subscription", metavar="ID", help="The subscription.  [default: AZURE_SUBSCRIPTION_ID]")
@click.option(
    "--cloud",
    type=click.Choice(["public", "usgov", "china", "local"]),
    default="public",
    show_default=True,
    help="The cloud.",
)
@click.option("--location", metavar="REGION", help="For job files of azd: the account's region.")
@click.option("--stack", metavar="NAME", help="What to call the stack.  [default: after the account]")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write a new file instead of to stdout.")
@options.tracing
def command(
    files: tuple[Path, ...],
    account: str | None,
    group: str | None,
    subscription: str | None,
    cloud: str,
    location: str | None,
    stack: str | None,
    out: Path | None,
    trace: str | None,
) -> int:
    """Write a spec of what there is; change nothing in Azure.

    With --account, a live account with its files, jobs, checkpoints,
    deployments and role assignments, so that the plan of the spec is empty.
    With FILE, job files of azd's fine-tuning extension. What a spec cannot
    say is told, and never dropped unsaid.
    """
    if out and (out.exists() or out.is_symlink()):
        raise FtctlError(Problem("FT6064", f"{out} exists already"))
    if stack and stack_name(stack) != stack:
        raise FtctlError(
            Problem("FT6066", f"no stack can be called {stack}", fix=f"Such as `--stack {stack_name(stack)}`.")
        )
    place = _place(account, group, subscription, cloud)
    if files:
        _azd(files, out, replace(place, location=location or "", stack=stack or ""))
        return Exit.DONE
    if not account:
        raise FtctlError(Problem("FT6060", "neither an account nor a job file of azd is named"))
    with _azure(cloud, trace) as clients:
        return _live(clients, place, stack or "", out)


def _place(account: str | None, group: str | None, subscription: str | None, cloud: str) -> Any:
    """Where it is, by the options; an ARM id says more than a name."""
    from ftctl.importing.azd import Target  # noqa: PLC0415  help needs none

    if account and account.startswith("/"):
        from ftctl.clients.ids import parse  # noqa: PLC0415  only where an id is given

        at = parse(account)
        if not at.account:
            raise FtctlError(Problem("FT6060", f"{account} is the id of no account"))
        return Target(at.subscription, at.group, at.account, cloud=cloud)
    if cloud == "local" and not subscription:
        from ftctl.local.identity import SUBSCRIPTION_ID  # noqa: PLC0415  the local Azure comes in only where it is meant

        subscription = SUBSCRIPTION_ID
    return Target(subscription or os.environ.get("AZURE_SUBSCRIPTION_ID", ""), group or "", account or "", cloud=cloud)


# --- azd's files


def _azd(files: tuple[Path, ...], out: Path | None, place: Any) -> None:
    from ftctl.importing.azd import convert  # noqa: PLC0415  help needs none

    draft, warnings = convert(files, place, out.parent if out else Path())
    _write(out, draft)
    complain(warnings)


# --- a live account


@contextmanager
def _azure(cloud: str, trace: str | None) -> Iterator[Clients]:
    if cloud == "local":
        tell(f"On the local Azure in {nearby(local_folder())} (not Microsoft Azure).")
    stack = _nowhere(cloud)
    with ExitStack() as open_:
        tracing = open_.enter_context(traced(trace)) if trace else None
        opened = workflow.connect([stack], clock=SystemClock(), trace=tracing, folder=local_folder())
        yield open_.enter_context(opened)[workflow.cloud_key(stack)]


def _nowhere(cloud: str) -> Stack:
    """A stack that only says which cloud is meant."""
    from ftctl.core.model import Home  # noqa: PLC0415  help needs none
    from ftctl.spec.stack import Stack  # noqa: PLC0415  the same

    return Stack("", Path(), Home("", "", ""), cloud, (), {})


def _live(clients: Clients, place: Any, stack: str, out: Path | None) -> int:
    from ftctl.importing.survey import Asked, survey  # noqa: PLC0415  help needs none

    if not place.subscription:
        raise FtctlError(Problem("FT6065", "it is not said which subscription the account is in"))
    draft = survey(clients, Asked(place.subscription, place.account, place.group, stack, place.cloud))
    plan = _planned(clients, draft)
    _write(out, draft)
    tell(_verdict(plan))
    complain(plan.problems)
    return verdict(plan)


def _planned(clients: Clients, draft: Draft) -> Plan:
    """The plan of what was written, made before anybody else gets it."""
    from ftctl.importing.emit import text_of  # noqa: PLC0415  help needs none

    with TemporaryDirectory(prefix="ftctl-") as folder:
        file = Path(folder) / "imported.yaml"
        file.write_text(text_of(draft), encoding="utf-8")
        try:
            (stack,) = workflow.load(Request((file,)))
        except FtctlError as error:
            first = error.problems[0]
            what = f"{first.subject + ': ' if first.subject else ''}{first.what} ({first.code})"
            raise FtctlError(Problem("FT6067", f"the spec of this account would be refused: {what}")) from None
        return workflow.plan(stack, clients, clock=SystemClock())


def _verdict(plan: Plan) -> str:
    if plan.empty:
        return f"\nIts plan is empty: {counted(len(plan.changes), 'thing')} in Azure as declared."
    waiting = ", ".join(f"{one.action} {one.address}" for one in plan.pending)
    return f"\nIts plan is not empty: {waiting}."


# --- what was written


def _write(out: Path | None, draft: Draft) -> None:
    from ftctl.importing.emit import text_of  # noqa: PLC0415  help needs none

    text = text_of(draft)
    if out is None:
        emit(text.removesuffix("\n"))
    else:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with out.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise unwritable(out, error) from None
        numbers = {name: len(section.entries) for name, section in draft.sections.items()}
        found = ", ".join(counted(number, _NOUNS[name]) for name, number in numbers.items() if number)
        show(f"Wrote {out}: {found}.")
    if draft.notes:
        seen = look(sys.stderr)
        tell("\nRemarks:")
        tell("\n".join(line for note in draft.notes for line in seen.wrap(note, "  - ", "    ")))
