"""What a stack costs: each training's estimate beside what was billed, and what its deployments cost an hour."""

from __future__ import annotations

from dataclasses import dataclass

from ftctl.core.estimate import Estimate, Total, total
from ftctl.core.model import Address

MONTH = 730  # hours, as clouds count them


@dataclass(frozen=True, slots=True)
class Training:
    """One training: `estimate` of a declared job, and what Azure says it used.

    `billed` is that times the price of today, None where nobody knows it (`unknown` says why) or nothing has been
    billed yet. `over` says that it has ended, so that there is nothing to come.
    """

    address: Address
    state: str
    id: str = ""
    estimate: Estimate | None = None
    tokens: int | None = None
    hours: float | None = None
    price: str = ""
    billed: float | None = None
    over: bool = False
    unknown: str = ""

    @property
    def deviation(self) -> float | None:
        """How far the bill is off: 0.1 is a tenth more than the nearer end of the estimate, 0 within it."""
        if self.estimate is None or not self.over:
            return None
        used = self.hours if self.estimate.hours else self.tokens
        expected = self.estimate.hours or self.estimate.tokens
        if used is None or expected is None:
            return None
        nearest = min(max(used, expected.low), expected.high)
        return used / nearest - 1 if nearest else None


@dataclass(frozen=True, slots=True)
class Hosting:
    """One deployment: what it costs an hour, called or not; None where that is unknown."""

    address: Address
    state: str
    sku: str
    model: str
    hourly: float | None
    basis: str

    @property
    def monthly(self) -> float | None:
        return None if self.hourly is None else self.hourly * MONTH


@dataclass(frozen=True, slots=True)
class Bill:
    """A stack's costs. `earlier` are trainings of recipes that are no longer declared."""

    stack: str
    group: str
    trainings: tuple[Training, ...] = ()
    earlier: tuple[Training, ...] = ()
    hosting: tuple[Hosting, ...] = ()

    def billed(self) -> tuple[float, int]:
        """What all trainings that ended were billed, and of how many that is unknown."""
        ended = [one for one in (*self.trainings, *self.earlier) if one.over]
        known = [one.billed for one in ended if one.billed is not None]
        return sum(known), len(ended) - len(known)

    def estimated(self) -> Total:
        """The estimates of all declared trainings."""
        return total(one.estimate for one in self.trainings)

    def hourly(self) -> tuple[float, int]:
        """What all deployments cost an hour, and of how many that is unknown."""
        known = [one.hourly for one in self.hosting if one.hourly is not None]
        return sum(known), len(self.hosting) - len(known)
