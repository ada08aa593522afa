"""A gate as a thing that is there: ready where it lets a model pass, failed where it refuses, pending while it asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ftctl.core.errors import Problem
from ftctl.core.model import Health, Home, Live, Wanted
from ftctl.kinds.evaluation import Place
from ftctl.results.condition import Judged, Score

if TYPE_CHECKING:
    from ftctl.kinds.gate import GateSpec


@dataclass(frozen=True, slots=True)
class Choice:
    """The model of the declared checkpoint, the step, and why that one."""

    model: str
    step: int
    why: str

    def told(self, spec: GateSpec) -> str:
        kind = spec.checkpoint if spec.checkpoint in {"last", "best"} else "checkpoint"
        return f"{kind}: step {self.step:,}" + (f", {self.why}" if kind == "best" else "")

    def outputs(self, spec: GateSpec, verdicts: Sequence[Judged]) -> dict[str, Any]:
        told = (f"gate {'passed' if one.passed else 'refuses'}: {one}" for one in verdicts)
        return {"model": self.model, "step": self.step, "told": (self.told(spec), *told)}


def judged(wanted: Wanted, home: Home, choice: Choice, verdicts: Sequence[Judged] = (), *, evaluated: str = "") -> Live:
    """The gate as a thing that is there: ready where it lets the model pass."""
    spec: GateSpec = wanted.settings["spec"]
    outputs = {**choice.outputs(spec, verdicts), "conditions": [one.facts for one in verdicts]}
    remembers = {"evaluated": evaluated} if evaluated else {}
    live = ready(wanted, home, choice.told(spec), outputs | remembers, "; ".join(map(str, verdicts)))
    failing = [str(one) for one in verdicts if not one.passed]
    if not failing:
        return live
    problem = Problem(
        "FT3230",
        f"step {choice.step:,} of job/{spec.job} does not pass: {'; '.join(failing)}",
        why=f"A gate stands between it and deployment/{spec.deployment}, which keeps what it serves.",
        fix="Train again with other data or hyperparameters, choose another `checkpoint`, or loosen the gate in a"
        " reviewed change.",
    )
    return refusing(live, problem)


def ready(wanted: Wanted, home: Home, name: str, outputs: Mapping[str, Any], detail: str = "") -> Live:
    return Live(
        kind="gate",
        key=wanted.key,
        id=wanted.key,
        name=name,
        fields=wanted.fields,
        outputs=outputs,
        owner=home.stack,
        label=wanted.settings["label"],
        detail=detail,
    )


def refusing(live: Live, problem: Problem) -> Live:
    return replace(live, health=Health.FAILED, detail=problem.what, raw={"problem": problem})


def pending(
    wanted: Wanted,
    home: Home,
    choice: Choice,
    found: Sequence[Judged],
    scores: Sequence[Score],
    place: Place,
    *,
    going_on: bool,
) -> Live:
    """The gate before its evaluations: the model is known, and whether it may serve is not."""
    spec: GateSpec = wanted.settings["spec"]
    goes_on = [f"goes on with {place.name}, which an earlier run left"] if going_on else wanted.settings["asks"]
    outputs = choice.outputs(spec, found)
    outputs["told"] = (*outputs["told"], *(f"gate: {one}" for one in scores), *goes_on)
    live = ready(wanted, home, choice.told(spec), {**outputs, "uses": place.id.lower()})
    return replace(live, health=Health.PENDING)
