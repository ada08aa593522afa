"""One pass over a data file: what is in it and everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from msgspec.structs import replace

from ftctl.core.codes.data import CODES
from ftctl.core.errors import Problem, Severity, Where
from ftctl.data.cache import Asked, Cache
from ftctl.data.lines import Source, Unfit
from ftctl.data.repeats import NAMED, Repeats, common, distinct, repeats
from ftctl.data.report import Bom, Checked, Finding, Format, Index, Report, System
from ftctl.data.watch import Progress, watching

FILE_LIMIT = 512_000_000  # bytes; the MaxTrainingFileSize that an account reports
FEWEST_EXAMPLES = 10
FEW_EXAMPLES = 50
MOST_PICTURED = 50_000  # examples with images
MOST_PROBLEMS = 20


def check(
    path: Path,
    shown: str,
    *,
    format: Format = "chat",  # noqa: A002  the spec's word
    encoding: str = "o200k_base",
    bom: Bom = "keep",
    allow: Collection[str] = (),
    limit: int = FILE_LIMIT,
    where: Where | None = None,  # noqa: ARG001  what it says, `problems` says: findings know only their lines
    progress: Progress | None = None,
    cache: bool = True,
) -> Checked:
    """Read the file once and report on it; `shown` is what people call it. Raises nothing: what is wrong is a finding.

    `encoding` names the tokenizer, empty for no token counts; `allow` are the hashes of private data that may stay;
    `limit` is the account's. `progress` is told how many bytes of how many have been read, or else what is `watching`.
    """
    asked = Asked(format, encoding, bom, tuple(sorted(allow)))
    try:
        source = Source(path, shown, bom=bom, limit=limit)
        store = Cache(source, asked) if cache else None
        if store and (known := store.find()):
            return known
        watch = watching.get()
        with watch(shown) if watch else nullcontext() as watched:
            checked = examine(source, asked, progress or watched)
        if store and "FT1362" not in checked.report.counts:  # a guess is good until there is something better
            store.keep(checked)
    except Unfit as unfit:
        found = unfit.finding
        return Checked(Report(format=format, findings=(found,), counts={found.code: 1}), Index())
    return checked


def problems(report: Report, shown: str, where: Where | None = None) -> tuple[Problem, ...]:
    """The findings as people read them, errors first: at most 20, and one that counts the rest.

    What is said of the whole file stands at `where`, the place that names its path.
    """
    first = sorted(report.findings, key=lambda finding: finding.warning)[:MOST_PROBLEMS]
    told = [_problem(finding, shown, where) for finding in first]
    if left := sum(report.counts.values()) - len(told):
        noun = "problem" if left == 1 else "problems"
        rest = Finding("FT1399", f"{left:,} more {noun} in {shown}", warning=not report.errors)
        told.append(_problem(rest, shown, None))
    return tuple(told)


def leaks(train: Checked, valid: Checked) -> Finding | None:
    """How many training examples stand in the validation file too, None where none does."""
    number, first = common(train.index, valid.index)
    if not number:
        return None
    named = _listed("line {} (there {})", first, number)
    noun = "training example stands" if number == 1 else "training examples stand"
    return Finding("FT1352", f"{number:,} {noun} in the validation file: {named}", first[0][0], warning=True)


def examine(source: Source, asked: Asked, progress: Progress | None = None, *, short: bool = True) -> Checked:
    """Read a file to its end. Raises Unfit where it is no data; `short=False` has every line go the long way."""
    from ftctl.data.scan import Scan  # noqa: PLC0415  a cached report needs none of it
    from ftctl.data.tally import digest  # noqa: PLC0415  the same

    scan = Scan(asked.format, asked.encoding, asked.allow, short=short)
    with scan.counting.threads():
        scan.read(source.lines(progress))
        tokens = scan.counting.result()
    tally = scan.tally
    systems = tuple(
        System(digest(text.encode()).hex()[:16], line, examples)
        for text, (_, line, examples) in tally.systems.items()
        if examples
    )
    report = Report(
        format=asked.format,
        sha256=source.sha256,
        size=source.size,
        bom=source.bom,
        lines=scan.line,
        examples=scan.examples,
        sound=len(tally.index.keys),
        tokens=tokens,
        roles=dict(sorted(tally.roles.items())),
        turns=dict(sorted(tally.turns.items())),
        weights=dict(sorted(tally.weights.items())),
        tools=dict(sorted(tally.tools.items())),
        tool_calls=tally.tool_calls,
        images=tally.images,
        systems=systems,
        more_systems=distinct(tally.further),
        system=next(iter(tally.systems)) if len(systems) == 1 and not tally.further else None,
        item_keys=dict(sorted(tally.items.items())),
    )
    again = repeats(tally.index)
    if asked.format == "preference":  # several pairs for one prompt are usual, and their outputs are never the same
        again.contradictions, again.others = 0, []
    whole = list(_whole(report, again, source, pictured=tally.pictured, guessed=scan.counting.missing))
    counts = dict(scan.counts)
    for finding in whole:
        counts[finding.code] = counts.get(finding.code, 0) + 1
    report = replace(
        report,
        findings=(*whole, *scan.findings),
        counts=counts,
        duplicates=again.duplicates,
        contradictions=again.contradictions,
    )
    return Checked(report, tally.index)


def _whole(report: Report, again: Repeats, source: Source, *, pictured: int, guessed: bool) -> Iterator[Finding]:
    """What is to be said of the file as a whole, which comes before what is said of its lines."""
    shown, number = source.shown, report.examples
    noun = "example" if number == 1 else "examples"
    if not source.stat.st_size:
        yield Finding("FT1305", f"{shown} is empty")
    elif number < FEWEST_EXAMPLES:
        yield Finding("FT1307", f"{shown} has {number} {noun}, fewer than {FEWEST_EXAMPLES}")
    elif number < FEW_EXAMPLES:
        yield Finding("FT1350", f"{shown} has {number} {noun}, fewer than {FEW_EXAMPLES}", warning=True)
    if pictured > MOST_PICTURED:
        yield Finding("FT1324", f"{shown} has {pictured:,} examples with images, more than {MOST_PICTURED:,}")
    if guessed:
        yield Finding("FT1362", f"the tokens of {shown} are guessed: there is no tokenizer here", warning=True)
    if texts := len(report.systems) + report.more_systems:
        yield from _several(report, texts)
    if again.duplicates:
        named = _listed("line {} (as line {})", again.copies, again.duplicates)
        noun = "example repeats an earlier one" if again.duplicates == 1 else "examples repeat earlier ones"
        yield Finding("FT1351", f"{again.duplicates:,} {noun}: {named}", again.copies[0][0], warning=True)
    if again.contradictions:
        named = _listed("line {} (and {})", again.others, again.contradictions)
        noun = "question is" if again.contradictions == 1 else "questions are"
        what = f"{again.contradictions:,} {noun} answered otherwise before: {named}"
        yield Finding("FT1353", what, again.others[0][0], warning=True)


def _several(report: Report, texts: int) -> Iterator[Finding]:
    """Other lines than the first, where their system texts stand first, since the model is to be called with one."""
    if texts > 1:
        lines = sorted(system.line for system in report.systems)
        named = _listed("line {}", [(line,) for line in lines[1 : 1 + NAMED]], texts - 1)
        what = f"there are {texts:,} different system messages; another than the first in {named}"
        yield Finding("FT1354", what, lines[1], warning=True)


def _listed(pattern: str, first: Sequence[tuple[int, ...]], number: int) -> str:
    """The first few by their lines."""
    named = ", ".join(pattern.format(*lines) for lines in first)
    return f"{named} …" if number > len(first) else named


def _problem(finding: Finding, shown: str, where: Where | None) -> Problem:
    case = CODES[finding.code]
    place = where if where and not finding.line else Where(shown, finding.line, finding.column)
    severity = Severity.WARNING if finding.warning else Severity.ERROR
    return Problem(finding.code, finding.what, place, why=case.why, fix=finding.fix or case.fix, severity=severity)
