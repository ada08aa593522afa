"""What moved between a plan that was approved and the plan of now: the spec, the data, or a live field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ftctl.core.changes import Action, Change, Plan
from ftctl.core.digest import canonical
from ftctl.core.model import Address

_DATA = {"sha256", "training", "validation"}


def moved(before: Plan, now: Plan) -> tuple[str, ...]:
    """A sentence for each difference, in the order of the plans."""
    old, new = ({change.address: change for change in plan.changes} for plan in (before, now))
    return tuple(line for address in {**old, **new} for line in _moved(address, old.get(address), new.get(address)))


def _moved(address: Address, old: Change | None, new: Change | None) -> Iterator[str]:
    if old is None or new is None:
        yield f"{address} {'was not in the plan' if old is None else 'is in the plan no more'}"
        return
    ids = [change.live.id if change.live else "" for change in (old, new)]
    if ids[0] != ids[1]:
        said = "it is there now" if not ids[0] else "it is gone" if not ids[1] else "it is another one now"
        yield f"{address}: {said}"
    else:
        fields = [change.live.fields if change.live else {} for change in (old, new)]
        yield from (f"{address}: {name} was changed in Azure" for name in _differing(*fields))
    for name in _differing(old.after, new.after):
        yield f"{address}: {name} {'has other data' if name in _DATA else 'is declared otherwise'}"
    if old.action is not new.action:
        yield f"{address}: {_told(old)} then, {_told(new)} now"


def _told(change: Change) -> str:
    return "nothing to do" if change.action is Action.NOOP else change.action.value


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The names that both have, with other values, or that one has alone while both have any."""
    if not (old and new):
        return []
    return [name for name in {**old, **new} if canonical(old.get(name)) != canonical(new.get(name))]
