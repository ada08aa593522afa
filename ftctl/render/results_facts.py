"""What every form of a result says in words: a training's facts, its table of checkpoints, a comparison's rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ftctl.render.look import clean, duration
from ftctl.results import columns
from ftctl.results.checkpoint import measured
from ftctl.results.columns import Better, title
from ftctl.results.job import Checkpoint
from ftctl.results.numbers import number
from ftctl.results.run import Run, differing, measures

_HASH = 64
_MOST_ROWS = 12
_SHORT = {
    columns.TRAIN_LOSS: "training",
    columns.VALID_LOSS: "validation",
    columns.FULL_VALID_LOSS: "full validation",
    columns.FULL_VALID_ACCURACY: "accuracy",
    columns.TRAIN_REWARD: "training",
    columns.VALID_REWARD: "validation",
    columns.FULL_VALID_REWARD: "full validation",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A checkpoint, or an evaluated step of a file: the cells of its table, and whether it is the one to serve."""

    step: int
    cells: tuple[str, ...]
    served: bool
    model: str = ""


def facts(run: Run, now: float) -> list[tuple[str, str]]:
    """A training in a few labelled lines."""
    job = run.job
    if job is None:
        return [("file", run.source), ("steps", _steps(run))]
    kind = ", ".join(str(part) for part in (job.method, job.recipe.get("training type")) if part)
    rows = [
        ("job", job.id),
        ("model", job.model),
        ("method", kind),
        ("status", _status(run)),
        ("steps", _steps(run)),
        ("billed", _billed(run)),
        ("duration", duration(job.seconds(now)) + ("" if job.ended else " so far")),
        ("fine-tuned", job.fine_tuned),
        ("source", run.source),
    ]
    return [(name, clean(text)) for name, text in rows if text]


def _status(run: Run) -> str:
    job = run.job
    assert job is not None
    if not job.ended:
        return f"{job.status}, so this is how far it is"
    when = datetime.fromtimestamp(job.finished, UTC) if job.finished else None
    told = f"{job.status}, {when:%Y-%m-%d %H:%M} UTC" if when else job.status
    return f"{told}: {job.error}" if job.error else told


def _steps(run: Run) -> str:
    epochs = run.job.epochs if run.job else None
    if not epochs or run.running:
        return f"{run.table.steps:,}"
    return f"{run.table.steps:,} in {epochs} epoch{'' if epochs == 1 else 's'}"


def _billed(run: Run) -> str:
    assert run.job is not None
    if run.job.tokens is not None:
        return f"{run.job.tokens:,} tokens"
    return f"{run.job.hours:g} hours" if run.job.hours is not None else ""


def checkpoint_table(run: Run) -> tuple[str, list[str], list[Row]]:
    """A title, the heads and the rows; of many evaluated steps the last ones and the best."""
    kept = run.checkpoints or _evaluated(run)
    names = [name for name in _SHORT if any(measured(one, run.table, name) is not None for one in kept)]
    served = run.choice.step if run.choice else None
    shown = [one for one in kept if one.step == served or one in kept[-(_MOST_ROWS - 1) :]]
    rows = [
        Row(one.step, tuple(_value(measured(one, run.table, name)) for name in names), one.step == served, one.model)
        for one in shown
    ]
    left = len(kept) - len(shown)
    what = "Checkpoints" if run.checkpoints else "Evaluations"
    return f"{what} ({left:,} earlier left out)" if left else what, ["step", *(_SHORT[name] for name in names)], rows


def _evaluated(run: Run) -> tuple[Checkpoint, ...]:
    steps = {
        step for name in (columns.FULL_VALID_LOSS, columns.FULL_VALID_REWARD) for step in run.table.get(name).steps
    }
    return tuple(Checkpoint(step, "") for step in sorted(steps))


def measure_rows(run: Run) -> list[list[str]]:
    """Each column in short, the heads first; columns that ftctl does not know too."""
    rows = [["measure", "steps", "first", "last", "best", "at step"]]
    for one in measures(run.table):
        best = _value(one.best) if one.best is not None else ""
        at = f"{one.best_step:,}" if one.best_step is not None else ""
        rows.append([clean(title(one.name)), f"{one.count:,}", number(one.first), number(one.last), best, at])
    for name, words in run.table.words.items():
        if name not in columns.KNOWN and words:
            last = clean(words[max(words)])[:12]
            rows.append([clean(name), f"{len(words):,}", "", last, "", ""])
    return rows


def verdict_sentences(run: Run) -> list[str]:
    """What was seen, what limits the judgement, what to do."""
    verdict = run.verdict
    return [verdict.seen, *verdict.limits, *([verdict.advice] if verdict.advice else [])]


def serving(run: Run) -> str:
    """Which checkpoint to serve."""
    choice = run.choice
    if choice is None and run.verdict.sound is not None:
        return f"Nothing to serve: no checkpoint from before it diverged, at step {run.verdict.sound:,}, is kept."
    if choice is None:
        return "Nothing to serve yet: there is no checkpoint."
    return f"Serve step {choice.step:,}: {choice.why}."


def compared_rows(runs: Sequence[Run], now: float) -> tuple[list[list[str]], list[list[str]]]:
    """Rows of a comparison: the recipe's fields that differ, and how each training went."""
    recipe = [[name, *(_field(value) for value in values)] for name, values in differing(runs)]
    labelled = [dict(facts(run, now)) for run in runs]
    went = [["status", *(run.job.status if run.job else "" for run in runs)]]
    went += [[name, *(one.get(name, "") for one in labelled)] for name in ("steps", "billed", "duration")]
    names = dict.fromkeys(one.name for run in runs for one in measures(run.table))
    for name in names:
        if name in _SHORT:
            went += _measured(runs, name)
    went.append(["serve", *(f"step {run.choice.step:,}" if run.choice else "" for run in runs)])
    went.append(["verdict", *(run.verdict.title for run in runs)])
    went.append(["sweep", *("picked" if run.picked else "" for run in runs)])
    return recipe, [row for row in went if any(row[1:])]


def _measured(runs: Sequence[Run], name: str) -> list[list[str]]:
    found = [next((one for one in measures(run.table) if one.name == name), None) for run in runs]
    last = [f"{title(name)}, last", *(number(one.last) if one else "" for one in found)]
    if columns.better(name) is Better.NEITHER or name in {columns.TRAIN_LOSS, columns.VALID_LOSS, columns.TRAIN_REWARD}:
        return [last]
    return [[f"{title(name)}, best", *(_value(one.best) if one else "" for one in found)], last]


def _field(value: Any) -> str:
    """A recipe's value; a hash cut to what tells it from others."""
    if value is None:
        return ""
    text = str(value)
    return text[:12] if len(text) == _HASH and text.isalnum() else clean(text)


def _value(value: float | None) -> str:
    return "" if value is None else number(value)
