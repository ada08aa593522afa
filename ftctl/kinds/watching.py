"""How far a training is: from its body and one page of its newest events, with what its declaration lets one reckon."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any

from ftctl.core.estimate import Span
from ftctl.core.events import Watched
from ftctl.core.model import Address, Live, Resource
from ftctl.kinds.jobbody import state
from ftctl.results.columns import TRAIN_LOSS, TRAIN_REWARD, VALID_LOSS, normal

if TYPE_CHECKING:
    from ftctl.catalog.prices import Price
    from ftctl.clients.dataplane import DataPlane

_PAGE = 20  # events of one look: some hundred steps, as every tenth is told
_MILLION, _HOUR = 1_000_000, 3600
_STEP = re.compile(r"Step (\d+): ([\w ]+?) ?= ?(\S+)")
_BEGUN = "Training started."
_NAMES = {"training loss": TRAIN_LOSS, "training mean reward": TRAIN_REWARD}
_STANDS = {"paused", "pausing"}
# How the service's events begin, and what the job is at from then on.
_STAGES = {
    "Job enqueued.": "queued",
    "Preprocessing": "checking its data",
    "Job started.": "starting",
    "Data Import": "importing its data",
    "Finetuning started.": "starting",
    "Job queued, waiting for GPUs.": "waiting for GPUs",
    _BEGUN: "training",
    "Created results file": "training",
    "Step ": "training",
    "Postprocessing": "evaluating the model",
    "Job succeeded.": "evaluating the model",
    "Model Evaluation": "evaluating the model",
    "Completed results file": "evaluating the model",
}


@dataclass(frozen=True, slots=True)
class _Reached:
    """A step that was told of: when, and what was measured there by normal names."""

    step: int
    at: float
    measures: Mapping[str, float]


def watched(
    data: DataPlane, live: Live, resource: Resource | None, declared: Mapping[Address, Resource], now: float
) -> Watched:
    """One call: the newest events. `now` is ours; a service whose clock is ahead is believed."""
    events = data.job_events(live.id, limit=_PAGE)
    return reckoned(live.raw, events, resource, declared, max([now, *map(_moment, events)]))


def reckoned(
    body: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    resource: Resource | None,
    declared: Mapping[Address, Resource],
    now: float,
) -> Watched:
    """What the body and the newest events (newest first) say of a job on its way at `now`. Pure."""
    status = str(body.get("status") or "")
    reached = [one for event in events if (one := _reached(event))]
    newest = reached[0] if reached else None
    steps = _steps(body, resource, declared, newest.step if newest else 0)
    stage, words = _stage(status, events)
    if newest and newest.step == steps and stage == "training":
        stage = "evaluating the model"
    measures = newest.measures if newest else {}
    created = float(body.get("created_at") or 0)
    return Watched(
        words=words,
        status=status,
        stage=stage,
        step=newest.step if newest else None,
        steps=steps,
        loss=measures.get(TRAIN_LOSS),
        valid_loss=measures.get(VALID_LOSS),
        reward=measures.get(TRAIN_REWARD),
        elapsed=now - created if 0 < created <= now else None,
        left=None if status in _STANDS else _left(body, reached, steps, now),
        cost=_cost(body, events, reached, resource, declared, steps, now),
    )


def _stage(status: str, events: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """What it is at, and what else was said last, where that is none of the service's usual words."""
    if status not in {"pending", "queued", "validating_files", "running"}:
        return state(status), ""
    told = [str(event.get("message") or "") for event in events if event.get("level", "info") == "info"]
    known = (stage for message in told for start, stage in _STAGES.items() if message.startswith(start))
    unusual = bool(told) and not told[0].startswith(tuple(_STAGES))
    return next(known, state(status)), told[0] if unusual else ""


def _moment(event: Mapping[str, Any]) -> float:
    return float(event.get("created_at") or 0)


def _reached(event: Mapping[str, Any]) -> _Reached | None:
    """A step, by an event's data where it has some, else by its words."""
    found = _STEP.match(str(event.get("message") or ""))
    if not found:
        return None
    measures = {normal(name): value for name, value in (event.get("data") or {}).items()}
    if name := _NAMES.get(found[2]):
        measures.setdefault(name, _number(found[3]))
    kept = {name: float(value) for name, value in measures.items() if isinstance(value, int | float)}
    return _Reached(int(found[1]), _moment(event), {name: value for name, value in kept.items() if isfinite(value)})


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# --- how many steps


def _steps(
    body: Mapping[str, Any], resource: Resource | None, declared: Mapping[Address, Resource], least: int
) -> int | None:
    """Examples ÷ batch × epochs, once the service has chosen both; None where that is not to be known, or is wrong."""
    chosen = body.get("hyperparameters") or {}
    epochs, batch = (_chosen(chosen.get(name)) for name in ("n_epochs", "batch_size"))
    steps = ceil(_examples(resource, declared) / batch) * epochs if batch else 0
    return steps if steps and steps >= least else None


def _chosen(value: Any) -> int:
    """0 for what the service is yet to choose, which it writes as -1."""
    return value if isinstance(value, int) and value > 0 else 0


def _examples(resource: Resource | None, declared: Mapping[Address, Resource]) -> int:
    data = declared.get(Address("dataset", resource.spec.training)) if resource else None
    report = data.prepared.get("report") if data else None
    return report.sound if report else 0


# --- time


def _left(body: Mapping[str, Any], reached: Sequence[_Reached], steps: int | None, now: float) -> Span | None:
    """By the service's own estimate and by the pace of the steps so far; a range where the two differ."""
    found = []
    finish = body.get("estimated_finish")
    if isinstance(finish, int | float) and finish > now:
        found.append(finish - now)
    pace = _pace(reached)
    if pace and steps and steps > reached[0].step:
        found.append(max((steps - reached[0].step) * pace - (now - reached[0].at), pace))
    return Span(min(found), max(found)) if found else None


def _pace(reached: Sequence[_Reached]) -> float | None:
    """Seconds a step, over the steps that are told of; None before there are two."""
    if not reached or (took := reached[0].at - reached[-1].at) <= 0 or reached[0].step <= reached[-1].step:
        return None
    return took / (reached[0].step - reached[-1].step)


# --- money


def _cost(
    body: Mapping[str, Any],
    events: Iterable[Mapping[str, Any]],
    reached: Sequence[_Reached],
    resource: Resource | None,
    declared: Mapping[Address, Resource],
    steps: int | None,
    now: float,
) -> Span | None:
    """What was trained so far at the price of the plan; None where either is unknown, or nothing was trained yet."""
    from ftctl.kinds.estimate import one_pass  # noqa: PLC0415  the price book is only read where something trains

    price: Price | None = resource.prepared.get("price") if resource else None
    if resource is None or price is None or not reached:
        return None
    if price.unit == "hour":
        begun = _begun(events, reached)
        return Span.of((now - begun) / _HOUR * price.usd) if begun and begun < now else None
    once = one_pass(resource, declared)
    if not (once and steps):
        return None
    passes = body["hyperparameters"]["n_epochs"] * reached[0].step / steps
    return once * Span.of(passes * price.usd / _MILLION)


def _begun(events: Iterable[Mapping[str, Any]], reached: Sequence[_Reached]) -> float | None:
    """When the first step began: as the events say, or by the pace where that event is no longer among the newest."""
    told = next((_moment(event) for event in events if event.get("message") == _BEGUN), None)
    pace = _pace(reached)
    return told if told is not None or pace is None else reached[0].at - reached[0].step * pace
