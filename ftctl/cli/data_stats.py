"""`ftctl data stats`: what is in training data, how long its examples are, and what training on it costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl.cli import options
from ftctl.cli.data_samples import first_example
from ftctl.cli.data_targets import TYPES, About, Data, costs, file_options, find, readable, targets
from ftctl.cli.session import unwritable
from ftctl.cli.streams import emit, errors_as, look, show, tell
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.render.findings import document

if TYPE_CHECKING:
    from ftctl.data.report import Format
    from ftctl.render.data_stats import Subject


@click.command(name="stats")
@targets
@file_options
@click.option(
    "--training-type",
    type=click.Choice(TYPES),
    default="globalStandard",
    help="A file's training type, for its price.  [default: globalStandard]",
)
@click.option(
    "--epochs",
    type=click.IntRange(1, 50),
    metavar="N",
    help="Passes over the data.  [default: the job's, else a rule of thumb]",
)
@click.option("--first", is_flag=True, help="Show the first example too.")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Draw the histograms into FILE.")
@options.selection
@options.output("text", "json", "markdown")
def command(
    targets: tuple[Path, ...],
    format_: Format,
    model: str,
    training_type: str,
    epochs: int | None,
    svg: Path | None,
    environment: str | None,
    variables: dict[str, str],
    output: str,
    *,
    first: bool,
) -> int:
    """Show what is in training data, and what training on it is billed.

    TARGET is a stack's file, a folder of them (specs/ if left out), or a JSON
    Lines file.
    """
    about = About(format_, model, training_type, epochs)
    with errors_as(output):
        found = [readable(data) for data in find(targets, about, environment, variables).data]
        if not found:
            raise FtctlError(Problem("FT6014", "there is no dataset with a file of its own"))
        subjects = [_subject(data, epochs) for data in found]
        if svg:
            _draw(svg, subjects)
        _show(found, subjects, output, first=first)
    return Exit.DONE


def _subject(data: Data, epochs: int | None) -> Subject:
    from ftctl.render.data_stats import Subject  # noqa: PLC0415  only where there is data

    return Subject(data.title, data.checked.report, list(costs(data, epochs)), data.dataset, data.shown)


def _show(found: list[Data], subjects: list[Subject], output: str, *, first: bool) -> None:
    from ftctl.render.data_stats import stats_json, stats_markdown, stats_text  # noqa: PLC0415  see above

    if output == "json":
        firsts = [{"first": first_example(data)} if first else {} for data in found]
        emit(document(datasets=[stats_json(one) | more for one, more in zip(subjects, firsts, strict=True)]))
        return
    for number, (data, one) in enumerate(zip(found, subjects, strict=True)):
        text = stats_text(one, look(sys.stdout)) if output == "text" else stats_markdown(one)
        show(("\n" if number else "") + text)
        if first and (example := first_example(data)):
            fence = "```" if output == "markdown" else ""
            show(f"\n{fence}json\n{example}\n{fence}" if fence else f"\n  first example\n{example}")


def _draw(path: Path, subjects: list[Subject]) -> None:
    from ftctl.render.data_stats import stats_svg  # noqa: PLC0415  see above

    if len(subjects) > 1:
        raise click.UsageError(f"--svg draws one dataset, and there are {len(subjects)}: name its file")
    picture = stats_svg(subjects[0])
    if not picture:
        raise FtctlError(Problem("FT6014", f"{subjects[0].path} has no tokens to draw"))
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from None
    tell(f"Drawn into {path}.")
