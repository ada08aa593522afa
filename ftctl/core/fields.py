"""The fields of a change: which of them differ, why each is as it is, and which differences are hidden. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from ftctl.core.changes import Action, Change, Reason
from ftctl.core.diff import FieldChange, differences, leaves
from ftctl.core.errors import Problem
from ftctl.core.ignored import left_alone
from ftctl.core.model import ChangeClass, Live, Resource, Wanted
from ftctl.core.noise import Comparison, Rule, suppressed
from ftctl.core.why import Spelled, declared_at, reasons

_COMPARED = {Reason.AS_DECLARED, Reason.IN_PROGRESS, Reason.UNVERIFIED}  # of what stays as it is


class FieldRules(Protocol):
    """What a kind says of its fields (ftctl.kinds.contract.Kind says it at length)."""

    @property
    def immutable(self) -> frozenset[str]: ...
    @property
    def replaceable(self) -> bool: ...
    @property
    def history(self) -> bool: ...
    @property
    def judges(self) -> bool: ...
    @property
    def serves(self) -> bool: ...
    @property
    def classes(self) -> Mapping[str, ChangeClass]: ...
    @property
    def noise(self) -> Mapping[str, Rule]: ...
    @property
    def spelled(self) -> Spelled: ...
    def normal(self, path: str, value: Any) -> Any: ...
    def adopted(self, resource: Resource) -> str: ...
    def beyond(self, live: Live) -> Mapping[str, Any]: ...


def compared(wanted: Wanted, live: Live, rules: FieldRules) -> tuple[Wanted, tuple[FieldChange, ...]]:
    """What is wanted of a live thing, and in what it differs. What is left alone comes from the live one.

    A replacement makes the thing anew, as it is declared, and says so of every field.
    """
    if rules.history:  # its key is made of its content: the same key, no difference
        return wanted, ()
    kept = left_alone(wanted, live)
    found = _differences(kept, live, rules)
    if rules.replaceable and any(change.forces for change in found):
        return wanted, _differences(wanted, live, rules)
    return kept, found


def _differences(wanted: Wanted, live: Live, rules: FieldRules) -> tuple[FieldChange, ...]:
    return differences(live.fields, wanted.fields, normal=rules.normal, immutable=rules.immutable)


def class_of(fields: tuple[FieldChange, ...], rules: FieldRules) -> ChangeClass:
    """The gravest class of several fields."""
    order = list(ChangeClass)
    classes = [rules.classes.get(change.path.partition(".")[0], ChangeClass.IN_PLACE) for change in fields]
    return max(classes, key=order.index, default=ChangeClass.IN_PLACE)


def replacement(resource: Resource, change: Change, rules: FieldRules) -> Change:
    """A change of what cannot change in place."""
    if rules.replaceable:
        harm = ChangeClass.INTERRUPTS if rules.serves else change.change_class
        return replace(change, action=Action.REPLACE, change_class=harm)
    forced = [field.path for field in change.fields if field.forces]
    fixed = ", ".join(forced)
    problem = Problem(
        "FT3005",
        f"{resource.address} would have to be replaced: {fixed} cannot be changed in Azure",
        resource.place(declared_at(forced[0], resource, rules.spelled)[0]),
        why="Replacing it would delete everything that lives in it; ftctl never does that as a side effect.",
        fix="Take the change back, declare a second one beside it, or `ftctl destroy` first.",
    )
    return replace(change, action=Action.BLOCKED, reason=Reason.REFUSED, problem=problem)


def explained(change: Change, resource: Resource, wanted: Wanted, rules: FieldRules) -> Change:
    """The same change; of each field that it tells of it says why, and of each that it hides by which rule."""
    values = {field.path: field.after for field in change.fields}
    new = change.action is Action.CREATE
    if new:
        values |= dict(leaves("", change.after))
    why = reasons(resource, wanted, values, rules.spelled, new=new) if values else {}
    live = change.live
    silent = change.action in {Action.NOOP, Action.WAIT} and change.reason not in _COMPARED
    if live is None or new or silent or change.action is Action.BLOCKED or rules.judges or rules.adopted(resource):
        return replace(change, why=why)
    one = Comparison(live, wanted, rules.noise, change.fields, rules.beyond(live), same=rules.history)
    return replace(change, why=why, suppressed=suppressed(one))
