"""The trainings of a sweep by one metric: which is best, and in which order the others follow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Any

from ftctl.results.condition import told

_NAMED = 3  # of those after the best, in words


@dataclass(frozen=True, slots=True)
class Entrant:
    """One training: what it is called in the sweep, its metric (None where it was not measured) and what it cost."""

    name: str
    value: float | None
    tokens: int | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """The measured ones, the best first, and those that were not measured."""

    places: tuple[Entrant, ...]
    unmeasured: tuple[Entrant, ...]

    def winner(self, metric: str) -> str:
        """`n_epochs=3, full_valid_loss 0.81`; of equals it says why this one."""
        best, *others = self.places
        equal = [one for one in others if one.value == best.value]
        cheaper = all(_tokens(one) > _tokens(best) for one in equal)
        why = f"; of {len(equal) + 1} equals {'the cheapest' if cheaper else 'the first'}" if equal else ""
        return f"{best.name}, {metric} {told(best.value or 0.0)}{why}"

    def runners_up(self) -> tuple[str, ...]:
        """`next best n_epochs=2 with 0.84`, for a few of them."""
        others = [f"{one.name} with {told(one.value or 0.0)}" for one in self.places[1 : _NAMED + 1]]
        left = len(self.places) - 1 - len(others)
        more = f" and {left} more" if left else ""
        return (f"next best {', '.join(others)}{more}",) if others else ()

    def facts(self, *, picked: bool) -> list[dict[str, Any]]:
        """Rows for machines and tables; `picked` says whether the first of them is the winner."""
        rows = [(one, picked and place == 0) for place, one in enumerate(self.places)]
        return [
            {"name": one.name, "value": one.value, "step": one.step, "tokens": one.tokens, "picked": won}
            for one, won in (*rows, *((one, False) for one in self.unmeasured))
        ]


def ranked(entrants: Iterable[Entrant], *, lower: bool) -> Ranking:
    """The best first; of equals the one that was billed fewer tokens, then the one that was declared first."""
    found = list(entrants)
    measured = [one for one in found if one.value is not None]
    places = sorted(measured, key=lambda one: ((one.value or 0.0) * (1 if lower else -1), _tokens(one)))
    return Ranking(tuple(places), tuple(one for one in found if one.value is None))


def _tokens(one: Entrant) -> float:
    return inf if one.tokens is None else one.tokens
