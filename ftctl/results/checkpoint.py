"""Which checkpoint is the best one to serve, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from ftctl.results import columns
from ftctl.results.columns import FULL_VALID_LOSS, FULL_VALID_REWARD, VALID_REWARD, Better, better
from ftctl.results.job import Checkpoint
from ftctl.results.numbers import number
from ftctl.results.table import Table

_BEST_BY = (FULL_VALID_LOSS, FULL_VALID_REWARD, VALID_REWARD)


@dataclass(frozen=True, slots=True)
class Choice:
    """The step whose checkpoint to serve, the model's name where it is known, and the reason."""

    step: int
    why: str
    model: str = ""
    metric: str = ""
    value: float | None = None


def measured(one: Checkpoint, table: Table, name: str) -> float | None:
    """What was measured at a checkpoint, by itself or in the table."""
    value = one.metrics.get(name)
    if value is None:
        series = table.get(name)
        value = next((v for step, v in zip(series.steps, series.values, strict=True) if step == one.step), None)
    return value if value is not None and isfinite(value) else None


def choose(checkpoints: Sequence[Checkpoint], table: Table, *, sound: int | None = None) -> Choice | None:
    """The checkpoint of the lowest full validation loss, or the highest validation reward; without those the last.

    Of equals it is the later. Without a list of checkpoints (a saved file) each evaluated step counts as one. Of a
    training that went astray after the step `sound`, only what it kept before that is looked at.
    """
    kept = [one for one in checkpoints or _steps(table) if sound is None or one.step <= sound]
    if not kept:
        return None
    for name in _BEST_BY:
        found = [(value, one.step, one) for one in kept if (value := measured(one, table, name)) is not None]
        if found:
            higher = better(name) is Better.HIGHER
            value, _, one = (max if higher else min)(found, key=lambda it: (it[0], it[1] if higher else -it[1]))
            superlative = "highest" if higher else "lowest"
            why = f"{superlative} {columns.title(name)}, {number(value)}{_elsewhere(table, name, value, one.step)}"
            return Choice(one.step, why, one.model, name, value)
    last = kept[-1]
    which = "the last one" if sound is None else "the last one from before it diverged"
    return Choice(last.step, f"{which}, since nothing was measured on all of the validation data", last.model)


def _steps(table: Table) -> tuple[Checkpoint, ...]:
    """Steps that may have a checkpoint: those of the evaluations, and the last."""
    steps = {step for name in _BEST_BY for step in table.get(name).steps} or {table.steps}
    return tuple(Checkpoint(step, "") for step in sorted(steps) if step)


def _elsewhere(table: Table, name: str, value: float, chosen: int) -> str:
    """Whether a better one is past: only the last few checkpoints are kept."""
    series = table.get(name).finite()
    pick = max if better(name) is Better.HIGHER else min
    best, step = pick(zip(series.values, series.steps, strict=True), default=(value, chosen))
    if best == value or pick(best, value) == value:
        return ""
    return f", of those that are kept; step {step:,} had {number(best)}"
