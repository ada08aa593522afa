"""A stack's bill: what its jobs were estimated at and used, and what its deployments cost for being there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ftctl.catalog.prices import Price, base_of, hosting_price, own_book, training_price
from ftctl.core.bill import Bill, Hosting, Training
from ftctl.core.changes import Change, Plan, Reason
from ftctl.core.model import Address, Health, Home, Live, Resource
from ftctl.kinds import kinds

_MILLION = 1_000_000
_RESERVED = "Provisioned"  # types that are paid by units, whatever model they serve
_TO_COME, _NOT_BEGUN, _MISSING = "to train", "not begun", "missing"


def by_the_hour(live: Live, home: Home) -> bool:
    """Whether a training has ended whose bill only its events tell."""
    hourly = live.kind == "job" and live.fields.get("method") == "reinforcement"
    return hourly and live.owner == home.stack and live.health is Health.READY


def drawn_up(
    resources: Sequence[Resource], plan: Plan, lives: Sequence[Live], hours: Mapping[str, float | None]
) -> Bill:
    """The bill of what is declared, and of the stack's earlier trainings. `hours` are what jobs were billed, by id."""
    declared = {resource.address: resource for resource in resources}
    changes = {change.address: change for change in plan.changes if change.address in declared}
    jobs = [change for change in changes.values() if change.kind == "job"]
    trainings = tuple(_training(change, declared, plan, lives, hours) for change in jobs)
    told = {one.id for one in trainings}
    own = (live for live in lives if live.kind == "job" and live.owner == plan.home.stack and live.id not in told)
    earlier = tuple(_used(Training(Address("job", live.label or live.id), ""), live, hours) for live in own)
    deployments = [change for change in changes.values() if change.kind == "deployment"]
    hosting = tuple(_hosting(declared[change.address], change) for change in deployments)
    return Bill(plan.home.stack, plan.home.group, trainings, earlier, hosting)


def _training(
    change: Change,
    declared: Mapping[Address, Resource],
    plan: Plan,
    lives: Iterable[Live],
    hours: Mapping[str, float | None],
) -> Training:
    resource, rules, live = declared[change.address], kinds()[change.kind], change.live
    others = [one for one in lives if one.kind == change.kind and (live is None or one.created < live.created)]
    estimate = rules.estimate(resource, rules.wanted(resource, plan.world), declared, others)
    state = _NOT_BEGUN if change.reason is Reason.NOT_BEGUN else _TO_COME if change.trains else str(change.action)
    training = Training(change.address, state, estimate=estimate)
    return _used(training, live, hours) if live else training


def _used(training: Training, live: Live, hours: Mapping[str, float | None]) -> Training:
    """The same with what Azure says of the live job."""
    status, raw = str(live.outputs.get("status") or live.health), live.raw
    tokens = raw.get("trained_tokens") if isinstance(raw.get("trained_tokens"), int) else None
    used = replace(training, id=live.id, state=status, tokens=tokens, hours=hours.get(live.id))
    if live.health is Health.PENDING:
        return used
    if live.health is Health.FAILED:
        return replace(used, over=True, billed=0.0, price="failed trainings are not billed")
    model, type_ = live.fields.get("model"), live.fields.get("trainingType")
    price = training_price(str(model), str(type_ or "standard"), own=own_book(os.environ))
    billed, unknown = _billed(used, price, live)
    return replace(used, over=True, billed=billed, unknown=unknown, price=price.basis if price else "")


def _billed(used: Training, price: Price | None, live: Live) -> tuple[float | None, str]:
    """What it cost, or why nobody knows."""
    amount, unit = (used.hours, "hours") if live.fields.get("method") == "reinforcement" else (used.tokens, "tokens")
    if amount is None:
        return None, f"Azure does not say how many {unit} it was billed"
    if price is None or (price.unit == "hour") != (unit == "hours"):
        return None, f"no price for {base_of(str(live.fields.get('model')))} ({live.fields.get('trainingType')})"
    return amount * price.usd / (1 if unit == "hours" else _MILLION), ""


# --- hosting


def _hosting(resource: Resource, change: Change) -> Hosting:
    """What is live where something is, else what is declared."""
    spec, live = resource.spec, change.live
    fields: Mapping[str, Any] = live.fields if live else {"sku": spec.sku, "model": spec.model.name}
    model, sku = str(fields.get("model") or ""), str(fields.get("sku") or spec.sku)
    tuned = (spec.model.job is not None and not model) or base_of(model) != model
    state = str(live.health) if live else _MISSING
    hourly, basis = _hourly(sku, tuned=tuned)
    return Hosting(resource.address, state, sku, model or f"of job/{spec.model.job}", hourly, basis)


def _hourly(sku: str, *, tuned: bool) -> tuple[float | None, str]:
    if _RESERVED in sku:
        return None, f"{sku} is paid by its units, whose price is not in the price book"
    if not tuned:
        return 0.0, "a base model is billed for its tokens alone"
    price = hosting_price(sku, own=own_book(os.environ))
    return (price.usd, price.basis) if price else (None, f"no hosting price for {sku}")
