"""What a verdict is made from: a table's training and validation measures, all turned so that lower is better."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from ftctl.results import columns
from ftctl.results.curve import smoothed
from ftctl.results.noise import Stretch, apart, quarters, stretches, sturdy_noise
from ftctl.results.numbers import number
from ftctl.results.table import Series, Table
from ftctl.results.thresholds import LATE_START, NOISE_KNOWN, QUARTER, SURE

_MOST = 20_000  # values that are reckoned with; of longer series means of neighbours
_SPARSE = 4  # a validation measure at fewer than every fourth step is an evaluation, and no series with noise


@dataclass(frozen=True, slots=True)
class Late:
    """What a measure did within the last quarter of the training, and the standard error of the difference."""

    title: str
    before: float
    now: float
    error: float = 0.0


@dataclass(frozen=True)  # without slots: it keeps what it has reckoned
class Case:
    """The measures of one training; a reward with its sign turned, which `raw` turns back."""

    reward: bool
    train: Series
    valid: Series
    full: Series
    last_step: int
    first_step: int

    @classmethod
    def of(cls, table: Table) -> Case:
        reward = table.has(*columns.REWARDS) and not table.has(columns.TRAIN_LOSS)
        names = columns.REWARDS if reward else columns.LOSSES
        train, valid, full = map(table.get, names)
        return cls(reward, train, valid, full, table.steps, table.first_step)

    @property
    def all(self) -> tuple[Series, ...]:
        return self.train, self.valid, self.full

    @cached_property
    def _train(self) -> tuple[list[float], list[float]]:
        return self._turned(self.train)

    @property
    def steps(self) -> list[float]:
        return self._train[0]

    @property
    def values(self) -> list[float]:
        return self._train[1]

    @cached_property
    def _valid(self) -> tuple[list[float], list[float]]:
        return self._turned(self.valid)

    @property
    def valid_steps(self) -> list[float]:
        return self._valid[0]

    @property
    def valid_values(self) -> list[float]:
        return self._valid[1]

    def _turned(self, series: Series) -> tuple[list[float], list[float]]:
        points = smoothed(series, _MOST)
        return [step for step, _ in points], [self.raw(value) for _, value in points]

    @cached_property
    def dense(self) -> bool:
        """Whether validation was measured along the way, on pieces of the data."""
        return len(self.valid) * _SPARSE >= len(self.train) > 0

    @cached_property
    def evaluations(self) -> list[tuple[int, float]]:
        """Step and value of each evaluation on all of the validation data."""
        series = self.full.finite()
        if not len(series) and not self.dense:
            series = self.valid.finite()
        return [(step, self.raw(value)) for step, value in zip(series.steps, series.values, strict=True)]

    @property
    def validated(self) -> bool:
        return bool(len(self.valid) or len(self.full))

    @property
    def begins_late(self) -> bool:
        """Whether the file does not tell of the training's beginning."""
        return self.first_step > max(1, LATE_START * self.last_step)

    @cached_property
    def dropped(self) -> int:
        return sum(len(series) - len(series.finite()) for series in self.all if len(series))

    @cached_property
    def start(self) -> Stretch:
        return stretches(self.steps, self.values)[0]

    def still_learned(self, step: int) -> bool:
        """Whether training is no worse at the end than it was around `step`."""
        parts = stretches(self.steps, self.values)
        then = next((one for one in parts if one.last >= step), parts[-1])
        return parts[-1].mean <= then.mean + SURE * apart(then, parts[-1])

    def late(self) -> Late:
        """By the best measure there is: full evaluations, validation along the way, training."""
        if found := self._late_evaluations():
            return Late(self.valid_title, *found)
        if self.dense and len(self.valid_values) >= 2 * len(self.values) // _SPARSE:
            before, now = quarters(self.valid_steps, self.valid_values)
            return Late(columns.title(self.valid.name), before.mean, now.mean, apart(before, now))
        before, now = quarters(self.steps, self.values)
        return Late(self.train_title, before.mean, now.mean, apart(before, now))

    def _late_evaluations(self) -> tuple[float, float, float] | None:
        """What it was a quarter of the training before the last evaluation, the last one, and their noise.

        The former is taken from the straight line between the two evaluations around it.
        """
        if len(self.evaluations) < 2:  # noqa: PLR2004  one says nothing of a change
            return None
        steps = [step for step, _ in self.evaluations]
        then = steps[-1] - QUARTER * self.last_step
        place = bisect_right(steps, then)
        if not 0 < place < len(steps):
            return None
        (left, before), (right, after) = self.evaluations[place - 1 : place + 1]
        values = [value for _, value in self.evaluations]
        error = sturdy_noise(values[-max(NOISE_KNOWN, len(values) // 2) :]) if len(values) >= NOISE_KNOWN else 0.0
        return before + (after - before) * (then - left) / (right - left), values[-1], error

    # --- words

    def raw(self, value: float) -> float:
        return -value if self.reward else value

    def told(self, value: float) -> str:
        return number(self.raw(value))

    @property
    def train_title(self) -> str:
        return columns.title(self.train.name)

    @property
    def valid_title(self) -> str:
        return columns.title((self.full if len(self.full) else self.valid).name)

    @property
    def fell(self) -> str:
        return "rose" if self.reward else "fell"

    @property
    def rose(self) -> str:
        return "fell" if self.reward else "rose"

    @property
    def worse(self) -> str:
        return "lower" if self.reward else "higher"
