"""`ftctl local faults` and `ftctl local settings`: how the local Azure misbehaves, and how slow and exact it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftctl.cli.options import output, seconds
from ftctl.cli.streams import emit, show
from ftctl.core.errors import FtctlError, Problem, Where
from ftctl.embedded import local_folder, usable

if TYPE_CHECKING:
    from ftctl.local.store import Store

_CALL_FAULTS = (
    *("throttle", "error", "conflict", "permission", "refuse", "slow"),
    *("lose", "cut", "reset", "twice", "late"),
)
_JOB_FAILURES = ("data", "training", "evaluation", "stuck-validation")


@click.group(invoke_without_command=True)
@output("text", "json")
@click.pass_context
def faults(context: click.Context, output: str) -> None:
    """List what goes wrong on purpose, or change it.

    A rule says which calls or training jobs fail, and how. It holds for every
    server on the folder from the next call on.
    """
    if context.invoked_subcommand is None:
        with _store() as store:
            _list(store, output)


def _list(store: Store, output: str) -> None:
    from ftctl.local import faults as local  # noqa: PLC0415  the server's side is only for those who use it

    known = local.rules(store)
    if output == "json":
        from json import dumps  # noqa: PLC0415  only here

        emit(dumps({"faults": [one.shown for one in known]}, indent=2))
        return
    show("\n".join(map(local.described, known)) or "There are no faults by rule.")


@faults.command(short_help="Let calls or training jobs fail")
@click.argument("fault", type=click.Choice([*_CALL_FAULTS, "job"]), metavar="FAULT")
@click.argument("failure", required=False, type=click.Choice(_JOB_FAILURES), metavar="[FAILURE]")
@click.option("--route", metavar="GLOB", help="Calls of these routes, such as files.upload or arm_*.")
@click.option("--method", metavar="GLOB", help="Calls with this HTTP method.")
@click.option("--path", metavar="GLOB", help="Calls of these paths, such as '*/openai/v1/files'.")
@click.option("--model", metavar="GLOB", help="Jobs on these base models.")
@click.option("--suffix", metavar="GLOB", help="Jobs with this suffix.")
@click.option("--nth", type=int, metavar="N", help="Only the Nth of those that match.")
@click.option("--times", type=int, metavar="N", help="At most N times.")
@click.option("--probability", type=float, metavar="P", help="Each with this probability, 0 to 1.")
@click.option("--seed", type=int, metavar="N", help="What the dice start from.")
@click.option("--status", type=int, metavar="N", help="HTTP status of error and refuse.")
@click.option("--code", metavar="CODE", help="Error code of the answer.")
@click.option("--message", metavar="TEXT", help="Error text of the answer.")
@click.option("--retry-after", type=float, metavar="SECONDS", help="Retry-After of the answer.")
@click.option("--seconds", type=float, metavar="SECONDS", help="How long slow takes in real time, or late lags.")
@click.option("--after/--before", default=None, help="Once the work is done, or before it.")
def add(fault: str, failure: str | None, **options: Any) -> None:
    """Let calls fail (FAULT), or training jobs (job FAILURE).

    \b
    throttle    429 with Retry-After
    error       500, or another --status; --before the work or --after it
    conflict    409: another operation is being performed
    permission  a role that has not arrived yet: 403 on ARM, 401 on data
    refuse      any --status, --code and --message
    slow        an answer that takes --seconds
    lose        the work is done, and no answer comes
    cut         the same, and half of the answer comes
    reset       the same, and the connection breaks
    twice       the work is done twice, and one of it answered
    late        a list lacks what is younger than --seconds (jobs, files)
    job         training fails: data, training, evaluation, stuck-validation

    \b
      ftctl local faults add throttle --route 'files.*' --nth 3
      ftctl local faults add job training --times 1
    """  # noqa: D301  \b tells click to keep the lines
    if (fault == "job") != (failure is not None):
        raise click.UsageError("`job` takes a FAILURE, and nothing else does")
    given = {"failure": failure} if failure else {"fault": fault}
    _add([given | options], None)


@faults.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
def load(file: Path) -> None:
    """Add the rules of a YAML or JSON file: `faults:` and a list."""
    from ftctl.spec.yamltree import MAX_BYTES, parse  # noqa: PLC0415  only here

    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "error").lower()
        raise FtctlError(Problem("FT5008", f"{file} cannot be read: {reason}", Where(str(file)))) from None
    document, problems = parse(content, str(file))
    if problems or document is None:
        raise FtctlError(*problems)
    written = document.root.plain()
    rules = written.get("faults")
    if set(written) != {"faults"} or not isinstance(rules, list) or not all(isinstance(one, dict) for one in rules):
        raise FtctlError(Problem("FT5008", "the file is not `faults:` and a list of rules", Where(str(file))))
    _add(rules, file)


@faults.command()
def clear() -> None:
    """Forget all rules."""
    from ftctl.local import faults as local  # noqa: PLC0415  see above

    with _store() as store:
        count = local.clear(store)
    show(f"{count} rule{'' if count == 1 else 's'} forgotten.")


def _add(given: list[dict[str, Any]], file: Path | None) -> None:
    """All of them, or none where one is wrong."""
    from ftctl.local import faults as local  # noqa: PLC0415  see above

    made = []
    for number, one in enumerate(given, 1):
        try:
            made.append(local.rule(one))
        except local.BadRule as error:
            place = f"rule {number}: " if file else ""
            raise FtctlError(Problem("FT5008", f"{place}{error}", Where(str(file)) if file else None)) from None
    with _store() as store:
        for rule in local.add(store, made):
            show(local.described(rule))


def _length(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    length = seconds(text) if text and text != "0" else 0.0
    if length is None:
        raise click.BadParameter(f"'{text}' is not a length of time such as 5m")
    return length if text else None


@click.command()
@click.option("--pace", type=click.FloatRange(0, min_open=True), metavar="N", help="Azure's seconds in one of ours.")
@click.option("--retirements", type=click.Choice(["warn", "enforce"]), help="What to do about models past their date.")
@click.option(
    "--propagation",
    "propagation_seconds",
    callback=_length,
    metavar="5m",
    help="From a role assignment to its effect on data.",
)
@click.option(
    "--answer", "answer_seconds", callback=_length, metavar="2m", help="From a deployment's success to its answers."
)
@click.option(
    "--flap", type=click.IntRange(0, 1000), metavar="N", help="Of N looks at a new account, every other says Accepted."
)
@click.option("--faithful/--convenient", default=None, help="Long operations without or with Retry-After.")
@click.option("--idle-removal/--no-idle-removal", default=None, help="Deployments that nobody uses disappear, or stay.")
@click.option(
    "--import-host", "import_hosts", multiple=True, metavar="NAME", help="Files are imported from these hosts too."
)
@output("text", "json")
def settings(output: str, **changes: Any) -> None:
    """Show how slow and exact the local Azure is, or change it.

    Lengths are of Azure's time. A server that is up obeys from its next call
    on.
    """
    from ftctl.local.azure import Settings  # noqa: PLC0415  see above

    with _store() as store, store.transaction():
        now = replace(Settings.kept(store), **{name: one for name, one in changes.items() if one not in (None, ())})
        if now != Settings.kept(store):
            now.keep(store)
    if output == "json":
        from json import dumps  # noqa: PLC0415  only here

        emit(dumps(asdict(now), indent=2))
        return
    show("\n".join(f"{name:20} {_told(value)}" for name, value in asdict(now).items()))


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


@contextmanager
def _store() -> Iterator[Store]:
    from ftctl.local.store import Store  # noqa: PLC0415  see above

    folder = local_folder()
    with usable(folder):
        store = Store(folder / "state.sqlite")
    try:
        yield store
    finally:
        store.close()
