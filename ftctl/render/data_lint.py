"""What is wrong with data files: findings by code as text, and as problems for SARIF, annotations and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ftctl.core.codes import CODES
from ftctl.core.errors import Problem, Severity, Where
from ftctl.data.report import Finding, Report
from ftctl.render.data import count, lines_of, tell_findings
from ftctl.render.findings import problem_json
from ftctl.render.look import Look, Style, clean, padded, width_of

Sample = Callable[[Finding], str]
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Linted:
    """A file's report, what it is called, and what is wrong beside it (training examples in the validation file)."""

    shown: str
    report: Report
    dataset: str = ""
    more: Sequence[Finding] = ()

    @property
    def findings(self) -> list[Finding]:
        """Errors first, then by code and line."""
        every = (*self.report.findings, *self.more)
        return sorted(every, key=lambda one: (one.warning, one.code, one.line, one.column))

    @property
    def warned(self) -> bool:
        return any(one.warning for one in self.findings)


def lint_text(linted: Linted, look: Look, sample: Sample) -> str:
    """The findings of one file, those of a code together; `sample` gives an excerpt, empty for none."""
    report = linted.report
    name = linted.shown if not linted.dataset else f"{linted.shown} ({linted.dataset})"
    told = tell_findings(report, len(linted.more)) or "nothing found"
    head = f"{name}: {count(report.examples, 'example')}, {told}"
    lines = [look.paint(line, Style.BOLD) for line in look.wrap(clean(head), "", _INDENT)]
    for code, group in groupby(linted.findings, key=lambda one: one.code):
        lines += ["", *_group(code, list(group), linted, look, sample)]
    return "\n".join(lines)


def _group(code: str, findings: Sequence[Finding], linted: Linted, look: Look, sample: Sample) -> Iterator[str]:
    number = max(linted.report.counts.get(code, 0), len(findings))
    severity = "warning" if findings[0].warning else "error"
    mark = f"{severity} {code}"
    title = f"{CODES[code].title}: {number:,}" if number > 1 else CODES[code].title
    first, *rest = look.wrap(title, f"{mark}  ")
    style = Style.YELLOW if findings[0].warning else Style.BOLD
    yield look.paint(mark, style) + first[len(mark) :]
    yield from rest
    merged = list(_merged(findings, sample))
    places = [clean(str(_where(linted.shown, one))) if one.line else "" for one, _ in merged]
    column = max(map(width_of, places)) + (2 if any(places) else 0)
    for (one, others), place in zip(merged, places, strict=True):
        yield from look.wrap(clean(one.what), f"{_INDENT}{padded(place, column)}", _INDENT * 3)
        if others:
            yield from look.wrap(f"the same in line {lines_of(others, len(others), look)}", _INDENT * 3)
        if excerpt := sample(one):
            yield f"{_INDENT * 3}{look.pick('│', '|')} {excerpt}"
    if number > len(findings):
        yield f"{_INDENT}{look.pick('…', '...')} and {number - len(findings):,} more"
    yield from look.wrap(clean(findings[0].fix or CODES[code].fix), f"{_INDENT}fix: ")


def _merged(findings: Sequence[Finding], sample: Sample) -> Iterator[tuple[Finding, list[int]]]:
    """Findings with the other lines that the same is said of; each by itself where an excerpt tells them apart."""
    alike: dict[tuple[str, int], list[Finding]] = {}
    for number, one in enumerate(findings):
        alike.setdefault((one.what, number if sample(one) or not one.line else -1), []).append(one)
    for first, *others in alike.values():
        yield first, [one.line for one in others]


def _where(shown: str, finding: Finding) -> Where:
    return Where(shown, finding.line, finding.column)


def lint_problems(linted: Linted) -> list[Problem]:
    """Each finding as a problem, and for each code that has more than are kept one that counts the rest."""
    told = [problem(finding, linted) for finding in linted.findings]
    kept: dict[str, list[Finding]] = {}
    for finding in linted.report.findings:
        kept.setdefault(finding.code, []).append(finding)
    for code, findings in kept.items():
        if (more := linted.report.counts.get(code, 0) - len(findings)) > 0:
            severity = Severity.WARNING if findings[0].warning else Severity.ERROR
            what = f"{more:,} more of {code} in {linted.shown}"
            told.append(Problem("FT1399", what, Where(linted.shown), subject=linted.dataset, severity=severity))
    return told


def problem(finding: Finding, linted: Linted) -> Problem:
    severity = Severity.WARNING if finding.warning else Severity.ERROR
    where = _where(linted.shown, finding)
    return Problem(finding.code, finding.what, where, fix=finding.fix, subject=linted.dataset, severity=severity)


def lint_json(linted: Linted, sample: Sample) -> dict[str, Any]:
    report = linted.report
    return {
        "dataset": linted.dataset or None,
        "path": linted.shown,
        "format": report.format,
        "sha256": report.sha256 or None,
        "examples": report.examples,
        "errors": report.errors,
        "warnings": sum(report.counts.values()) - report.errors + len(linted.more),
        "counts": report.counts,
        "findings": [_finding(one, linted, sample) for one in linted.findings],
    }


def _finding(finding: Finding, linted: Linted, sample: Sample) -> dict[str, Any]:
    excerpt = sample(finding)
    return problem_json(problem(finding, linted)) | ({"sample": excerpt} if excerpt else {})
