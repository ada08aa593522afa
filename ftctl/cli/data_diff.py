"""`ftctl data diff`: what changed in training data."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.data_former import from_git, from_live
from ftctl.cli.data_targets import TYPES, About, Data, costs, file_options, of_dataset, of_file, readable
from ftctl.cli.found import declared
from ftctl.cli.session import nearby
from ftctl.cli.streams import emit, errors_as, look, show
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.core.model import Resource
from ftctl.render.findings import document

if TYPE_CHECKING:
    from ftctl.data.report import Format
    from ftctl.render.data_diff import Compared
    from ftctl.spec.stack import Stack

_FILES = {".jsonl", ".json", ".ndjson"}


@click.command(name="diff")
@click.argument("name", metavar="NAME")
@click.option(
    "--against",
    metavar="live|git:REV|FILE",
    help="What to compare with.  [default: live for a dataset, git:HEAD for a file]",
)
@options.files
@file_options
@click.option(
    "--training-type",
    type=click.Choice(TYPES),
    default="globalStandard",
    help="A file's training type, for its price.  [default: globalStandard]",
)
@options.selection
@options.output("text", "json", "markdown")
def command(
    name: str,
    against: str | None,
    paths: tuple[Path, ...],
    format_: Format,
    model: str,
    training_type: str,
    environment: str | None,
    variables: dict[str, str],
    output: str,
) -> int:
    """Show what changed in training data: examples, tokens, cost, lengths.

    NAME is a dataset of a stack, or a JSON Lines file. Differences are told by
    line; what the data says is never shown.
    """
    about = About(format_, model, training_type)
    with errors_as(output):
        if Path(name).is_file() or Path(name).suffix in _FILES:
            compared = _file(Path(name), against or "git:HEAD", about)
        else:
            stacks = workflow.read(options.request(paths, environment, variables))
            compared = _dataset(*declared(stacks, "dataset", name), against or "live")
        _show(compared, output)
    return Exit.DONE


def _file(path: Path, against: str, about: About) -> Compared:
    if against == "live":
        raise click.UsageError("a file by itself has no live counterpart: name the dataset of a stack")
    return _against(against, readable(of_file(path, about)))


def _dataset(stack: Stack, resource: Resource, against: str) -> Compared:
    prepared, _ = workflow.prepare(stack)
    data = of_dataset(prepared, resource.address)
    if data is None:
        raise FtctlError(Problem("FT6014", f"{resource.address} has no file of its own here", resource.where))
    data = readable(data)
    if against != "live":
        return _against(against, data)
    former = from_live(prepared, resource, data.checked.report.sha256)
    return _compared(data, *(former or (data.path, "live")))


def _against(against: str, data: Data) -> Compared:
    if against.startswith("git:"):
        with from_git(data.path, against.removeprefix("git:")) as former:
            return _compared(data, *former)
    return _compared(data, Path(against), nearby(Path(against)))


def _compared(data: Data, former: Path, name: str) -> Compared:
    from ftctl.data.check import check  # noqa: PLC0415  decoding is only needed where there is data
    from ftctl.data.diff import diff, shared  # noqa: PLC0415  the same
    from ftctl.render.data_diff import Compared  # noqa: PLC0415  the same

    tokens = data.checked.report.tokens
    encoding = tokens.encoding if tokens else ""
    before = check(former, name, format=data.format_, encoding=encoding, bom=data.bom, allow=data.allow)
    then = readable(replace(data, checked=before, shown=name))
    priced = zip(costs(then), costs(data), strict=True)
    leaks = None
    if other := next(iter(data.partners), None):
        then_too, now_too = (shared(one.index, other.checked.index) for one in (before, data.checked))
        leaks = (other.dataset or other.shown, then_too, now_too)
    return Compared(data.title, name, diff(before, data.checked), next(priced, None), leaks)


def _show(compared: Compared, output: str) -> None:
    from ftctl.render.data_diff import diff_json, diff_markdown, diff_text  # noqa: PLC0415  see above

    match output:
        case "json":
            emit(document(**diff_json(compared)))
        case "markdown":
            show(diff_markdown(compared))
        case _:
            show(diff_text(compared, look(sys.stdout)))
