"""Means of stretches of a noisy series, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import fsum, hypot, sqrt
from statistics import median

_STRETCHES, _SHORTEST = 10, 10  # a series is cut into at most that many, of at least that many values
_NORMAL = 1.4826  # median of absolute values → standard deviation


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive values: the step of the first and of the last, their mean and its standard error."""

    first: int
    last: int
    mean: float
    error: float


def noise(values: Sequence[float]) -> float:
    """The standard deviation of values around what they follow.

    Taken from second differences, so that neither a level nor a steady slope counts as noise.
    """
    bends = _bends(values)
    return sqrt(fsum(bend * bend for bend in bends) / (6 * len(bends))) if bends else 0.0


def sturdy_noise(values: Sequence[float]) -> float:
    """The same by the median, for few values with a strong curve among them."""
    bends = _bends(values)
    return _NORMAL * median(map(abs, bends)) / sqrt(6) if bends else 0.0


def stretch(steps: Sequence[float], values: Sequence[float], start: int, stop: int) -> Stretch:
    part = values[start:stop]
    error = noise(part) / sqrt(len(part))
    return Stretch(round(steps[start]), round(steps[stop - 1]), fsum(part) / len(part), error)


def stretches(steps: Sequence[float], values: Sequence[float]) -> list[Stretch]:
    """A series cut into up to ten stretches of equally many values.

    None counts as surer than the middle one of them: few values may seem less noisy than they are.
    """
    count = max(1, min(_STRETCHES, len(values) // _SHORTEST))
    edges = [len(values) * number // count for number in range(count + 1)]
    parts = [stretch(steps, values, start, stop) for start, stop in pairwise(edges)]
    usual = median(part.error for part in parts)
    return [replace(part, error=max(part.error, usual)) for part in parts]


def quarters(steps: Sequence[float], values: Sequence[float]) -> tuple[Stretch, Stretch]:
    """The third and the last quarter of a series."""
    count = len(values)
    half, late = count // 2, count * 3 // 4
    return stretch(steps, values, half, late), stretch(steps, values, late, count)


def apart(one: Stretch, other: Stretch) -> float:
    """The standard error of the difference of two means."""
    return hypot(one.error, other.error)


def _bends(values: Sequence[float]) -> list[float]:
    return [a - 2 * b + c for a, b, c in zip(values, values[1:], values[2:], strict=False)]
