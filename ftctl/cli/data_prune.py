"""`ftctl data prune`: delete uploaded files that nothing needs any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.session import Session, session
from ftctl.cli.streams import ask, complain, emit, errors_as, interactive, show, tell
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.core.model import Live
from ftctl.render.findings import document, problems_json
from ftctl.render.look import clean, counted, duration

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.spec.stack import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to do with what is found."""

    output: str
    asks: bool
    deletes: bool


@dataclass(frozen=True, slots=True)
class Spare:
    """A file that can go, and the clients of its cloud."""

    live: Live
    clients: Clients


@click.command(name="prune")
@options.paths
@click.option("--dry-run", is_flag=True, help="Only show them.")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@options.selection
@options.output("text", "json")
@options.tracing
def command(
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    output: str,
    trace: str | None,
    *,
    dry_run: bool,
    auto_approve: bool,
) -> int:
    """Delete files of the stacks that no dataset and no unfinished job needs.

    Files of other stacks, files without a stack's mark and results of
    training stay. PATH is a stack's file or a folder of them, specs/ if left
    out.
    """
    order = Order(output=output, asks=not (dry_run or auto_approve), deletes=not dry_run)
    with errors_as(output):
        if order.asks and (output == "json" or not interactive()):
            raise FtctlError(Problem("FT3103", "nobody can be asked whether to delete", fix=_UNASKED))
        with session(options.request(paths, environment, variables), trace) as opened:
            return _prune(opened, order)


def _prune(opened: Session, order: Order) -> Exit:
    found = _spare(opened)
    if order.output == "text":
        show(_text([one.live for one in found], opened))
    if found and order.asks:
        _ask(len(found))
    deleted, problems = _delete(found, opened) if order.deletes else ([], [])
    complain(problems)
    if order.output == "json":
        emit(document(files=[_json(one.live, opened, deleted) for one in found], problems=problems_json(problems)))
    elif deleted:
        show(f"\nDeleted {counted(len(deleted), 'file')}.")
    if not problems:
        return Exit.DONE
    return Exit.PARTIAL if deleted else FtctlError.all(problems).exit


_UNASKED = "Give `--auto-approve`, or `--dry-run` to see what would be deleted."


def _spare(opened: Session) -> list[Spare]:
    """What can go, by a look at every account of the stacks. Raises where one is refused: a job may be unseen."""
    from ftctl.kinds.files import Holding, unneeded  # noqa: PLC0415  only once the stacks are loaded

    found: list[Spare] = []
    for stacks in _by_cloud(opened.stacks):
        clients = opened.clients(stacks[0])
        holdings = [Holding(one.home, one.resources, workflow.observe(one, clients), one.removed) for one in stacks]
        blind = {problem.what: problem for one in holdings for problem in (b.problem for b in one.observed.blind)}
        if blind:
            raise FtctlError.all(blind.values())
        found += [Spare(live, clients) for live in unneeded(holdings)]
    return found


def _by_cloud(stacks: Sequence[Stack]) -> Iterator[list[Stack]]:
    for key in dict.fromkeys(workflow.cloud_key(stack) for stack in stacks):
        yield [stack for stack in stacks if workflow.cloud_key(stack) == key]


def _delete(found: Sequence[Spare], opened: Session) -> tuple[list[str], list[Problem]]:
    """Delete those that can still go now that somebody has said yes; one that is refused keeps no other from it."""
    from ftctl.kinds import kinds  # noqa: PLC0415  only once the stacks are loaded
    from ftctl.kinds.contract import NotYetError  # noqa: PLC0415  the same

    still = {one.live.id for one in _spare(opened)} if found else set()
    deleted: list[str] = []
    problems: list[Problem] = []
    for one in found:
        if one.live.id not in still:
            tell(f"{one.live.id} stays: it is needed now, or gone.")
            continue
        try:
            kinds()["dataset"].delete(one.clients, one.live)
            deleted.append(one.live.id)
        except NotYetError as waiting:
            tell(f"{one.live.id} stays: {waiting}.")
        except FtctlError as error:
            problems += [problem.about(one.live.id) for problem in error.problems]
    return deleted, problems


def _ask(number: int) -> None:
    if ask(f"\nDelete {'it' if number == 1 else 'them'}? There is no way back. Only `yes` deletes: ") != "yes":
        raise FtctlError(Problem("FT6008", "no file was deleted", fix="Run it again and answer `yes`."))


def _text(lives: Sequence[Live], opened: Session) -> str:
    from ftctl.kinds.transfer import amount  # noqa: PLC0415  only once the stacks are loaded
    from ftctl.render.data import table  # noqa: PLC0415  the same

    stacks = ", ".join(stack.name for stack in opened.stacks)
    if not lives:
        return f"Every file of {clean(stacks)} is needed by a dataset or an unfinished job."
    rows = [
        (
            live.id,
            f"{live.owner}/{live.label}",
            live.within.rpartition("/")[2],
            _size(live),
            f"{_age(live, opened)} old",
        )
        for live in lives
    ]
    head = f"No dataset and no unfinished job needs these files of {clean(stacks)}:"
    total = amount(sum(live.fields["bytes"] or 0 for live in lives))
    end = f"{counted(len(lives), 'file')}, {total}."
    return "\n".join([head, "", *table([[clean(cell) for cell in row] for row in rows], "  "), "", end])


def _size(live: Live) -> str:
    from ftctl.kinds.transfer import amount  # noqa: PLC0415  only once the stacks are loaded

    return amount(live.fields["bytes"] or 0)


def _age(live: Live, opened: Session) -> str:
    return duration(max(1.0, opened.clock.now().timestamp() - live.created))


def _json(live: Live, opened: Session, deleted: Iterable[str]) -> dict[str, Any]:
    return {
        "id": live.id,
        "stack": live.owner,
        "dataset": live.label,
        "account": live.within,
        "sha256": live.fields["sha256"] or None,
        "bytes": live.fields["bytes"],
        "created": live.created,
        "age_seconds": round(opened.clock.now().timestamp() - live.created),
        "deleted": live.id in deleted,
    }
