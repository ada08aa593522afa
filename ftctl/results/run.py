"""One training with everything known of it, and what differs between several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ftctl.results import columns
from ftctl.results.checkpoint import Choice, choose
from ftctl.results.columns import Better
from ftctl.results.job import Checkpoint, Job
from ftctl.results.table import Table
from ftctl.results.verdict import Verdict, judge


@dataclass(frozen=True, slots=True)
class Run:
    """A training: what it is called, its measures, the job where it is known, its checkpoints and the verdict.

    `picked` says that it is the best of its sweep.
    """

    name: str
    table: Table
    verdict: Verdict
    choice: Choice | None
    job: Job | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    source: str = ""
    picked: bool = False

    @property
    def running(self) -> bool:
        return self.job is not None and not self.job.ended


@dataclass(frozen=True, slots=True)
class Measure:
    """A column in short: the first, the last and the best value, with their steps."""

    name: str
    count: int
    first: float
    last: float
    last_step: int
    best: float | None
    best_step: int | None


def run_of(
    name: str, table: Table, job: Job | None = None, checkpoints: tuple[Checkpoint, ...] = (), source: str = ""
) -> Run:
    """A training, judged."""
    running = job is not None and not job.ended
    verdict = judge(table, running=running)
    return Run(name, table, verdict, _choice(table, job, checkpoints, verdict.sound), job, checkpoints, source)


def _choice(table: Table, job: Job | None, checkpoints: tuple[Checkpoint, ...], sound: int | None) -> Choice | None:
    if checkpoints or job is None:
        return choose(checkpoints, table, sound=sound)
    if job.fine_tuned and sound is None:
        return Choice(table.steps, "the final model, since the service lists no checkpoints", job.fine_tuned)
    return None


def measures(table: Table) -> list[Measure]:
    """Each column that has values, in the file's order."""
    found = []
    for name, whole in table.series.items():
        series = whole.finite()
        if not len(series):
            continue
        way = columns.better(name)
        best = (max if way is Better.HIGHER else min)(series.values) if way is not Better.NEITHER else None
        step = None if best is None else series.steps[list(series.values).index(best)]
        found.append(Measure(name, len(whole), series.values[0], series.values[-1], series.steps[-1], best, step))
    return found


def differing(runs: Sequence[Run]) -> list[tuple[str, list[Any]]]:
    """The recipe's fields in which trainings differ, with each one's value.

    None where a recipe does not have the field, and for a saved file, whose recipe is not known.
    """
    recipes = [run.job.recipe if run.job else None for run in runs]
    known = [recipe for recipe in recipes if recipe is not None]
    names = dict.fromkeys(name for recipe in known for name in recipe)
    differ = [name for name in names if any(recipe.get(name) != known[0].get(name) for recipe in known)]
    return [(name, [recipe.get(name) if recipe else None for recipe in recipes]) for name in differ]
