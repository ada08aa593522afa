"""`ftctl data lint`: what is wrong with training data, by line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl.cli import options
from ftctl.cli.data_samples import samples
from ftctl.cli.data_targets import About, Data, file_options, find, targets
from ftctl.cli.streams import complain, emit, look, show
from ftctl.core.errors import Exit, Problem, Severity
from ftctl.render.findings import document, github, problems_json, sarif

if TYPE_CHECKING:
    from ftctl.data.report import Format
    from ftctl.render.data_lint import Linted


@click.command(name="lint")
@targets
@file_options
@click.option(
    "--validation",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file's validation file, which must share no example with it.",
)
@options.selection
@options.output("text", "json", "sarif", "github")
@click.option("--strict", is_flag=True, help="Exit with 65 for warnings too.")
@click.option("--show-samples", is_flag=True, help="Show excerpts of the data beside findings.")
def command(
    targets: tuple[Path, ...],
    format_: Format,
    model: str,
    validation: Path | None,
    environment: str | None,
    variables: dict[str, str],
    output: str,
    *,
    strict: bool,
    show_samples: bool,
) -> int:
    """Find what is wrong with training data, line by line; exit with 65 for errors.

    TARGET is a stack's file, a folder of them (specs/ if left out), or a JSON
    Lines file. What the data says is never shown without --show-samples.
    """
    if show_samples and output in {"sarif", "github"}:
        raise click.UsageError(f"--show-samples is not for -o {output}, which others may read")
    found = find(targets, About(format_, model, validation=validation), environment, variables)
    linted = [_lint(data) for data in found.data]
    if output == "text":
        _tell(found.data, linted, show_samples=show_samples)
        complain(found.problems)
    else:
        _emit(output, found.data, linted, found.problems, show_samples=show_samples)
    return _verdict(linted, found.problems, strict=strict)


def _lint(data: Data) -> Linted:
    from ftctl.data.check import leaks  # noqa: PLC0415  decoding is only needed where there is data
    from ftctl.render.data_lint import Linted  # noqa: PLC0415  the same

    measured = data.partners if data.uses else ()
    shared = [leak for valid in measured if (leak := leaks(data.checked, valid.checked))]
    return Linted(data.shown, data.checked.report, data.dataset, shared)


def _tell(found: Sequence[Data], linted: Sequence[Linted], *, show_samples: bool) -> None:
    from ftctl.render.data_lint import lint_text  # noqa: PLC0415  see above

    if not linted:
        show("No dataset with a file of its own was found.")
    for number, (data, one) in enumerate(zip(found, linted, strict=True)):
        sample = samples(data, one.findings, look(sys.stdout).width - 8 if show_samples else 0)
        show(("\n" if number else "") + lint_text(one, look(sys.stdout), sample))


def _emit(
    output: str, found: Sequence[Data], linted: Sequence[Linted], problems: Sequence[Problem], *, show_samples: bool
) -> None:
    from ftctl.render.data_lint import lint_json, lint_problems  # noqa: PLC0415  see above

    every = [*(problem for one in linted for problem in lint_problems(one)), *problems]
    match output:
        case "sarif":
            emit(sarif(every))
        case "github":
            if every:
                emit(github(every))
        case _:
            width = 200 if show_samples else 0
            files = [
                lint_json(one, samples(data, one.findings, width)) for data, one in zip(found, linted, strict=True)
            ]
            emit(document(files=files, problems=problems_json(problems)))


def _verdict(linted: Sequence[Linted], problems: Sequence[Problem], *, strict: bool) -> Exit:
    errors = any(one.report.errors for one in linted) or any(one.severity is Severity.ERROR for one in problems)
    warned = any(one.warned for one in linted) or bool(problems)
    return Exit.DATA if errors or (strict and warned) else Exit.DONE
