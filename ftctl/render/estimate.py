"""Estimates of cost and time as text and JSON: ranges, what they rest on, and the unknown in so many words."""

from __future__ import annotations

from typing import Any

from ftctl.core.estimate import Estimate, Span, Total, amounts
from ftctl.render.look import Look, clean, counted

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_EXACT = 10  # minutes, hours or days, from which on whole ones are told


def total_text(total: Total, look: Look) -> str:
    """What stands in brackets after the number of trainings: `≈ 41–55 USD, 2–4 h`; empty where nothing is trained."""
    if not total.trainings:
        return ""
    time = f", {time_text(total.seconds, look)}" if total.seconds else ""
    if total.cost is None:
        return f"cost unknown{time}"
    more = f" and {total.unknown} unknown" if total.unknown else ""
    return f"{money_text(total.cost, look)}{more}{time}"


def estimate_rows(estimate: Estimate, look: Look) -> list[tuple[str, str]]:
    """A training's cost and time, each with its basis."""
    rows = [("cost", cost_text(estimate, look))]
    if estimate.seconds:
        trainings = counted(estimate.earlier, "earlier training")
        rows.append(
            ("time", f"{look.pick('≈', '~')} {time_text(estimate.seconds, look)}, by {trainings} of this model")
        )
    return rows


def cost_text(estimate: Estimate, look: Look) -> str:
    """`≈ 0.01 USD: 12,345 tokens (4,115 × 3 epochs) at 0.6 USD per 1M tokens (…)`, or why nobody knows."""
    notes = "".join(f"; {note}" for note in estimate.notes)
    if estimate.cost is None:
        tokens = f"; {_tokens(estimate, look)} are billed" if estimate.tokens else ""
        return f"unknown: {clean(estimate.unknown)}{tokens}{notes}"
    amount = _hours(estimate.hours, look) if estimate.hours else _tokens(estimate, look)
    price = f" at {clean(estimate.price)}" if estimate.price else ""
    return f"{money_text(estimate.cost, look)}: {amount}{price}{notes}"


def _tokens(estimate: Estimate, look: Look) -> str:
    if not estimate.tokens:
        return "what is billed"
    tokens = f"{whole(estimate.tokens, look)} tokens"
    if not (estimate.once and estimate.epochs):
        return tokens
    epochs = whole(estimate.epochs, look)
    noun = "epoch" if epochs == "1" else "epochs"
    return f"{tokens} ({whole(estimate.once, look)} {look.pick('×', 'x')} {epochs} {noun})"


def _hours(hours: Span, look: Look) -> str:
    return f"{_between(f'{hours.low:,.2g}', f'{hours.high:,.2g}', look)} h"


def money_text(span: Span, look: Look, currency: str = "USD") -> str:
    """`≈ 41–55 USD`: always an estimate, with enough digits that nothing which costs looks free."""
    low, high = amounts(span.low, span.high)
    return f"{look.pick('≈', '~')} {_between(low, high, look)} {currency}"


def whole(span: Span, look: Look) -> str:
    """`4,115`, `2–25`."""
    return _between(f"{span.low:,.0f}", f"{span.high:,.0f}", look)


def time_text(seconds: Span, look: Look) -> str:
    """`2–4 h`, `50–90 min`: both ends in the unit that suits the longer."""
    units = ((_DAY * 2, _DAY, "days"), (_HOUR * 2, _HOUR, "h"), (_MINUTE * 2, _MINUTE, "min"))
    size, name = next(((size, name) for least, size, name in units if seconds.high >= least), (1, "s"))
    low, high = (f"{end / size:.{int(end / size < _EXACT)}f}".removesuffix(".0") for end in _ends(seconds))
    return f"{_between(low, high, look)} {name}"


def _ends(span: Span) -> tuple[float, float]:
    return span.low, span.high


def _between(low: str, high: str, look: Look) -> str:
    return low if low == high else f"{low}{look.pick('–', '-')}{high}"


# --- JSON


def total_json(total: Total) -> dict[str, Any]:
    return {
        "trainings": total.trainings,
        "cost": _span(total.cost, 9),
        "currency": "USD",
        "unknown": total.unknown,
        "seconds": _span(total.seconds, 3),
    }


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    return {
        "cost": _span(estimate.cost, 9),
        "currency": estimate.currency,
        "tokens": _span(estimate.tokens, 3),
        "tokens_once": _span(estimate.once, 3),
        "epochs": _span(estimate.epochs, 3),
        "hours": _span(estimate.hours, 6),
        "price": estimate.price or None,
        "notes": list(estimate.notes),
        "seconds": _span(estimate.seconds, 3),
        "earlier_trainings": estimate.earlier,
        "unknown": estimate.unknown or None,
    }


def _span(span: Span | None, digits: int) -> dict[str, float] | None:
    return {"low": _number(span.low, digits), "high": _number(span.high, digits)} if span else None


def _number(value: float, digits: int) -> float:
    value = round(value, digits)
    return int(value) if value == int(value) else value
