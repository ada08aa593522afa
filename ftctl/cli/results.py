"""`ftctl results`: what trainings measured, the verdict on each, and several side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftctl.cli import options
from ftctl.cli.streams import emit, errors_as, look, show, tell
from ftctl.core.clock import SystemClock
from ftctl.core.errors import Exit, FtctlError, Problem

if TYPE_CHECKING:
    from datetime import datetime

    from ftctl.results.run import Run

_SPECS = {".yaml", ".yml"}

_files = click.option(
    "-f",
    "--file",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A saved results.csv, or a stack's file or a folder of them.  [default: specs]",
)
_target = click.Path(dir_okay=False, path_type=Path)


@click.command(name="results")
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--job-id", "ids", multiple=True, metavar="FTJOB", help="A training by its id in Azure.")
@_files
@options.output("text", "json", "markdown")
@click.option("--html", type=_target, metavar="FILE", help="Write a page with curves and tables.")
@click.option("--svg", type=_target, metavar="FILE", help="Write the curve as a picture.")
@click.option("--csv", type=_target, metavar="FILE", help="Write the measures with one name for each column.")
@options.selection
@options.tracing
def command(
    jobs: tuple[str, ...],
    ids: tuple[str, ...],
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    output: str,
    html: Path | None,
    svg: Path | None,
    csv: Path | None,
    trace: str | None,
) -> int:
    """Show what the newest training of JOB measured, and say how it went.

    JOB is its name in the stack, or an id such as ftjob-0123. Several are
    compared side by side. A training that still runs is shown as far as it is.
    """
    with errors_as(output):
        saved = [path for path in paths if path.suffix.lower() not in _SPECS and not path.is_dir()]
        names = list(dict.fromkeys([*jobs, *ids]))
        if not names and not saved:
            raise FtctlError(
                Problem("FT6002", "no JOB is named", fix="Name a job of the stack, or `--file results.csv`.")
            )
        from ftctl.cli.results_read import from_azure, from_file  # noqa: PLC0415  help needs none of it

        clock = SystemClock()
        runs = [from_file(path) for path in saved]
        if names:
            specs = tuple(path for path in paths if path not in saved)
            runs += from_azure(options.request(specs, environment, variables), names, trace)
        _write(runs, clock.now(), html, svg, csv)
        _print(runs, output, clock.now())
    return Exit.DONE


def _print(runs: list[Run], output: str, now: datetime) -> None:
    seconds = now.timestamp()
    if output == "json":
        from ftctl.render.findings import document  # noqa: PLC0415  for this form only
        from ftctl.render.results_json import results_json  # noqa: PLC0415  the same

        content: dict[str, Any] = results_json(runs, seconds)
        emit(document(**content, problems=[]))
        return
    from ftctl.render.results import compared_text, results_markdown, results_text  # noqa: PLC0415  help needs none

    if output == "markdown":
        emit(results_markdown(runs, seconds))
    elif len(runs) == 1:
        show(results_text(runs[0], look(sys.stdout), seconds))
    else:
        show(compared_text(runs, look(sys.stdout), seconds))


def _write(runs: list[Run], now: datetime, html: Path | None, svg: Path | None, csv: Path | None) -> None:
    """The files that were asked for."""
    if svg and len(runs) > 1:
        raise FtctlError(Problem("FT6105", "--svg draws one training, and several are named"))
    if html:
        from ftctl.render.results_html import results_html  # noqa: PLC0415  for this form only

        _put(html, results_html(runs, now))
    if svg:
        from ftctl.render.results_html import main_plot  # noqa: PLC0415  for this form only
        from ftctl.render.svg_curve import svg as picture  # noqa: PLC0415  the same

        _put(svg, picture(main_plot(runs[0])))
    if csv:
        from ftctl.results.table import as_csv  # noqa: PLC0415  for this form only

        _put(csv, as_csv({run.name: run.table for run in runs}))


def _put(path: Path, text: str) -> None:
    from ftctl.cli.session import unwritable  # noqa: PLC0415  only where a file is written

    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise unwritable(path, error) from None
    tell(f"Wrote {path}.")
