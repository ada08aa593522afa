"""How conditions between training and serving are declared, and what is wrong with them offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec

from ftctl.core.suggest import did_you_mean
from ftctl.kinds.contract import Declaration, Flaw, described, flaw
from ftctl.kinds.heldout import Evaluate, about, grader_flaws
from ftctl.results import condition
from ftctl.results.columns import FULL_VALID_LOSS, KNOWN, STEP, Better, better, normal
from ftctl.results.condition import OVERFIT_RATIO, Bounds, Condition, Score

_METRIC = "A column of results.csv"


class CheckpointStep(Declaration, frozen=True):
    """A checkpoint by the step at which it was made."""

    step: Annotated[int, described("The step; the service keeps the checkpoints of the last three epochs.", ge=1)]


Checkpoint = Literal["last", "best"] | CheckpointStep


class Improvement(Declaration, frozen=True):
    """A comparison with the model that serves now."""

    metric: Annotated[str, described(f"{_METRIC} of which lower, or higher, is known to be better.")]
    over: Annotated[Literal["serving"], described("What to compare with: the model served now.")] = "serving"
    by: Annotated[float, described("How much better it has to be; 0 asks for one that is no worse.", ge=0)] = 0.0
    unknown: Annotated[
        Literal["fail", "pass"], described("What it means that the served model's results cannot be read.")
    ] = "fail"


class Gate(Declaration, frozen=True):
    """A condition that a trained model has to meet before it serves."""

    metric: Annotated[str | None, described(f"{_METRIC}, such as {FULL_VALID_LOSS}, or {OVERFIT_RATIO}.")] = None
    least: Annotated[float | None, described("The lowest value that passes.")] = msgspec.field(name="min", default=None)
    most: Annotated[float | None, described("The highest value that passes.")] = msgspec.field(name="max", default=None)
    improvement: Annotated[Improvement | None, described("A comparison with the model that serves now.")] = None
    evaluate: Annotated[
        Evaluate | None, described("An evaluation on held-out examples; `min` and `max` are of its mean score.")
    ] = None


def condition_of(gate: Gate, examples: object = None) -> Condition | Score:
    """The condition that a declaration means; `examples` is how many held-out ones there are, where that is known."""
    if gate.evaluate:
        return Score(about(gate.evaluate, examples), gate.least, gate.most)
    if gate.improvement:
        wanted = gate.improvement
        return condition.Improvement(normal(wanted.metric), wanted.by, wanted.unknown == "pass")
    return Bounds(metric_name(gate.metric or ""), gate.least, gate.most)


def gate_flaws(gates: Sequence[Gate] | None, *, validated: bool, rewarded: bool) -> Iterator[Flaw]:
    """What no training could meet or tell, found before it is paid for.

    `validated` says that the job has validation data, `rewarded` that it learns from rewards and has no losses.
    """
    yield from grader_flaws(gates)
    for number, gate in enumerate(gates or ()):
        path = f"gates.{number}"
        bounds = gate.least is not None or gate.most is not None
        kinds = [name for name in ("metric", "improvement", "evaluate") if getattr(gate, name) is not None]
        if len(kinds) != 1 or (kinds == ["improvement"]) == bounds:
            what = "a gate is either `metric` or `evaluate` with `min` or `max`, or `improvement`"
            yield flaw(path, "FT1290", what, fix="Write `{metric: full_valid_loss, max: 1.2}`, say.")
            continue
        if gate.least is not None and gate.most is not None and gate.least > gate.most:
            yield flaw(path, "FT1290", f"no value is at least {gate.least:g} and at most {gate.most:g}")
        if gate.evaluate:
            continue
        metric = gate.improvement.metric if gate.improvement else str(gate.metric)
        place = f"{path}.improvement.metric" if gate.improvement else f"{path}.metric"
        if why := untellable(metric, validated=validated, rewarded=rewarded, compared=gate.improvement is not None):
            yield flaw(place, "FT1291", *why[:1], why=why[1], fix=why[2])


def untellable(metric: str, *, validated: bool, rewarded: bool, compared: bool = False) -> tuple[str, str, str] | None:
    """Why a metric will not be there: what, why and fix."""
    name = metric_name(metric)
    known = sorted({OVERFIT_RATIO, *KNOWN} - {STEP})
    if name not in known and not rewarded:  # graders have columns of their own
        return f"no training measures {metric}", "", did_you_mean(metric, known) or f"There are: {', '.join(known)}."
    if compared and better(name) is Better.NEITHER:
        return f"of {metric} it is not known which way is better", "", "Compare a loss, an accuracy or a reward."
    if not validated and ("valid" in name or name == OVERFIT_RATIO):
        why = "Nothing is measured on validation data where the job has none."
        return f"{metric} needs validation data", why, "Give the job `validation`, or choose a metric of the training."
    if rewarded and (name == OVERFIT_RATIO or name.endswith("_loss")):
        why = "Reinforcement learning measures rewards, and no losses."
        return f"{metric} is not measured by this method", why, "Use a reward, such as `full_valid_mean_reward`."
    return None


def metric_name(metric: str) -> str:
    """The metric's normal name: a gate may use any spelling that a results file may have."""
    return metric if metric == OVERFIT_RATIO else normal(metric)
