"""Conditions on what a training measured: each is a bound on a number, judged at the checkpoint that would serve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ftctl.results.checkpoint import measured
from ftctl.results.columns import FULL_VALID_LOSS, Better, better
from ftctl.results.job import Checkpoint
from ftctl.results.table import Table

OVERFIT_RATIO = "overfit_ratio"


@dataclass(frozen=True, slots=True)
class Trained:
    """A checkpoint with everything that its training measured and kept."""

    one: Checkpoint
    table: Table
    kept: Sequence[Checkpoint] = ()

    def measure(self, metric: str) -> float | None:
        """A metric's value at the checkpoint; None where it was not measured, or is no number."""
        return self._overfit_ratio() if metric == OVERFIT_RATIO else measured(self.one, self.table, metric)

    def _overfit_ratio(self) -> float | None:
        """The checkpoint's full validation loss over the lowest of its training: 1 where it is the best step."""
        here = measured(self.one, self.table, FULL_VALID_LOSS)
        found = [measured(one, self.table, FULL_VALID_LOSS) for one in self.kept]
        losses = [*self.table.get(FULL_VALID_LOSS).finite().values, *(value for value in found if value is not None)]
        if here is None or not losses:
            return None
        lowest = min(losses)
        if lowest > 0:
            return here / lowest
        return 1.0 if here == lowest else None


@dataclass(frozen=True, slots=True)
class Served:
    """What serves now: its checkpoint where its results can be read, else why a comparison `cannot` be made.

    `needless` says why there is nothing to compare with: nothing serves yet, or it is this very model.
    """

    trained: Trained | None = None
    cannot: str = ""
    needless: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """How one condition came out; `value` is what was measured, `beside` what that is compared with, for people."""

    condition: str
    passed: bool
    value: float | None = None
    beside: str = ""

    def __str__(self) -> str:
        found = "" if self.value is None else f"it is {told(self.value)}"
        return f"{self.condition}: {', '.join(filter(None, [found, self.beside]))}"

    @property
    def facts(self) -> dict[str, Any]:
        return {"condition": self.condition, "value": self.value, "passed": self.passed, "told": str(self)}


@dataclass(frozen=True, slots=True)
class Bounds:
    """A metric within bounds, both included."""

    metric: str
    least: float | None = None
    most: float | None = None

    def __str__(self) -> str:
        return f"{self.metric} {_bounds(self.least, self.most)}"

    def judge(self, trained: Trained) -> Judged:
        value = trained.measure(self.metric)
        if value is None:
            return Judged(str(self), passed=False, beside=f"not measured at step {trained.one.step:,}")
        return Judged(str(self), passed=_within(value, self.least, self.most), value=value)


@dataclass(frozen=True, slots=True)
class Mean:
    """What an evaluation found: the mean score of so many answers; `unanswered` were refused, and scored nothing."""

    value: float
    answers: int
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """The mean score of answers to held-out examples within bounds, both included."""

    about: str
    least: float | None = None
    most: float | None = None

    def __str__(self) -> str:
        return f"{self.about} {_bounds(self.least, self.most)}"

    def judge(self, mean: Mean) -> Judged:
        beside = f"{mean.unanswered:,} of {mean.answers:,} got no answer" if mean.unanswered else ""
        return Judged(str(self), _within(mean.value, self.least, self.most), mean.value, beside)


@dataclass(frozen=True, slots=True)
class Improvement:
    """A metric better than that of the model that serves now, by at least `by`; 0 asks for one that is no worse."""

    metric: str
    by: float = 0.0
    unknown: bool = False

    def __str__(self) -> str:
        better_by = f"better by at least {told(self.by)} than" if self.by else "no worse than"
        return f"{self.metric} {better_by} that of the model served now"

    def judge(self, trained: Trained, served: Served) -> Judged:
        value = trained.measure(self.metric)
        if value is None:
            return Judged(str(self), passed=False, beside=f"not measured at step {trained.one.step:,}")
        if served.needless:
            return Judged(str(self), passed=True, value=value, beside=served.needless)
        other = served.trained.measure(self.metric) if served.trained else None
        if other is None:
            cannot = served.cannot or "it was not measured for the model served now"
            return Judged(str(self), passed=self.unknown, value=value, beside=cannot)
        gained = other - value if better(self.metric) is Better.LOWER else value - other
        return Judged(str(self), passed=gained >= self.by, value=value, beside=f"that is {told(other)}")


Condition = Bounds | Improvement
"""What a training has measured; a Score is asked for."""


def judge(conditions: Sequence[Condition], trained: Trained, served: Callable[[], Served]) -> tuple[Judged, ...]:
    """Every condition, judged; `served` is asked only where one compares with it."""
    return tuple(
        one.judge(trained, served()) if isinstance(one, Improvement) else one.judge(trained) for one in conditions
    )


def _bounds(least: float | None, most: float | None) -> str:
    bounds = [("at least", least), ("at most", most)]
    return " and ".join(f"{word} {told(value)}" for word, value in bounds if value is not None)


def _within(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def told(value: float) -> str:
    """A number of a condition, with digits enough to see on which side of a bound it is."""
    return f"{value:.6g}"
