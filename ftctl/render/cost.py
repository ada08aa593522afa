"""A stack's bill as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ftctl.core.bill import MONTH, Bill, Hosting, Training
from ftctl.core.estimate import Total, amounts
from ftctl.render.data import count, markdown, markdown_table
from ftctl.render.estimate import cost_text, estimate_json, money_text, total_json
from ftctl.render.look import Look, Style, clean, padded, width_of

_INDENT = "  "
_NONE, _MORE = "-", " + ?"
_WORDS = ("state", "type")  # columns of words, to the left
_SHORTEST = 12  # columns that a name keeps
Rows = list[tuple[str, ...]]


def bill_text(bill: Bill, look: Look) -> str:
    """Trainings, then deployments, each in a table with its sum; below them what the figures rest on."""
    head = f"{clean(bill.stack)} in {clean(bill.group)}"
    parts = [look.paint(head, Style.BOLD)]
    for rows in (_trainings(bill, look), _hosting(bill)):
        if rows:
            parts += ["", *_table(rows, look)]
    notes = [look.wrap(note, _INDENT, _INDENT * 2) for note in _notes(bill, look)]
    parts += (
        ["", *(line for lines in notes for line in lines)] if notes else ["", f"{_INDENT}It has nothing that costs."]
    )
    return "\n".join(parts)


def bill_markdown(bill: Bill) -> str:
    look = Look(width=10_000)
    lines = [f"### Cost of {markdown(bill.stack)} in {markdown(bill.group)}"]
    for rows in (_trainings(bill, look), _hosting(bill)):
        if rows:
            lines += ["", *markdown_table(rows)]
    notes = [f"- {markdown(note)}" for note in _notes(bill, look)]
    return "\n".join([*lines, "", *(notes or ["It has nothing that costs."])])


def bill_json(bill: Bill) -> dict[str, Any]:
    (billed, unknown), (hourly, unpriced) = bill.billed(), bill.hourly()
    return {
        "stack": bill.stack,
        "resource_group": bill.group,
        "currency": "USD",
        "trainings": [_training_json(one) for one in bill.trainings],
        "earlier": [_training_json(one) for one in bill.earlier],
        "hosting": [_hosting_json(one) for one in bill.hosting],
        "totals": {
            "estimated": total_json(bill.estimated()),
            "billed": round(billed, 6),
            "billed_unknown": unknown,
            "hourly": round(hourly, 6),
            "monthly": round(hourly * MONTH, 2),
            "hosting_unknown": unpriced,
        },
    }


# --- tables


def _trainings(bill: Bill, look: Look) -> Rows:
    """Name, state, estimate, bill and how far one is from the other."""
    if not (bill.trainings or bill.earlier):
        return []
    rows: Rows = [("training", "state", "estimated", "billed", "off by")]
    rows += [
        (clean(str(one.address)), clean(one.state), _estimated(one, look), _billed(one), _off(one))
        for one in bill.trainings
    ]
    if bill.earlier:
        billed = Bill("", "", earlier=bill.earlier).billed()
        rows.append(("earlier", count(len(bill.earlier), "training"), _NONE, _sum(*billed), _NONE))
    if len(rows) > 2:  # noqa: PLR2004  one row is its own sum
        rows.append(("together", "", _together(bill.estimated(), look), _sum(*bill.billed()), ""))
    return rows


def _estimated(one: Training, look: Look) -> str:
    cost = one.estimate.cost if one.estimate else None
    return money_text(cost, look) if cost else "unknown"


def _billed(one: Training) -> str:
    if not one.over:
        return _NONE
    return "unknown" if one.billed is None else _money(one.billed)


def _off(one: Training) -> str:
    return (
        _NONE
        if one.deviation is None
        else f"{one.deviation * 100:+.1f} %".replace("+0.0", "0.0").replace("-0.0", "0.0")
    )


def _together(total: Total, look: Look) -> str:
    if total.cost is None:
        return "unknown" if total.trainings else _NONE
    return money_text(total.cost, look) + (_MORE if total.unknown else "")


def _hosting(bill: Bill) -> Rows:
    if not bill.hosting:
        return []
    rows: Rows = [("hosting", "state", "type", "an hour", "a month")]
    rows += [
        (clean(str(one.address)), one.state, clean(one.sku), _rate(one.hourly), _rate(one.monthly))
        for one in bill.hosting
    ]
    if len(rows) > 2:  # noqa: PLR2004  one row is its own sum
        hourly, unknown = bill.hourly()
        rows.append(("together", "", "", _sum(hourly, unknown), _sum(hourly * MONTH, unknown)))
    return rows


def _rate(amount: float | None) -> str:
    return "unknown" if amount is None else _money(amount) if amount else "none"


def _money(amount: float) -> str:
    return f"{amounts(amount)[0]} USD" if amount < 100 else f"{amount:,.0f} USD"  # noqa: PLR2004  cents matter below it


def _sum(known: float, unknown: int) -> str:
    """`0.12 USD + ?`."""
    if unknown and not known:
        return "unknown"
    return _money(known) + (_MORE if unknown else "")


def _table(rows: Rows, look: Look) -> Iterator[str]:
    """Rows in columns, figures to the right; names are cut where it would be wider than the stream.

    What tells the jobs of a sweep apart stands at their names' end: theirs have a line to themselves instead.
    """
    widths = [max(width_of(cell) for cell in column) for column in zip(*rows, strict=True)]
    widths[0] = min(widths[0], max(look.width - len(_INDENT) - sum(width + 2 for width in widths[1:]), _SHORTEST))
    dots = look.pick("…", "...")
    for name, *cells in rows:
        first = name if width_of(name) <= widths[0] else name[: widths[0] - len(dots)] + dots
        if first != name and ":" in name:
            yield _INDENT + name
            first = ""
        texts = [padded(first, widths[0])]
        for cell, head, width in zip(cells, rows[0][1:], widths[1:], strict=True):
            texts.append(padded(cell, width) if head in _WORDS else " " * (width - width_of(cell)) + cell)
        yield (_INDENT + "  ".join(texts)).rstrip()


# --- what it rests on


def _notes(bill: Bill, look: Look) -> Iterator[str]:
    for one in bill.trainings:
        if one.estimate:
            yield f"{one.address}: estimated {cost_text(one.estimate, look)}."
        if one.over:
            yield f"{one.address}: billed {_used(one)}."
    for one in bill.earlier:
        if one.unknown:
            yield f"{one.id}: billed {_used(one)}."
    if bill.billed()[1] or bill.hourly()[1] or (bill.estimated().unknown and bill.estimated().cost):
        yield "A question mark stands for what is unknown: the sum is more by that."
    if any(one.over for one in (*bill.trainings, *bill.earlier)):
        yield "Bills are at the prices of now, not an invoice."
    told: dict[str, list[str]] = {}
    for host in bill.hosting:
        told.setdefault(host.basis, []).append(str(host.address))
    for basis, addresses in told.items():
        yield f"{', '.join(addresses)}: {clean(basis)}."
    if any(host.hourly for host in bill.hosting):
        yield f"Hosting is paid whether it is called or not; a month has {MONTH} hours."


def _used(one: Training) -> str:
    """What was billed of what, at which price."""
    if one.hours is not None:
        amount = f"{one.hours:,.3g} hours"
    else:
        amount = "nothing" if one.tokens is None else f"{one.tokens:,} tokens"
    if one.unknown:
        return f"nobody knows what ({clean(one.unknown)})" if amount == "nothing" else f"{amount}; {clean(one.unknown)}"
    return (
        f"nothing: {clean(one.price)}" if not one.billed and amount == "nothing" else f"{amount} at {clean(one.price)}"
    )


# --- JSON


def _training_json(one: Training) -> dict[str, Any]:
    return {
        "address": str(one.address),
        "id": one.id or None,
        "state": one.state,
        "estimate": estimate_json(one.estimate) if one.estimate else None,
        "trained_tokens": one.tokens,
        "hours": one.hours,
        "billed": None if one.billed is None else round(one.billed, 6),
        "price": one.price or None,
        "deviation_percent": None if one.deviation is None else round(one.deviation * 100, 2),
        "unknown": one.unknown or None,
    }


def _hosting_json(one: Hosting) -> dict[str, Any]:
    return {
        "address": str(one.address),
        "state": one.state,
        "sku": one.sku,
        "model": one.model,
        "hourly": one.hourly,
        "monthly": None if one.monthly is None else round(one.monthly, 2),
        "basis": one.basis,
    }
