"""What a training is estimated to cost and to take: ranges that add up, and the unknown, which is never zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ftctl.core.errors import Where
from ftctl.core.model import Address

CURRENCY = "USD"  # of every price book


@dataclass(frozen=True, slots=True)
class Span:
    """From `low` to `high`, both included."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ValueError(f"no span goes from {self.low} to {self.high}")

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.high + other.high)

    def __mul__(self, other: Span) -> Span:
        return Span(self.low * other.low, self.high * other.high)

    @classmethod
    def of(cls, number: float) -> Span:
        return cls(number, number)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one training is estimated to be billed, and to take.

    `cost` is None where it is unknown; then `unknown` says why, in words that follow a colon. `tokens` are billed:
    those of one pass (`once`) times the `epochs`. What is billed by the hour has `hours` instead. `seconds` is how long
    it may take, by `earlier` trainings of the model. `price` is the basis of the price, `notes` what else the figures
    rest on.
    """

    cost: Span | None = None
    currency: str = CURRENCY
    once: Span | None = None
    epochs: Span | None = None
    tokens: Span | None = None
    hours: Span | None = None
    price: str = ""
    notes: tuple[str, ...] = ()
    seconds: Span | None = None
    earlier: int = 0
    unknown: str = ""

    def __post_init__(self) -> None:
        if (self.cost is None) != bool(self.unknown):
            raise ValueError("an estimate either has an amount or says why it has none")


@dataclass(frozen=True, slots=True)
class Total:
    """Several trainings together: `cost` is of those whose cost is known, `unknown` counts the others.

    `seconds` goes from the longest alone (all at once) to all of them in turn; None where one of them is not known.
    """

    trainings: int
    cost: Span | None
    unknown: int
    seconds: Span | None


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that trainings may cost: the one at `of`, or all of that sweep; where that is None all of a plan.

    `name` is what people call it (`maxCost`, `--max-cost`), `where` the place it stands at. `spent` has been estimated
    for other plans of the same command already.
    """

    amount: float
    name: str
    of: Address | None = None
    where: Where | None = None
    spent: float = 0.0


def total(estimates: Iterable[Estimate | None]) -> Total:
    """The sum. A training without any estimate is one whose cost is unknown."""
    found = list(estimates)
    costs = [one.cost for one in found if one and one.cost]
    times = [one.seconds for one in found if one and one.seconds]
    known = bool(found) and len(times) == len(found)
    seconds = Span(max(one.low for one in times), sum(one.high for one in times)) if known else None
    return Total(len(found), added(costs), len(found) - len(costs), seconds)


def added(spans: Iterable[Span]) -> Span | None:
    """The sum of ranges; None of none, as that is no amount."""
    found = list(spans)
    return sum(found[1:], found[0]) if found else None


def amounts(*numbers: float) -> tuple[str, ...]:
    """Amounts of money with as many digits as tell each from nothing: `41`, `1.20`, `0.0040`."""
    least = min(numbers)
    digits = 0 if least >= 10 else 2  # noqa: PLR2004  cents no longer matter to an estimate
    while any(number and round(number, digits) < 10 ** (1 - digits) for number in numbers) and 0 < digits < 8:  # noqa: PLR2004  below that it is nothing
        digits += 1
    return tuple(f"{number:,.{digits}f}" for number in numbers)


def told(cost: Span, currency: str = CURRENCY) -> str:
    """`1.20 USD`, `0.010 to 0.110 USD`."""
    low, high = amounts(cost.low, cost.high)
    return f"{low} {currency}" if low == high else f"{low} to {high} {currency}"
