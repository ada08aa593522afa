"""Plans in the shape of Terraform's plan JSON, so that policies and tools written for that read them too.

A projection, not a plan of Terraform's: kinds become types (`ftctl_role_assignment`), gates data sources, and several
stacks modules. What is ours alone is left out; `-o json` has everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ftctl import __version__
from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.digest import plain
from ftctl.core.model import Address, Unknown
from ftctl.render.json import ACTIONS, sides
from ftctl.render.review import drifted

_FORMAT = "1.2"
_PROVIDER = "ftctl"
_REASONS = {
    Action.REPLACE: "replace_because_cannot_update",
    Action.DELETE: "delete_because_no_resource_config",
    Action.JUDGE: "read_because_dependency_pending",
}
_GONE = {Action.DELETE, Action.FORGET}
Json = dict[str, Any]


def plans_terraform(plans: Sequence[Plan]) -> str:
    """One document; each of several stacks is a module of it."""
    modules = {id(plan): f"module.{_identifier(plan.home.stack)}" if len(plans) > 1 else "" for plan in plans}
    each = [(plan, modules[id(plan)], change) for plan in plans for change in plan.changes]
    document = {
        "format_version": _FORMAT,
        "terraform_version": __version__,
        "planned_values": _values(plans, modules, after=True),
        "resource_drift": [_drift(change, modules[id(plan)]) for plan in plans for change in drifted(plan)],
        "resource_changes": [_resource_change(change, module) for _, module, change in each],
        "prior_state": {
            "format_version": "1.0",
            "terraform_version": __version__,
            "values": _values(plans, modules, after=False),
        },
        "configuration": {
            "provider_config": {_PROVIDER: {"name": _PROVIDER, "full_name": _PROVIDER}},
            "root_module": _configured(plans, modules),
        },
        "relevant_attributes": [found for _, module, change in each for found in _relevant(change, module)],
        "applyable": any(plan.applyable for plan in plans),
        "complete": all(change.action is not Action.BLOCKED for _, _, change in each),
        "errored": any(plan.fatal for plan in plans),
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)


def _resource_change(change: Change, module: str) -> Json:
    before, after = _sides(change)
    unknown = _unknown(after) or {}
    moved: Json = {
        "actions": ACTIONS.get(change.action, ["no-op"]),
        "before": plain(before) or None,
        "after": _known(after) or None,
        "after_unknown": unknown,
        "before_sensitive": {} if before else False,
        "after_sensitive": {} if after else False,
    }
    if forced := [field.path.split(".") for field in change.fields if field.forces]:
        moved["replace_paths"] = forced
    if change.action is Action.ADOPT and change.live:
        moved["importing"] = {"id": change.live.id}
    why = _REASONS.get(change.action)
    if why and change.reason is not Reason.DESTROYED:
        return {**_resource(change.address, module), "change": moved, "action_reason": why}
    return {**_resource(change.address, module), "change": moved}


def _sides(change: Change) -> tuple[Json, Json]:
    """What is forgotten is nothing to Terraform afterwards, though it stays where it is."""
    before, after = sides(change)
    return before, {} if change.action is Action.FORGET else after


def _drift(change: Change, module: str) -> Json:
    """From what was declared and applied to what is there now."""
    live, declared = sides(change)
    moved = {"actions": ["update"], "before": _known(declared), "after": plain(live), "after_unknown": {}}
    return {**_resource(change.address, module), "change": {**moved, "before_sensitive": {}, "after_sensitive": {}}}


def _values(plans: Sequence[Plan], modules: Mapping[int, str], *, after: bool) -> Json:
    """Everything as it would be, or as it was found."""
    found = _grouped(plans, modules, lambda change, module: _value(change, module, _sides(change)[after]))
    if list(found) in ([], [""]):
        return {"root_module": {"resources": found.get("", [])}}
    children = [{"address": module, "resources": resources} for module, resources in found.items()]
    return {"root_module": {"child_modules": children}}


def _value(change: Change, module: str, values: Mapping[str, Any]) -> Json | None:
    if not values:
        return None
    return {**_resource(change.address, module), "schema_version": 0, "values": _known(values), "sensitive_values": {}}


def _configured(plans: Sequence[Plan], modules: Mapping[int, str]) -> Json:
    """What is declared, by name: values are in `planned_values`."""
    found = _grouped(plans, modules, lambda change, _: None if change.action in _GONE else _declared(change))
    if list(found) in ([], [""]):
        return {"resources": found.get("", [])}
    return {"module_calls": {name.removeprefix("module."): {"module": {"resources": r}} for name, r in found.items()}}


def _grouped(
    plans: Sequence[Plan], modules: Mapping[int, str], made: Callable[[Change, str], Json | None]
) -> dict[str, list[Json]]:
    """What is made of each change, by module."""
    names = {modules[id(plan)]: plan for plan in plans}
    return {name: [one for change in plan.changes if (one := made(change, name))] for name, plan in names.items()}


def _declared(change: Change) -> Json:
    told = _resource(change.address, "")
    needs = [_resource(one, "")["address"] for one in change.needs]
    head = {key: told[key] for key in ("address", "mode", "type", "name")}
    return {**head, "provider_config_key": _PROVIDER, "schema_version": 0, "depends_on": needs}


def _relevant(change: Change, module: str) -> list[Json]:
    """What the plan waits to know."""
    sources = [value for value in change.after.values() if isinstance(value, Unknown)]
    return [{"resource": _resource(one.source, module)["address"], "attribute": [one.output]} for one in sources]


def _resource(address: Address, module: str) -> Json:
    kind = "ftctl" + re.sub(r"_?([A-Z])", r"_\1", f"_{address.kind}").lower()
    name, gate = _identifier(address.name), address.kind == "gate"
    place = f"{'data.' if gate else ''}{kind}.{name}"
    told = {"address": f"{module}.{place}", "module_address": module} if module else {"address": place}
    return {**told, "mode": "data" if gate else "managed", "type": kind, "name": name, "provider_name": _PROVIDER}


def _identifier(name: str) -> str:
    return re.sub(r"[^\w-]", "_", name)


def _known(value: Any) -> Any:
    """A value without what is not known; in a list it is null."""
    match value:
        case Unknown():
            return None
        case Mapping():
            return {str(key): _known(inner) for key, inner in value.items() if not isinstance(inner, Unknown)}
        case list() | tuple():
            return [_known(inner) for inner in value]
        case _:
            return plain(value)


def _unknown(value: Any) -> Any:
    """The same shape with true for what is not known; None where all is."""
    match value:
        case Unknown():
            return True
        case Mapping():
            return {str(key): found for key, inner in value.items() if (found := _unknown(inner))} or None
        case list() | tuple():
            inside = [_unknown(inner) or False for inner in value]
            return inside if any(inside) else None
        case _:
            return None
