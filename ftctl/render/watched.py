"""How far a thing on its way is, in words and as JSON."""

from __future__ import annotations

from typing import Any

from ftctl.core.estimate import CURRENCY, Span
from ftctl.core.events import Watched
from ftctl.render.estimate import money_text, time_text
from ftctl.render.look import Look, clean, duration, width_of
from ftctl.render.values import shortened

_MINUTES = 120  # seconds, from which on minutes are told
_ALIKE = 1.5  # two estimates of the time that is left: nearer to each other they are told as one


def sentence(watched: Watched, look: Look) -> str:
    """All that is known: `training, step 120 of 300, loss 0.812, 4 min, about 6 min left, ≈ 12 USD so far`."""
    spent = duration(watched.elapsed) if watched.elapsed is not None and watched.elapsed >= 1 else ""
    cost = f"{_cost(watched, look)} so far" if watched.cost else ""
    parts = [_stage(watched, look), _step(watched), *_measures(watched), spent, _left(watched, look), cost]
    return ", ".join(filter(None, parts))


def fitting(watched: Watched, look: Look, width: int) -> str:
    """The same for `width` columns, without the time that has passed: what matters less is left out where need be.

    `training 120/300, loss 0.812, 6 min left, ≈ 12 USD`
    """
    step = "/".join(f"{number:,}" for number in (watched.step, watched.steps) if number)
    head = " ".join(part for part in (_stage(watched, look), step) if part)
    measures, left, cost = _measures(watched), _left(watched, look).removeprefix("about "), _cost(watched, look)
    kept = [head]
    for part in filter(None, [*measures[:1], left, cost, *measures[1:]]):
        if width_of(", ".join([*kept, part])) <= width:
            kept.append(part)
    parts = [part for part in (*measures, left, cost) if part in kept[1:]]
    return cut(", ".join([head, *parts]), look, width)


def cut(text: str, look: Look, width: int) -> str:
    """`text` in no more than `width` columns."""
    if width_of(text) <= width:
        return text
    dots = look.pick("…", "...")
    while text and width_of(text) > width - width_of(dots):
        text = text[:-1]
    return f"{text}{dots}" if width >= width_of(dots) else ""


def _stage(watched: Watched, look: Look) -> str:
    return shortened(clean(str(watched)), look)


def _measures(watched: Watched) -> list[str]:
    """What was measured at the newest step, the most telling first."""
    numbers = (("loss", watched.loss), ("reward", watched.reward), ("validation loss", watched.valid_loss))
    return [f"{name} {value:.3g}" for name, value in numbers if value is not None]


def _step(watched: Watched) -> str:
    if watched.step is None:
        return ""
    return f"step {watched.step:,} of {watched.steps:,}" if watched.steps else f"step {watched.step:,}"


def _left(watched: Watched, look: Look) -> str:
    """`about 6 min left`, or `5–9 min left` where the service and the steps so far disagree."""
    left = watched.left
    if left is None or left.high < 1:
        return ""
    if left.high > left.low * _ALIKE:
        return f"{_time(left, look)} left" if left.low >= 1 else f"up to {_time(Span.of(left.high), look)} left"
    return f"about {_time(Span.of((left.low + left.high) / 2), look)} left"


def _time(span: Span, look: Look) -> str:
    """`40 s`, `5–9 min`: nobody wants a tenth of a second of what is left."""
    return time_text(Span(round(span.low), round(span.high)) if span.high < _MINUTES else span, look)


def _cost(watched: Watched, look: Look) -> str:
    return money_text(watched.cost, look) if watched.cost else ""


def watched_json(watched: Watched | None) -> dict[str, Any] | None:
    """The facts that are known; the others are left out."""
    if watched is None:
        return None
    names = ("status", "stage", "words", "step", "steps", "loss", "valid_loss", "reward")
    found = {name: value for name in names if (value := getattr(watched, name)) not in (None, "")}
    if watched.elapsed is not None:
        found["elapsed"] = round(watched.elapsed, 1)
    if watched.left:
        found["left"] = _span(watched.left, 0)
    if watched.cost:
        found["cost"] = {**_span(watched.cost, 6), "currency": CURRENCY}
    return found


def _span(span: Span, digits: int) -> dict[str, float]:
    return {"low": round(span.low, digits), "high": round(span.high, digits)}
