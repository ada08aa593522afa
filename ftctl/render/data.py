"""Figures of data as people read them: numbers, money, ranges of lines, tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ftctl.data.report import Report
from ftctl.data.stats import Cost
from ftctl.render.look import Look, clean, counted, width_of

_NAME = 64  # characters of a tool's name; Azure takes no longer ones


def money(usd: float, look: Look) -> str:
    """`≈ 1.23 USD`: always an estimate, with enough digits that nothing which costs looks free."""
    digits = 2
    while usd and round(usd, digits) < 10 ** (1 - digits) and digits < 8:  # noqa: PLR2004  below that it is nothing
        digits += 1
    return f"{look.pick('≈', '~')} {usd:,.{digits}f} USD"


def figure(number: float) -> str:
    """`1,234`, and `12.5` where a half is what it is."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def change(before: float, after: float) -> str:
    """`+12`, empty where nothing changed."""
    delta = after - before
    return f"{'+' if delta > 0 else '-'}{figure(abs(delta))}" if delta else ""


def share(before: float, after: float) -> str:
    """` (+1.0 %)`, empty where nothing changed or there was nothing."""
    return f" ({(after - before) / before:+.1%})".replace("%", " %") if before and after != before else ""


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 example`, `1,234 examples`."""
    return counted(number, noun, plural).replace(str(number), f"{number:,}", 1)


def lines_of(numbers: Sequence[int], number: int, look: Look) -> str:
    """`3, 7–9 and 12 more`: where something stands, runs of lines together; `number` is how many there are in all."""
    runs: list[list[int]] = []
    for line in sorted(numbers):
        if runs and line == runs[-1][-1] + 1:
            runs[-1].append(line)
        else:
            runs.append([line])
    dash = look.pick("–", "-")
    told = [f"{run[0]:,}" if len(run) == 1 else f"{run[0]:,}{dash}{run[-1]:,}" for run in runs]
    more = number - len(numbers)
    return ", ".join(told) + (f" and {more:,} more" if more > 0 else "")


def name_of(text: str) -> str:
    """A name out of the data: it must not steer a terminal, nor fill it."""
    text = clean(text.replace("\n", " ").replace("\t", " "))
    return text if len(text) <= _NAME else f"{text[: _NAME - 3]}..."


def table(rows: Iterable[Sequence[str]], indent: str) -> list[str]:
    """Rows in columns: the first to the left, the others to the right."""
    rows = list(rows)
    widths = [max(width_of(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        (
            indent
            + "  ".join(_cell(cell, width, left=not n) for n, (cell, width) in enumerate(zip(row, widths, strict=True)))
        ).rstrip()
        for row in rows
    ]


def _cell(text: str, width: int, *, left: bool) -> str:
    blank = " " * (width - width_of(text))
    return text + blank if left else blank + text


def markdown_table(rows: Iterable[Sequence[str]]) -> list[str]:
    """The first row is the head; numbers stand to the right."""
    head, *rest = ([markdown(cell) for cell in row] for row in rows)
    rule = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rest)]


def markdown(text: str) -> str:
    """`text` without what Markdown would read as its own."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>|~#" else char for char in text)


def cost_text(cost: Cost, look: Look) -> str:
    """What training is estimated to be billed, and what that rests on."""
    told = f"{count(cost.tokens, 'token')} billed for {_epochs(cost)}. " if cost.tokens is not None else ""
    if cost.usd is not None and cost.price:
        return f"{told}{money(cost.usd, look)} at {cost.price.basis}."
    return told + unknown_cost(cost)


def _epochs(cost: Cost) -> str:
    doubt = ", if Azure chooses as OpenAI's rule of thumb does" if cost.assumed else ""
    return count(cost.epochs, "epoch") + doubt


def unknown_cost(cost: Cost) -> str:
    """Why there is no amount."""
    use, price = cost.use, cost.price
    by_hour = price is not None and price.unit == "hour"
    if cost.hourly or by_hour:
        return "Cost unknown: it is billed by the hour" + (f", at {price.basis}." if price and by_hour else ".")
    if cost.tokens is None:
        return "Cost unknown: its tokens were not counted."
    if not use.model:
        return "Cost unknown: `--model` says which model is trained."
    return f"Cost unknown: no price for {clean(use.model)} ({use.training_type}); FTCTL_PRICES names a price book."


def warnings(report: Report) -> int:
    """How many findings are warnings, those that are not shown included."""
    return sum(report.counts.values()) - report.errors


def tell_findings(report: Report, more: int = 0) -> str:
    """`2 errors, 12 warnings`, with `more` warnings from elsewhere; empty where there are none."""
    numbers = ((report.errors, "error"), (warnings(report) + more, "warning"))
    return ", ".join(count(number, noun) for number, noun in numbers if number)


def systems(report: Report) -> int:
    """How many different system messages there are, those that are not listed included."""
    return len(report.systems) + report.more_systems
