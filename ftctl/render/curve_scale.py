"""Axes: where a value stands between two ends, linear or logarithmic, and round numbers to write beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

from ftctl.results.curve import Span

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_NEAR_ZERO = 0.25  # of the greatest value: from there on the axis may as well begin at nothing


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high`."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high one."""
        low, high, value = (log10(one) if self.log else one for one in (self.low, self.high, value))
        return min(max((value - low) / ((high - low) or 1.0), 0.0), 1.0)

    def ticks(self, most: int) -> list[float]:
        """Round numbers between the ends, both ends where they are round."""
        if self.log:
            return _decades(self.low, self.high, most)
        step = _step(self.high - self.low, most)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def scale_of(shown: Span, most: int = 5) -> Scale:
    """A scale with round ends on which a span stands."""
    low, high = shown.low, shown.high
    if shown.log:
        return Scale(_round_down(low), _round_up(high), log=True)
    if low >= 0 and low <= _NEAR_ZERO * high:
        low = 0.0
    if low == high:
        low, high = min(2 * low, 0.0), max(2 * high, 0.0 if low else 1.0)
    step = _step(high - low, most)
    return Scale(floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step)


def steps_scale(firsts: Iterable[int], lasts: Iterable[int]) -> Scale:
    first, last = min(firsts, default=0), max(lasts, default=1)
    return Scale(first, max(last, first + 1))


def label(value: float, others: Sequence[float]) -> str:
    """A tick's number with as many digits as tell it from its neighbours."""
    value = value or 0.0
    greatest = max(map(abs, others), default=0.0)
    if greatest >= 1e6:  # noqa: PLR2004  from there on figures would be wider than the axis
        return f"{value:.3g}".replace("e+0", "e")
    gaps = [abs(b - a) for a, b in pairwise(others) if a != b]
    finest = min(gaps, default=abs(value) or 1.0)
    if finest < 1e-4:  # noqa: PLR2004  the same
        return f"{value:.2g}".replace("e-0", "e-") if value else "0"
    digits = next(count for count in range(6) if abs(round(finest, count) - finest) <= finest / 100 or count == 5)  # noqa: PLR2004  no tick is finer
    text = f"{value:,.{digits}f}"
    return text if float(text.replace(",", "")) or not value else f"{value:.2g}"


def _step(span: float, most: int) -> float:
    """The least round distance that makes no more than `most` gaps."""
    rough = (span or 1.0) / max(most, 1)
    power = 10.0 ** floor(log10(rough))
    return next((one * power for one in _ROUND if one * power >= rough * (1 - 1e-9)), 10 * power)


def _decades(low: float, high: float, most: int) -> list[float]:
    first, last = floor(log10(low)), ceil(log10(high))
    every = max(1, ceil((last - first) / max(most, 1)))
    within = (1.0, 2.0, 5.0) if last - first <= 2 else (1.0,)  # noqa: PLR2004  a decade or two has room for more
    found = [part * 10.0**power for power in range(first, last + 1, every) for part in within]
    return [one for one in found if low * (1 - 1e-9) <= one <= high * (1 + 1e-9)]


def _round_down(value: float) -> float:
    power = 10.0 ** floor(log10(value))
    return max(one for one in (1.0, 2.0, 5.0) if one * power <= value * (1 + 1e-9)) * power


def _round_up(value: float) -> float:
    power = 10.0 ** floor(log10(value))
    return min(one for one in (1.0, 2.0, 5.0, 10.0) if one * power >= value * (1 - 1e-9)) * power
