"""What changed between two data files, for the reviewer: as text, Markdown and JSON, and as one line of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ftctl.data.diff import Diff
from ftctl.data.report import Report, System
from ftctl.data.stats import Cost, Spread, spread, total
from ftctl.render.data import (
    change,
    count,
    figure,
    lines_of,
    markdown_table,
    money,
    name_of,
    share,
    systems,
    table,
    unknown_cost,
    warnings,
)
from ftctl.render.data_stats import cost_json
from ftctl.render.look import Look, Style, padded

_INDENT = "  "
_COLUMN = 14
_SHIFT = (("shortest", "least"), ("p5", "p5"), ("median", "median"), ("p95", "p95"), ("longest", "most"))
_MOST = 8
Row = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Compared:
    """A diff, what is compared with what, and what a training costs before and after.

    `leaks` are how many of the examples stand in another file too (what is trained in what is validated, or the other
    way round): which one, before and after.
    """

    title: str
    against: str
    diff: Diff
    costs: tuple[Cost, Cost] | None = None
    leaks: tuple[str, int, int] | None = None


def diff_text(compared: Compared, look: Look) -> str:
    found = compared.diff
    lines = [
        look.paint(line, Style.BOLD) for line in look.wrap(f"{compared.title}, against {compared.against}", "", _INDENT)
    ]
    if found.same_content:
        return "\n".join([*lines, f"{_INDENT}The same content, byte for byte."])
    lines += [*look.wrap(_summary(found, look), _INDENT), *look.wrap(_unsound(found), _INDENT)]
    lines = [line for line in lines if line.strip()]
    lines += ["", *table(_figures(compared, look), _INDENT)]
    told = [line for label, text in _rows(found, look) for line in look.wrap(text, _INDENT + padded(label, _COLUMN))]
    lines += ["", *told] if told else []
    if basis := _basis(compared):
        lines += ["", *(line for text in basis for line in look.wrap(text, _INDENT))]
    return "\n".join(lines)


def diff_markdown(compared: Compared) -> str:
    look = Look(width=10_000)
    found = compared.diff
    lines = [f"### {compared.title}, against {compared.against}", ""]
    if found.same_content:
        return "\n".join([*lines, "The same content, byte for byte."])
    lines += [_summary(found, look), *filter(None, [_unsound(found)]), ""]
    lines += markdown_table((row[0].replace(_INDENT, "· "), *row[1:]) for row in _figures(compared, look))
    lines += ["", *(f"- **{label}**: {text}" for label, text in _rows(found, look))]
    return "\n".join([*lines, *(f"\n{text}" for text in _basis(compared))]).rstrip()


def plan_line(found: Diff) -> str:
    """A diff in one line of a plan, in ASCII: `+12 -3 ~5 examples, 402,113 -> 405,993 tokens of one pass`."""
    one = found.examples
    told = f"+{one.added:,} -{one.removed:,} ~{one.edited:,} examples"
    if found.before.tokens and found.after.tokens:
        told += f", {total(found.before.tokens.billed):,} -> {total(found.after.tokens.billed):,} tokens of one pass"
    return told


def _minus(look: Look) -> str:
    return look.pick("−", "-")


def _summary(found: Diff, look: Look) -> str:
    one = found.examples
    if one.same:
        stays = "in another order" if one.reordered else "in other bytes"
        return f"The same {count(one.kept, 'example')}, {stays}."
    told = [
        f"{sign}{number:,} {word}"
        for sign, number, word in (
            ("+", one.added, "added"),
            (_minus(look), one.removed, "removed"),
            ("~", one.edited, "edited"),
        )
        if number
    ]
    moved = ", in another order" if one.reordered else ""
    return f"{', '.join(told)}; {one.kept:,} unchanged{moved}."


def _unsound(found: Diff) -> str:
    left = [(report.examples - report.sound, name) for report, name in ((found.before, "before"), (found.after, "now"))]
    told = " and ".join(f"{number:,} {name}" for number, name in left if number)
    return f"Examples with errors are not compared: {told}." if told else ""


def _figures(compared: Compared, look: Look) -> Iterator[Row]:
    found = compared.diff
    before, after = found.before, found.after
    yield "", "before", "now", "change"
    yield _row("examples", before.sound, after.sound, shared=True)
    yield _row("bytes", before.size, after.size, shared=True)
    if before.tokens and after.tokens:
        yield _row("tokens of one pass", total(before.tokens.billed), total(after.tokens.billed), shared=True)
        yield from _money(compared.costs, look)
        for head, counts in (
            ("tokens of an example", (before.tokens.total, after.tokens.total)),
            ("assistant tokens", (before.tokens.assistant, after.tokens.assistant)),
        ):
            yield head, "", "", ""
            yield from _shift(*map(spread, counts))
    yield from _more(before, after, compared.leaks)


def _money(costs: tuple[Cost, Cost] | None, look: Look) -> Iterator[Row]:
    before, after = (cost.usd for cost in costs) if costs else (None, None)
    if costs and before is not None and after is not None:
        epochs = list(dict.fromkeys(cost.epochs for cost in costs))
        name = f"training, {count(epochs[0], 'epoch') if len(epochs) == 1 else f'{epochs[0]} and {epochs[1]} epochs'}"
        yield name, money(before, look), money(after, look), share(before, after).strip(" ()")


def _shift(before: Spread | None, after: Spread | None) -> Iterator[Row]:
    for name, field in _SHIFT:
        if before and after:
            yield _row(f"{_INDENT}{name}", getattr(before, field), getattr(after, field))


def _more(before: Report, after: Report, leaks: tuple[str, int, int] | None) -> Iterator[Row]:
    """What a reviewer must not miss, where there is any."""
    pairs: tuple[tuple[str, int, int], ...] = (
        ("repeated examples", before.duplicates, after.duplicates),
        ("contrary answers", before.contradictions, after.contradictions),
        *([(f"also in {leaks[0]}", leaks[1], leaks[2])] if leaks else []),
        ("tool calls", before.tool_calls, after.tool_calls),
        ("images", before.images, after.images),
        ("system messages", systems(before), systems(after)),
        ("errors", before.errors, after.errors),
        ("warnings", warnings(before), warnings(after)),
    )
    for name, first, second in pairs:
        if first or second:
            yield _row(name, first, second)


def _row(name: str, before: float, after: float, *, shared: bool = False) -> Row:
    before, after = round(before, 1), round(after, 1)
    return name, figure(before), figure(after), change(before, after) + (share(before, after) if shared else "")


def _rows(found: Diff, look: Look) -> Iterator[tuple[str, str]]:
    """Where the differences are, by line; never what stands there."""
    one = found.examples
    if one.added:
        yield "added", f"line {lines_of(one.added_lines, one.added, look)}"
    if one.removed:
        yield "removed", f"former line {lines_of(one.removed_lines, one.removed, look)}"
    if one.edited:
        yield "edited", f"line {_edits(one.edited_lines, one.edited, look)}"
    for word, tools in (("new tools", found.tools.added), ("gone tools", found.tools.removed)):
        if tools:
            yield word, _tools(tools)
    if found.systems.added:
        yield "new systems", _systems(found.systems.added, "line")
    if found.systems.removed:
        yield "gone systems", _systems(found.systems.removed, "former line")


def _edits(pairs: Sequence[tuple[int, int]], number: int, look: Look) -> str:
    if all(before == after for before, after in pairs):
        return lines_of([after for _, after in pairs], number, look)
    told = ", ".join(f"{after:,}" if before == after else f"{after:,} (was {before:,})" for before, after in pairs)
    more = number - len(pairs)
    return f"{told} and {more:,} more" if more > 0 else told


def _tools(tools: Mapping[str, int]) -> str:
    told = [name_of(name) for name in tools]
    return ", ".join(told[:_MOST]) + (f" and {len(told) - _MOST:,} more" if len(told) > _MOST else "")


def _systems(found: Sequence[System], line: str) -> str:
    told = [f"{line} {one.line:,} ({count(one.examples, 'example')})" for one in found[:_MOST]]
    return ", ".join(told) + (f" and {len(found) - _MOST:,} more" if len(found) > _MOST else "")


def _basis(compared: Compared) -> list[str]:
    """What the cost rests on, or why there is none."""
    if compared.diff.same_content or compared.costs is None:
        return []
    after = compared.costs[1]
    use = after.use
    if after.usd is None or after.price is None:
        return [unknown_cost(after)]
    job = f" of job/{use.job}" if use.job else ""
    epochs = " Epochs as OpenAI's rule of thumb has them; Azure chooses its own." if after.assumed else ""
    return [f"Training{job} on {use.model} ({use.training_type}), at {after.price.basis}.{epochs}"]


def diff_json(compared: Compared) -> dict[str, Any]:
    found = compared.diff
    one = found.examples
    return {
        "title": compared.title,
        "against": compared.against,
        "same_content": found.same_content,
        "examples": {
            **{name: getattr(one, name) for name in ("kept", "added", "removed", "edited", "reordered")},
            "added_lines": list(one.added_lines),
            "removed_lines": list(one.removed_lines),
            "edited_lines": [{"before": before, "after": after} for before, after in one.edited_lines],
        },
        "before": _side(found.before, compared, 0),
        "after": _side(found.after, compared, 1),
        "tools": {"added": list(found.tools.added), "removed": list(found.tools.removed)},
        "systems": {
            name: [{"line": system.line, "examples": system.examples} for system in systems]
            for name, systems in (("added", found.systems.added), ("removed", found.systems.removed))
        },
    }


def _side(report: Report, compared: Compared, side: int) -> dict[str, Any]:
    tokens = report.tokens
    spreads = {name: spread(getattr(tokens, name)) for name in ("total", "assistant")} if tokens else {}
    return {
        "sha256": report.sha256 or None,
        "bytes": report.size,
        "examples": report.examples,
        "sound": report.sound,
        "tokens": {
            "encoding": tokens.encoding,
            "billed_once": total(tokens.billed),
            **{name: asdict(one) if one else None for name, one in spreads.items()},
        }
        if tokens
        else None,
        "training": cost_json(compared.costs[side]) if compared.costs else None,
        "duplicates": report.duplicates,
        "contradictions": report.contradictions,
        "also_in": {compared.leaks[0]: compared.leaks[side + 1]} if compared.leaks else {},
        "errors": report.errors,
        "warnings": warnings(report),
    }
