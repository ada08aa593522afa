"""What a report's token counts come to: spreads with exact percentiles, histograms, epochs and cost."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import floor, log10

from ftctl.catalog.prices import Price
from ftctl.data.report import Report

Counts = Mapping[int, int]

_TARGET_EPOCHS = 3
_FEWEST_PASSES, _MOST_PASSES = 100, 25_000  # an example seen once is a pass
_MOST_EPOCHS = 25
_MILLION = 1_000_000
_TAIL = 2  # times the 99th percentile, beyond which the longest examples share one bin


@dataclass(frozen=True, slots=True)
class Spread:
    """How the token counts of a file's examples are spread."""

    examples: int
    total: int
    least: int
    most: int
    mean: float
    median: float
    p5: float
    p95: float


@dataclass(frozen=True, slots=True)
class Bin:
    """How many examples have from `start` to before `stop` tokens; `stop` is None for the last bin's open end."""

    start: int
    stop: int | None
    examples: int


@dataclass(frozen=True, slots=True)
class Use:
    """A training on a dataset: which job, or what somebody asks about. `epochs` is None where Azure is to choose."""

    job: str = ""
    model: str = ""
    training_type: str = ""
    epochs: int | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a training is estimated to be billed.

    `assumed` says that nobody chose the epochs. `tokens` is None where they were not counted, `price` where none is
    known; what is billed by the hour (`hourly`) has no `usd`, as nobody knows the hours.
    """

    use: Use
    epochs: int
    assumed: bool
    tokens: int | None
    price: Price | None
    hourly: bool = False

    @property
    def usd(self) -> float | None:
        """The estimate in US dollars, None where it is unknown."""
        if self.tokens is None or self.price is None or self.price.unit != "1M tokens":
            return None
        return self.tokens * self.price.usd / _MILLION


def percentile(counts: Counts, share: float) -> float:
    """The value below which `share` of the examples lie, interpolated between neighbours.

    This is definition 7 of Hyndman and Fan, which numpy and spreadsheets go by too. `counts` must not be empty.
    """
    values = sorted(counts)
    ends = list(accumulate(counts[value] for value in values))  # how many examples there are up to each value
    rank = share * (ends[-1] - 1)
    below = floor(rank)
    low, high = (values[bisect_left(ends, index + 1)] for index in (below, min(below + 1, ends[-1] - 1)))
    return low + (high - low) * (rank - below)


def spread(counts: Counts) -> Spread | None:
    """The figures of one distribution; None where there are no examples."""
    if not counts:
        return None
    examples, sum_ = sum(counts.values()), total(counts)
    return Spread(
        examples=examples,
        total=sum_,
        least=min(counts),
        most=max(counts),
        mean=sum_ / examples,
        median=percentile(counts, 0.5),
        p5=percentile(counts, 0.05),
        p95=percentile(counts, 0.95),
    )


def total(counts: Counts) -> int:
    return sum(value * number for value, number in counts.items())


def bins(counts: Counts, most: int = 12) -> tuple[Bin, ...]:
    """At most `most` bins of one round width; a long tail shares the last."""
    if not counts:
        return ()
    low, high, p99 = min(counts), max(counts), percentile(counts, 0.99)
    top = high if high <= _TAIL * p99 else max(p99, low)
    width = _round_width((top - low + 1) / most, most, low, top)
    first = low // width
    numbers: dict[int, int] = {}
    last = floor(top) // width
    for value, number in counts.items():
        index = min(value // width, last)
        numbers[index] = numbers.get(index, 0) + number
    open_ended = high >= (last + 1) * width
    return tuple(
        Bin(index * width, None if open_ended and index == last else (index + 1) * width, numbers.get(index, 0))
        for index in range(first, last + 1)
    )


def _round_width(least: float, most: int, low: int, top: float) -> int:
    """The smallest of 1, 2, 5, 10, 20 … that is at least `least` and covers `low` to `top` in `most` bins."""
    power: int = 10 ** max(0, floor(log10(max(least, 1))))
    widths = (step * power * ten for ten in (1, 10, 100) for step in (1, 2, 5))
    return next(width for width in widths if width >= least and floor(top) // width - low // width < most)


def likely_epochs(examples: int) -> int:
    """The passes that OpenAI's rule of thumb gives a file of this many examples.

    Three, but enough for 100 passes over an example and not so many that they exceed 25,000 (openai-cookbook,
    Chat_finetuning_data_prep). Azure chooses its own, which it does not tell before.
    """
    if examples < 1:
        return _TARGET_EPOCHS
    if examples * _TARGET_EPOCHS < _FEWEST_PASSES:
        return min(_MOST_EPOCHS, _FEWEST_PASSES // examples)
    if examples * _TARGET_EPOCHS > _MOST_PASSES:
        return max(1, _MOST_PASSES // examples)
    return _TARGET_EPOCHS


def possible_epochs(examples: int) -> tuple[int, int]:
    """The fewest and the most epochs by the same rule's bounds: 100 to 25,000 examples seen, 1 to 25 epochs."""
    fewest = min(_MOST_EPOCHS, max(1, -(-_FEWEST_PASSES // max(examples, 1))))
    most = min(_MOST_EPOCHS, max(1, _MOST_PASSES // max(examples, 1)))
    return min(fewest, likely_epochs(examples)), most


def cost(report: Report, use: Use, price: Price | None) -> Cost:
    """What training on a file is estimated to be billed: the tokens of one pass, times the epochs.

    Reinforcement is billed by the hour, not by tokens.
    """
    epochs, hourly = use.epochs or likely_epochs(report.sound), report.format == "reinforcement"
    tokens = total(report.tokens.billed) * epochs if report.tokens and not hourly else None
    return Cost(use, epochs, assumed=use.epochs is None, tokens=tokens, price=price, hourly=hourly)
