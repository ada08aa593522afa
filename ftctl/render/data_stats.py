"""Statistics of a data file as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ftctl.data.report import Report, Tokens
from ftctl.data.stats import Cost, Spread, bins, spread, total
from ftctl.render.data import (
    cost_text,
    count,
    figure,
    lines_of,
    markdown_table,
    name_of,
    systems,
    table,
    tell_findings,
    warnings,
)
from ftctl.render.histogram import Panel, histogram_lines, svg
from ftctl.render.look import Look, Style, padded

PERCENTILES = "linear interpolation, definition 7 of Hyndman and Fan"
_ROWS = ("least", "p5", "median", "mean", "p95", "most")
_NAMES = {"least": "min", "most": "max"}
_MOST = 8  # tools, systems and the like are told up to this number
_LONGEST = 5
_INDENT = "  "
_COLUMN = 12


@dataclass(frozen=True, slots=True)
class Subject:
    """What is shown: a file's report under a title, and what trainings on it are estimated to cost."""

    title: str
    report: Report
    costs: Sequence[Cost] = ()
    dataset: str = ""
    path: str = ""


def stats_text(subject: Subject, look: Look) -> str:
    report = subject.report
    head = f"{count(report.sound, 'example')} of {report.format} data, {report.size:,} bytes"
    lines = [*(look.paint(line, Style.BOLD) for line in look.wrap(subject.title, "", _INDENT)), f"{_INDENT}{head}"]
    if unsound := report.examples - report.sound:
        lines += look.wrap(f"{count(unsound, 'example')} with errors left out of all figures.", _INDENT)
    if report.tokens and report.sound:
        lines += ["", *_tokens(report.tokens, look)]
    lines += ["", *(line for label, told in _rows(subject, look) for line in _row(label, told, look))]
    return "\n".join(lines)


def _tokens(tokens: Tokens, look: Look) -> Iterator[str]:
    spreads = [spread(tokens.total), spread(tokens.assistant)]
    yield from table([("tokens of an example", "total", "assistant"), *_figures(spreads)], _INDENT)
    yield from look.wrap(_footnote(tokens), _INDENT)
    for name, counts in (("total", tokens.total), ("assistant", tokens.assistant)):
        if len(counts) > 1:
            yield from ("", f"{_INDENT}{name} tokens: number of examples")
            yield from histogram_lines(bins(counts, 10), look, _INDENT * 2)


def _figures(spreads: Sequence[Spread | None]) -> Iterator[tuple[str, ...]]:
    """A row for each figure, with the sum of all examples as the last."""
    for row in _ROWS:
        yield (
            f"{_INDENT}{_NAMES.get(row, row)}",
            *(figure(round(getattr(one, row), 1)) if one else "-" for one in spreads),
        )
    yield ("all examples", *(f"{one.total:,}" if one else "-" for one in spreads))


def _footnote(tokens: Tokens) -> str:
    billed, all_ = total(tokens.billed), total(tokens.total)
    told = f"{tokens.encoding} tokens; p5 and p95 are the 5th and 95th percentile, interpolated."
    if billed != all_:
        told += f" One pass is billed {billed:,} tokens, as a pair's prompt counts twice."
    if tokens.estimated:
        told += f" {tokens.estimated:,} of them are estimates, for tools and images."
    return told


def _row(label: str, told: str, look: Look) -> list[str]:
    return look.wrap(told, _INDENT + padded(label, _COLUMN)) if told else []


def _rows(subject: Subject, look: Look) -> Iterator[tuple[str, str]]:
    """What else is in the file: a label and a sentence each, empty where there is nothing to say."""
    report = subject.report
    yield "roles", ", ".join(f"{name_of(role)} {number:,}" for role, number in report.roles.items())
    yield "turns", _turns(report.turns)
    yield (
        "weights",
        ", ".join(f"{name_of(weight)}: {count(number, 'message')}" for weight, number in report.weights.items()),
    )
    yield "tools", _most(report.tools)
    yield "tool calls", f"{report.tool_calls:,}" if report.tool_calls else ""
    yield "images", f"{report.images:,}" if report.images else ""
    yield "systems", _systems(report, look)
    yield "item keys", _most(report.item_keys)
    yield "longest", _longest(report)
    yield "repeated", f"{count(report.duplicates, 'example')} the same as an earlier one" if report.duplicates else ""
    yield (
        "contrary",
        f"{count(report.contradictions, 'question')} with several answers" if report.contradictions else "",
    )
    for cost in subject.costs:
        job = f"job/{cost.use.job}: " if cost.use.job else ""
        yield "training", job + cost_text(cost, look)
    yield "findings", _findings(report)


def _turns(turns: Mapping[int, int]) -> str:
    if len(turns) < 2:  # noqa: PLR2004  the same in all
        return "".join(f"{number} in every example" for number in turns)
    (first, examples), *others = sorted(turns.items())
    told = [f"{first} ({count(examples, 'example')})", *(f"{number} ({examples:,})" for number, examples in others)]
    rest = sum(examples for _, examples in others[_MOST - 1 :])
    return ", ".join(told[:_MOST]) + (f" and up to {max(turns)} ({rest:,})" if rest else "")


def _most(numbers: Mapping[str, int]) -> str:
    """The most frequent names with their numbers."""
    ordered = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{name_of(name)} {number:,}" for name, number in ordered[:_MOST])
    more = len(ordered) - _MOST
    return f"{told} and {more:,} more" if more > 0 else told


def _systems(report: Report, look: Look) -> str:
    if not report.systems:
        return ""
    if systems(report) == 1:
        return f"1 message, in {count(report.systems[0].examples, 'example')}"
    ordered = sorted(report.systems, key=lambda one: -one.examples)
    lines = lines_of([one.line for one in ordered[:_MOST]], systems(report), look)
    return f"{systems(report):,} different messages; the most frequent begin in line {lines}"


def _longest(report: Report) -> str:
    longest = report.tokens.longest if report.tokens else ()
    return ", ".join(f"line {one.line:,} ({one.tokens:,})" for one in longest[:_LONGEST])


def _findings(report: Report) -> str:
    told = tell_findings(report)
    return f"{told}; `ftctl data lint` shows them" if told else ""


# --- Markdown, JSON, SVG


def stats_markdown(subject: Subject) -> str:
    report, look = subject.report, Look(width=10_000)
    lines = [
        f"### {subject.title}",
        "",
        f"{count(report.sound, 'example')} of {report.format} data, {report.size:,} bytes.",
    ]
    if report.tokens and report.sound:
        spreads = [spread(report.tokens.total), spread(report.tokens.assistant)]
        rows = [
            ("tokens of an example", "total", "assistant"),
            *((row[0].strip(), *row[1:]) for row in _figures(spreads)),
        ]
        lines += ["", *markdown_table(rows), "", _footnote(report.tokens)]
    told = [f"- **{label}**: {text}" for label, text in _rows(subject, look) if text]
    return "\n".join([*lines, *(["", *told] if told else [])])


def stats_json(subject: Subject) -> dict[str, Any]:
    report = subject.report
    return {
        "dataset": subject.dataset or None,
        "path": subject.path,
        "format": report.format,
        "sha256": report.sha256 or None,
        "bytes": report.size,
        "examples": report.examples,
        "sound": report.sound,
        "errors": report.errors,
        "warnings": warnings(report),
        "findings": report.counts,
        "tokens": _tokens_json(report.tokens) if report.tokens else None,
        "training": [cost_json(cost) for cost in subject.costs],
        "roles": report.roles,
        "turns": {str(number): examples for number, examples in sorted(report.turns.items())},
        "weights": report.weights,
        "tools": report.tools,
        "tool_calls": report.tool_calls,
        "images": report.images,
        "systems": [{"line": one.line, "examples": one.examples} for one in report.systems],
        "more_systems": report.more_systems,
        "item_keys": report.item_keys,
        "duplicates": report.duplicates,
        "contradictions": report.contradictions,
    }


def _tokens_json(tokens: Tokens) -> dict[str, Any]:
    return {
        "encoding": tokens.encoding,
        "percentiles": PERCENTILES,
        "billed_once": total(tokens.billed),
        "estimated": tokens.estimated,
        **{
            name: {
                **(asdict(found) if (found := spread(counts)) else {}),
                "histogram": [asdict(one) for one in bins(counts)],
            }
            for name, counts in (("total", tokens.total), ("assistant", tokens.assistant))
        },
        "longest": [{"line": one.line, "tokens": one.tokens} for one in tokens.longest],
    }


def cost_json(cost: Cost) -> dict[str, Any]:
    use = cost.use
    return {
        "job": use.job or None,
        "model": use.model or None,
        "training_type": use.training_type or None,
        "epochs": cost.epochs,
        "epochs_assumed": cost.assumed,
        "tokens": cost.tokens,
        "usd": None if cost.usd is None else round(cost.usd, 6),
        "price": asdict(cost.price) if cost.price else None,
    }


def stats_svg(subject: Subject) -> str:
    """The histograms of total and of assistant tokens; empty where no tokens were counted."""
    tokens = subject.report.tokens
    if tokens is None:
        return ""
    named = (("Tokens of an example", tokens.total), ("Assistant tokens of an example", tokens.assistant))
    panels = [Panel(name, bins(counts, 24), found) for name, counts in named if (found := spread(counts))]
    return svg(f"{subject.title}: how long the examples are", panels) if panels else ""
