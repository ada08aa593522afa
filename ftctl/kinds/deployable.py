"""Whether a deployment can be made where it is declared: the region's offer, its end, its name, and the quotas left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ftctl.core.changes import Action, Change, Plan
from ftctl.core.errors import Problem
from ftctl.core.model import Address, Finding, Outlook, Resource, Standing, Unknown
from ftctl.kinds.arm import region as spelled
from ftctl.kinds.contract import account_of, trainer
from ftctl.kinds.preflight import SOON
from ftctl.kinds.regions import Region, Regions, Sku, Usage, model_key

_TUNED_DEPLOYMENTS = "OpenAI.FineTuned.Deployments"
_NAME = re.compile(r"[A-Za-z0-9_.-]{2,64}")  # what the portal takes; the specification names no rule
_MAKES = {Action.CREATE, Action.REPLACE}
_WORST = [Standing.FAIL, Standing.PASS, Standing.UNVERIFIED]
_MATTERS = {"model", "version", "sku", "capacity"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a change would have served: `model` is a key of the region's list, None where it is not known yet."""

    change: Change
    resource: Resource
    region: str
    model: str | None
    tuned: bool
    sku: str
    capacity: int


def checked(
    regions: Regions, plan: Plan, resources: Mapping[Address, Resource], after: Mapping[Address, Mapping[str, Any]]
) -> dict[Address, Outlook]:
    """What stands in the way of each deployment that is made or served otherwise; `after` is what each should be."""
    asked = [one for one in plan.changes if one.address in after and _matters(one)]
    wishes = [_wish(one, resources[one.address], plan, after[one.address]) for one in asked]
    seen = regions.look(sorted({one.region for one in wishes if one.region}), models=True)
    found = {one.change.address: _offer(one, seen.get(one.region)) for one in wishes}
    return _with_quota(found, wishes, plan, seen)


def _matters(change: Change) -> bool:
    moved = {one.path.partition(".")[0] for one in change.fields} & _MATTERS
    return change.action in _MAKES or (change.action in {Action.UPDATE, Action.ADOPT} and bool(moved))


def _wish(change: Change, resource: Resource, plan: Plan, fields: Mapping[str, Any]) -> Wish:
    where = plan.world.output(account_of(resource), "location")
    model, tuned = _model(resource, plan, fields)
    return Wish(
        change,
        resource,
        "" if isinstance(where, Unknown) else spelled(str(where)),
        model,
        tuned,
        str(fields["sku"]),
        int(fields["capacity"]),
    )


def _model(resource: Resource, plan: Plan, fields: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The model in the region's list that it goes back to, and whether it was trained from that."""
    job = resource.spec.model.job
    if job:
        base = plan.world.output(trainer(resource, job), "base")
        return (None if isinstance(base, Unknown) else str(base).lower()), True
    name = str(fields["model"])
    return (name.partition(".ft-")[0].lower(), True) if ".ft-" in name else (model_key(name, fields["version"]), False)


# --- what the region offers


def _offer(wish: Wish, region: Region | None) -> Outlook:
    findings = [_name(wish)]
    if region is None or region.skus is None or wish.model is None:
        why = region.unread.get("models", "") if region else "the account's region is not known"
        unknown = f"whether {wish.model or 'the model'} can be served with {wish.sku} is not known"
        why = why or "what it trains from is not known yet"
        return Outlook(findings=(*findings, Finding("availability", Standing.UNVERIFIED, unknown, why)))
    basis = "the region's list of models"
    skus = [one for one in region.skus.get(wish.model, ()) if one.tuned == wish.tuned]
    sku = next((one for one in skus if one.name.lower() == wish.sku.lower()), None)
    if sku is None:
        return _refused(wish, region, skus, basis, findings)
    said = f"{wish.model} {'as trained ' if wish.tuned else ''}is served in {wish.region} with {sku.name}"
    findings.append(Finding("availability", Standing.PASS, said, basis))
    return Outlook(findings=(*findings, *_end(wish, sku, region.today, basis)))


def _name(wish: Wish) -> Finding:
    name, basis = wish.resource.address.name, "what the portal takes; Azure's specification has no rule"
    if _NAME.fullmatch(name):
        return Finding("name", Standing.PASS, f"{name} is a name that Azure takes", basis)
    what = f"{name} may be no name that Azure takes: those have 2 to 64 letters, digits, `-`, `_` and `.`"
    return Finding("name", Standing.WARN, what, basis)


def _refused(wish: Wish, region: Region, skus: Sequence[Sku], basis: str, findings: Sequence[Finding]) -> Outlook:
    """Not offered. Of open weights that is not certain: the lists and the documentation disagree about them."""
    there = bool((region.skus or {}).get(wish.model or ""))
    trained = "a model trained from " if wish.tuned else ""
    what = f"{trained}{wish.model} cannot be served in {wish.region} with sku {wish.sku}"
    what = what if there else f"{wish.region} has no model {wish.model}"
    sure = wish.resource.spec.model.format == "OpenAI"
    found = Finding("availability", Standing.FAIL if sure else Standing.UNVERIFIED, what, basis)
    if not sure:
        return Outlook(findings=(*findings, found))
    others = "`, `".join(dict.fromkeys(one.name for one in skus))
    fix = f"In {wish.region} there is `sku: {others}`." if others else "Choose a model that the region serves."
    place = wish.resource.place("sku" if there else "model") or wish.resource.where
    return Outlook(problem=Problem("FT3322", f"{what} ({basis})", place, fix=fix), findings=(*findings, found))


def _end(wish: Wish, sku: Sku, today: date, basis: str) -> Iterator[Finding]:
    """A model's last day. What is past its end and still offered may be refused any day: that is a warning."""
    try:
        end = date.fromisoformat(sku.ends)
    except ValueError:
        return
    if end < today:
        said = f"serving {wish.model} with {sku.name} was to end on {end}, and the region still offers it"
        yield Finding("retirement", Standing.WARN, said, basis)
        return
    standing = Standing.WARN if end - today <= SOON else Standing.PASS
    yield Finding("retirement", standing, f"{wish.model} is served with {sku.name} until {end}", basis)


# --- what the quotas leave


def _with_quota(
    found: dict[Address, Outlook], wishes: Sequence[Wish], plan: Plan, seen: Mapping[str, Region]
) -> dict[Address, Outlook]:
    """The outlooks with what each takes of the quotas after those before it in the plan."""
    taken: Counter[tuple[str, str]] = Counter()
    given = _given(plan)
    for wish in wishes:
        before, region = found[wish.change.address], seen.get(wish.region)
        sku = _sku(wish.model, wish.sku, region, tuned=wish.tuned)
        if region is None or sku is None or before.problem:
            continue
        if region.usages is None:
            unknown = f"how much of {sku.usage} is left is not known"
            doubt = Finding("quota", Standing.UNVERIFIED, unknown, region.unread["usages"])
            found[wish.change.address] = replace(before, findings=(*before.findings, doubt))
            continue
        told = [
            _room(region.usages.get(name.lower()), name, units, taken, wish.region, freed=given)
            for name, units in _needs(wish, sku, region)
        ]
        full = next((one for one in told if one.standing is Standing.FAIL), None)
        place = wish.resource.place("capacity") or wish.resource.where
        fix = "Set a smaller `capacity`, free some (soft-deleted accounts count too), or ask for more quota."
        problem = Problem("FT3321", full.what, place, why=f"This is by {full.basis}.", fix=fix) if full else None
        found[wish.change.address] = replace(before, problem=problem, findings=(*before.findings, *told))
    return found


def _sku(model: str | None, name: str, region: Region | None, *, tuned: bool) -> Sku | None:
    skus = (region.skus or {}).get(model or "", ()) if region else ()
    return next((one for one in skus if one.tuned == tuned and one.name.lower() == name.lower()), None)


def _needs(wish: Wish, sku: Sku, region: Region) -> Iterator[tuple[str, int]]:
    """Each quota that it takes more of than it has now."""
    has = _has(wish.change, region)
    if (units := wish.capacity - has[sku.usage.lower()]) > 0:
        yield sku.usage, units
    if wish.tuned and not has[_TUNED_DEPLOYMENTS.lower()]:
        yield _TUNED_DEPLOYMENTS, 1


def _has(change: Change, region: Region) -> Counter[str]:
    """What the live deployment takes already: it gives that back, or goes on with it."""
    fields = change.live.fields if change.live else {}
    name, held = str(fields.get("model") or ""), Counter[str]()
    tuned = ".ft-" in name
    key = name.partition(".ft-")[0].lower() if tuned else model_key(name, str(fields.get("version")))
    if sku := _sku(key, str(fields.get("sku")), region, tuned=tuned):
        held[sku.usage.lower()] = int(fields.get("capacity") or 0)
        held[_TUNED_DEPLOYMENTS.lower()] = int(tuned)
    return held


def _given(plan: Plan) -> bool:
    """Whether the plan gives anything back that could make room."""
    return any(one.kind == "deployment" and (one.action is Action.DELETE or _shrinks(one)) for one in plan.changes)


def _shrinks(change: Change) -> bool:
    return any(one.path == "capacity" and _less(one.after, one.before) for one in change.fields)


def _less(after: Any, before: Any) -> bool:
    return isinstance(after, int) and isinstance(before, int) and after < before


def _room(
    usage: Usage | None, name: str, units: int, taken: Counter[tuple[str, str]], where: str, *, freed: bool
) -> Finding:
    """Whether a quota has room after what others of the plan took; where the plan frees some, nothing is certain."""
    basis = f"the quotas of {where} as they are now"
    if usage is None:
        return Finding("quota", Standing.UNVERIFIED, f"how much of {name} is left is not known", f"not among {basis}")
    before = taken[where, usage.name]
    taken[where, usage.name] += units
    left = max(0.0, usage.left - before)
    if units <= left:
        said = f"{units:,} of {usage.name}, of which {left:,g} of {usage.limit:,g} are left"
        return Finding("quota", Standing.PASS, said, basis)
    planned = f", after {before:,} for others of this plan" if before else ""
    said = f"{units:,} of {usage.name} are needed, and {left:,g} of {usage.limit:,g} are left{planned}"
    return Finding("quota", Standing.WARN if freed else Standing.FAIL, said, basis)


def accounts(regions: Regions, asked: Mapping[Address, tuple[Resource, str]]) -> dict[Address, Outlook]:
    """For each account to be made, with its region: whether that takes one more."""
    seen = regions.look(sorted({where for _, where in asked.values()}), models=False)
    taken: Counter[tuple[str, str]] = Counter()
    return {address: _account(resource, where, seen[where], taken) for address, (resource, where) in asked.items()}


def _account(resource: Resource, where: str, region: Region, taken: Counter[tuple[str, str]]) -> Outlook:
    if region.usages is None:
        unknown = f"how many accounts {where} still takes is not known"
        return Outlook(findings=(Finding("quota", Standing.UNVERIFIED, unknown, region.unread["usages"]),))
    names = (f"{resource.spec.kind}.S0.AccountCount", "AccountCount")
    found = [_room(region.usages.get(name.lower()), name, 1, taken, where, freed=False) for name in names]
    worst = min(found, key=lambda one: _WORST.index(one.standing))
    if worst.standing is not Standing.FAIL:
        return Outlook(findings=(worst,))
    fix = "Delete or purge one (soft-deleted ones count too), ask for more quota, or choose another `location`."
    return Outlook(problem=Problem("FT3321", worst.what, resource.where, fix=fix), findings=(worst,))
