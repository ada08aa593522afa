"""Trainings whose verdict is known beforehand, and tables made of them."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from math import exp

from ftctl.results.columns import LOSSES, REWARDS
from ftctl.results.table import Series, Table

Curve = Callable[[float], float]


@dataclass(frozen=True)
class Shape:
    """A training as curves over time from 0 to 1, with what it comes to.

    `full` is measured at the end of each of `epochs`, `valid` at every step like `train`.
    """

    outcome: str
    train: Curve
    full: Curve | None = None
    epochs: int = 3
    valid: Curve | None = None
    reward: bool = False

    @property
    def learned(self) -> float:
        return abs(self.train(0.0) - self.train(1.0)) or abs(self.train(1.0))


def falling(by, rate, to):
    return lambda time: to + by * exp(-rate * time)


def bowl(time):
    return 0.9 + 0.8 * (time - 0.4) ** 2


def rising(by, rate, to):
    return lambda time: to - by * exp(-rate * time)


SHAPES = {
    "training alone has converged": Shape("converged", falling(1.5, 12, 0.7)),
    "validation has converged": Shape("converged", falling(1.5, 10, 0.7), falling(1, 12, 0.9), epochs=5),
    "training falls, validation does not": Shape("converged", falling(2, 2.5, 0.1), falling(1, 12, 0.9), epochs=5),
    "validation along the way has converged": Shape("converged", falling(1.5, 10, 0.3), valid=falling(1, 12, 0.9)),
    "training alone still falls": Shape("still falling", falling(2, 2.5, 0.5)),
    "validation still falls": Shape("still falling", falling(2, 2.5, 0.5), falling(1.5, 2.5, 0.8)),
    "validation along the way still falls": Shape("still falling", falling(2, 2.5, 0.5), valid=falling(1.5, 2.5, 0.8)),
    "evaluations rise": Shape("overfitting", falling(1.5, 4, 0.1), bowl, epochs=6),
    "validation along the way rises": Shape("overfitting", falling(1.5, 4, 0.1), bowl, valid=bowl),
    "training blows up": Shape("diverging", lambda time: 2 - 3 * time if time < 0.5 else 0.5 + 3 * (time - 0.5)),
    "nothing is learned": Shape("not learning", lambda time: 1.2),
    "a reward stays": Shape("reward stuck", lambda time: 0.3, reward=True),
    "a reward stays, in validation too": Shape("reward stuck", lambda time: 0.3, lambda time: 0.31, 10, reward=True),
    "a reward still rises": Shape("still rising", lambda time: 0.2 + 0.6 * time, reward=True),
    "a reward has converged": Shape("converged", rising(0.6, 12, 0.8), rising(0.6, 12, 0.75), 10, reward=True),
    "a reward collapses": Shape("diverging", lambda time: 0.2 + time if time < 0.5 else 1.3 - 1.2 * time, reward=True),
    "a reward overfits": Shape(
        "overfitting", lambda time: 0.2 + 0.6 * time, lambda time: 0.6 - 1.2 * (time - 0.4) ** 2, 10, reward=True
    ),
}


def table_of(shape, steps, *, noise=0.0, seed=0, scale=1.0, first=1):
    """A table of a shape. `noise` is a share of what was learned; full evaluations have a twentieth of it."""
    chance = random.Random(seed)
    names = REWARDS if shape.reward else LOSSES
    every = range(first, steps + 1)
    ends = [steps * number // shape.epochs for number in range(1, shape.epochs + 1)]

    def series(name, curve, at, share):
        values = [scale * (curve(step / steps) + chance.gauss(0, share * shape.learned)) for step in at]
        return Series(name, array("q", at), array("d", values))

    found = {names[0]: series(names[0], shape.train, every, noise)}
    if shape.valid:
        found[names[1]] = series(names[1], shape.valid, every, noise)
    if shape.full:
        found[names[2]] = series(names[2], shape.full, [end for end in ends if end >= first], noise / 20)
    return Table(tuple(found), found, {}, steps, first)
