"""A stack's bill: what its jobs were estimated at and used, and what its deployments cost for being there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ftctl.catalog.prices import Price, base_of, own_book
from ftctl.core.bill import Bill, Hosting, Training
from ftctl.core.changes import Change, Plan, Reason
from ftctl.core.model import Address, Health, Home, Live, Resource
from ftctl.kinds import kinds
from ftctl.kinds.contract import account_of
from ftctl.kinds.once import account_key
from ftctl.kinds.retail import Prices

_MILLION = 1_000_000
_RESERVED = "Provisioned"  # types that are paid by units, whatever model they serve
_TO_COME, _NOT_BEGUN, _MISSING = "to train", "not begun", "missing"


def by_the_hour(live: Live, home: Home) -> bool:
    """Whether a training has ended whose bill only its events tell."""
    hourly = live.kind == "job" and live.fields.get("method") == "reinforcement"
    return hourly and live.owner == home.stack and live.health is Health.READY


def locations(plan: Plan, lives: Iterable[Live]) -> dict[str, str]:
    """Where each account is, by its key: the live ones, and the declared that are still to come."""
    found = {live.key: str(live.outputs.get("location")) for live in lives if live.kind == "account"}
    coming = {change.key: change.address for change in plan.changes if change.kind == "account"}
    return {key: str(plan.world.output(address, "location")) for key, address in coming.items()} | found


def drawn_up(
    resources: Sequence[Resource],
    plan: Plan,
    lives: Sequence[Live],
    hours: Mapping[str, float | None],
    prices: Mapping[str, Prices] | None = None,
) -> Bill:
    """The bill of what is declared, and of the stack's earlier trainings.

    `hours` are what jobs were billed, by id; `prices` those that were looked up, by the key of the account.
    """
    books = _Books(prices or {})
    declared = {resource.address: resource for resource in resources}
    changes = {change.address: change for change in plan.changes if change.address in declared}
    jobs = [change for change in changes.values() if change.kind == "job"]
    trainings = tuple(_training(change, declared, plan, lives, hours, books) for change in jobs)
    told = {one.id for one in trainings}
    own = (live for live in lives if live.kind == "job" and live.owner == plan.home.stack and live.id not in told)
    earlier = tuple(_used(Training(Address("job", live.label or live.id), ""), live, hours, books) for live in own)
    deployments = [change for change in changes.values() if change.kind == "deployment"]
    accounts = {change.address: change.key for change in plan.changes}
    hosting = tuple(
        _hosting(one, change, books.at(accounts.get(account_of(one), "")))
        for change in deployments
        if (one := declared[change.address])
    )
    return Bill(plan.home.stack, plan.home.group, trainings, earlier, hosting)


class _Books:
    """The prices of each account; the price book for one of which none were looked up."""

    def __init__(self, prices: Mapping[str, Prices]) -> None:
        self._prices, self._book = prices, Prices(own_book(os.environ))

    def at(self, account: str) -> Prices:
        return self._prices.get(account, self._book)


def _training(
    change: Change,
    declared: Mapping[Address, Resource],
    plan: Plan,
    lives: Iterable[Live],
    hours: Mapping[str, float | None],
    books: _Books,
) -> Training:
    resource, rules, live = declared[change.address], kinds()[change.kind], change.live
    others = [one for one in lives if one.kind == change.kind and (live is None or one.created < live.created)]
    wanted = rules.wanted(resource, plan.world)
    wanted = replace(wanted, settings={**wanted.settings, "prices": books.at(account_key(wanted))})
    estimate = rules.estimate(resource, wanted, declared, others)
    state = _NOT_BEGUN if change.reason is Reason.NOT_BEGUN else _TO_COME if change.trains else str(change.action)
    training = Training(change.address, state, estimate=estimate)
    return _used(training, live, hours, books) if live else training


def _used(training: Training, live: Live, hours: Mapping[str, float | None], books: _Books) -> Training:
    """The same with what Azure says of the live job."""
    status, raw = str(live.outputs.get("status") or live.health), live.raw
    tokens = raw.get("trained_tokens") if isinstance(raw.get("trained_tokens"), int) else None
    used = replace(training, id=live.id, state=status, tokens=tokens, hours=hours.get(live.id))
    if live.health is Health.PENDING:
        return used
    if live.health is Health.FAILED:
        return replace(used, over=True, billed=0.0, price="failed trainings are not billed")
    model, type_ = live.fields.get("model"), live.fields.get("trainingType")
    price = books.at(live.within).training(str(model), str(type_ or "standard"))
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


def _hosting(resource: Resource, change: Change, prices: Prices) -> Hosting:
    """What is live where something is, else what is declared."""
    spec, live = resource.spec, change.live
    fields: Mapping[str, Any] = live.fields if live else {"sku": spec.sku, "model": spec.model.name}
    model, sku = str(fields.get("model") or ""), str(fields.get("sku") or spec.sku)
    tuned = (spec.model.job is not None and not model) or base_of(model) != model
    state = str(live.health) if live else _MISSING
    hourly, basis = _hourly(model, sku, prices, tuned=tuned)
    return Hosting(resource.address, state, sku, model or f"of job/{spec.model.job}", hourly, basis)


def _hourly(model: str, sku: str, prices: Prices, *, tuned: bool) -> tuple[float | None, str]:
    if _RESERVED in sku:
        return None, f"{sku} is paid by its units, whose price is not in the price book"
    if not tuned:
        return 0.0, "a base model is billed for its tokens alone"
    price = prices.hosting(model, sku)
    return (price.usd, price.basis) if price else (None, f"no hosting price for {sku}")
