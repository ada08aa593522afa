"""`ftctl job grade`: a reinforcement job's grader at work on a few examples, before anything is trained."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftctl.cli import options
from ftctl.cli.found import declared
from ftctl.cli.session import Session, session
from ftctl.cli.streams import emit, errors_as, look, show
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.core.model import Address, Resource, World
from ftctl.kinds import kinds
from ftctl.kinds.contract import Scope, account_of
from ftctl.render.grades import Grade, grades_json, grades_text

if TYPE_CHECKING:
    from ftctl.clients.dataplane import DataPlane
    from ftctl.spec.stack import Stack


@click.command(name="grade")
@click.argument("job")
@click.option("--answer", metavar="TEXT", help="One answer, graded against every example.")
@click.option(
    "--answers",
    "answers_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="An answer a line (text, or a JSON string), in the examples' order.",
)
@click.option("--samples", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many examples.")
@click.option(
    "--data",
    "field",
    type=click.Choice(["training", "validation"]),
    default="validation",
    show_default=True,
    help="From which of the job's data.",
)
@options.files
@options.selection
@options.output("text", "json")
@options.tracing
def command(
    job: str,
    answer: str | None,
    answers_file: Path | None,
    samples: int,
    field: str,
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    output: str,
    trace: str | None,
) -> int:
    """Run the grader of JOB on its first examples, and show the rewards.

    The service grades, as it will while it trains; nothing is created. The
    account has to exist. The exit code is 1 where the grader failed.
    """
    with errors_as(output):
        if (answer is None) == (answers_file is None):
            raise FtctlError(Problem("FT6002", "answers are given by `--answer` or by `--answers`, one of them"))
        with session(options.request(paths, environment, variables), trace) as opened:
            stack, resource = declared(opened.stacks, "job", job)
            grader, data = _grader(resource), _data(stack, resource, field)
            items = list(islice(_items(Path(data.prepared["path"])), samples))
            given = [answer] * len(items) if answer is not None else _answers(answers_file)[: len(items)]
            azure = _account(opened, stack, resource)
            grades = [_grade(azure, grader, line, item, said) for (line, item), said in zip(items, given, strict=False)]
        if output == "json":
            emit(grades_json(str(resource.address), data.prepared["shown"], grades))
        else:
            show(grades_text(str(resource.address), data.prepared["shown"], grades, look(sys.stdout)))
    return Exit.ERROR if any(one.errors for one in grades) else Exit.DONE


def _grader(resource: Resource) -> dict[str, Any]:
    from ftctl.kinds.recipe import method_parts  # noqa: PLC0415  help needs none

    found: dict[str, Any] | None = method_parts(resource).get("grader")
    if found is None:
        what = f"{resource.address} has no grader: it is no reinforcement job"
        raise FtctlError(Problem("FT6018", what, resource.place("method") or resource.where))
    return found


def _data(stack: Stack, resource: Resource, field: str) -> Resource:
    data = stack.resource(Address("dataset", getattr(resource.spec, field)))
    if "path" not in data.prepared:
        raise FtctlError(Problem("FT6018", f"the examples of {data.address} are not in a file here", data.where))
    return data


def _items(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """What graders know of each example as `item`, with its line."""
    import msgspec  # noqa: PLC0415  help needs none

    from ftctl.data.reinforcement import item_keys  # noqa: PLC0415  the same

    with path.open(encoding="utf-8-sig") as file:
        for line, text in enumerate(file, 1):
            if text.strip():
                example = msgspec.json.decode(text)
                yield line, {key: example[key] for key in item_keys(example)}


def _answers(path: Path | None) -> list[str]:
    """The answers of a file; a line that is a JSON string stands for that, and can hold line breaks."""
    import msgspec  # noqa: PLC0415  help needs none

    assert path is not None
    try:
        lines = path.read_text("utf-8-sig").splitlines()
        return [msgspec.json.decode(line, type=str) if line[:1] == '"' else line for line in lines]
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "it is no text with one answer a line").lower()
        raise FtctlError(Problem("FT6018", f"{path} cannot be read: {reason}")) from None


def _account(opened: Session, stack: Stack, resource: Resource) -> DataPlane:
    """The account's data plane; who trains there grades there."""
    declared_account = stack.resource(account_of(resource))
    kind, clients = kinds()["account"], opened.clients(stack)
    key = kind.wanted(declared_account, World(stack.home)).key
    lives = kind.observe(clients, Scope(stack.home, (declared_account,))).lives
    endpoint = next((live.outputs.get("endpoint") for live in lives if live.key == key), None)
    if not endpoint:
        what = f"{declared_account.address} is declared, but not in Azure"
        raise FtctlError(Problem("FT6005", what, declared_account.where))
    return clients.data(endpoint)


def _grade(azure: DataPlane, grader: dict[str, Any], line: int, item: dict[str, Any], answer: str) -> Grade:
    told = azure.run_grader(grader, item, answer)
    metadata = told.get("metadata") or {}
    errors: Sequence[str] = [name for name, value in (metadata.get("errors") or {}).items() if value is True]
    parts = {name: float(value) for name, value in (told.get("sub_rewards") or {}).items()}
    return Grade(line, float(told.get("reward") or 0.0), tuple(errors), parts)
