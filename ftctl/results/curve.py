"""Curves made small enough to draw: buckets of steps with their least, greatest and mean value, so that spikes stay."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum

from ftctl.results.table import Series

_STEEP = 50.0  # the top over the median, from which on a linear scale would show little but the peaks
_FAR = 2.0  # times the top, from which on a peak is cut off
_HEADROOM = 0.25  # above the top, for the peaks to stand out
_COMMON = 0.98  # of the values are below the top


@dataclass(frozen=True, slots=True)
class Bucket:
    """The values of a stretch of steps; `step` is the middle of those that have one."""

    step: float
    least: float
    greatest: float
    mean: float
    last: float


def buckets(series: Series, first: float, last: float, count: int) -> list[Bucket | None]:
    """`count` stretches of equal width between two steps; None where nothing was measured. Takes finite values only."""
    width = (last - first) / count or 1.0
    edges = [bisect_left(series.steps, first + n * width) for n in range(1, count)]
    starts = [bisect_left(series.steps, first), *edges]
    stops = [*edges, len(series)]
    return [_bucket(series, start, stop) for start, stop in zip(starts, stops, strict=True)]


def _bucket(series: Series, start: int, stop: int) -> Bucket | None:
    values = series.values[start:stop]
    if not values:
        return None
    middle = (series.steps[start] + series.steps[stop - 1]) / 2
    return Bucket(middle, min(values), max(values), _mean(values), values[-1])


def thinned(series: Series, most: int) -> list[tuple[int, float]]:
    """At most `most` points of a series: all, or the least and greatest of each stretch in their order."""
    series = series.finite()
    if len(series) <= most:
        return list(zip(series.steps, series.values, strict=True))
    count = max(most // 2, 1)
    points: list[tuple[int, float]] = []
    for number in range(count):
        start, stop = len(series) * number // count, len(series) * (number + 1) // count
        values = series.values[start:stop]
        places = {values.index(min(values)), values.index(max(values))}
        points += [(series.steps[start + place], values[place]) for place in sorted(places)]
    return points


def smoothed(series: Series, most: int) -> list[tuple[float, float]]:
    """The mean of each of at most `most` stretches that hold equally many values."""
    series = series.finite()
    count = min(most, len(series))
    edges = [len(series) * number // count for number in range(count + 1)] if count else []
    return [(_mean(series.steps[start:stop]), _mean(series.values[start:stop])) for start, stop in pairwise(edges)]


@dataclass(frozen=True, slots=True)
class Span:
    """What an axis has to show; `cut` is the greatest value where it is beyond the top."""

    low: float
    high: float
    log: bool = False
    cut: float | None = None


def span(values: Sequence[float], needed: Sequence[float] = ()) -> Span:
    """From the least value to the greatest, or to a top that few are above: the first steps and spikes are cut off.

    What is `needed` is never cut off. Logarithmic where all are above zero and the top is far above most.
    """
    every = sorted([*values, *needed])
    if not every:
        return Span(0.0, 1.0)
    common = sorted(values)[: max(1, round(len(values) * _COMMON))] if values else []
    top = max([*common, *needed])
    log = every[0] > 0 and top > _STEEP * every[len(every) // 2]
    cut = every[-1] > _FAR * top > 0 and not log
    if cut:
        return Span(every[0], top + _HEADROOM * ((top - every[0]) or top), log, every[-1])
    return Span(every[0], every[-1], log)


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)
