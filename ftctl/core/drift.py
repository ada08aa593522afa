"""Drift: of the differences that a plan found, those that nobody asked for in the spec. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ftctl.core.changes import Action, Change, Plan, Reason

_ASKED = {Reason.DIFFERS, Reason.UNDECLARED, Reason.SUPERSEDED, Reason.FORGOTTEN, Reason.MOVED}
_GONE = {Reason.MISSING, Reason.NEW_RECIPE}


@dataclass(frozen=True, slots=True)
class Drift:
    """`found` changed behind our back or is gone; `asked` is what a newer spec wants, `other` is neither."""

    found: tuple[Change, ...]
    asked: tuple[Change, ...]
    other: tuple[Change, ...]


def drift(plan: Plan) -> Drift:
    """Tell the differences of a plan apart.

    What carries the mark of its last apply says itself whether the spec or Azure has moved. What is missing has no
    mark: it is held to be gone, unless the spec shows that it is new, as a recipe does that differs from the last one.
    """
    found, asked = tuple(filter(_drifted, plan.changes)), tuple(_asked(plan))
    known = {change.address for change in (*found, *asked)}
    found = tuple(change for change in found if change not in asked)
    other = tuple(change for change in plan.pending if change.address not in known and not _follows(change, plan))
    return Drift(found, asked, other)


def _drifted(change: Change) -> bool:
    return change.reason is Reason.DRIFTED or (change.action is Action.CREATE and change.reason in _GONE)


def _asked(plan: Plan) -> Iterator[Change]:
    """What is in the spec for the first time, or is no longer in it."""
    recipes = [change for change in plan.trainings if change.fields]
    for change in plan.changes:
        learned = change.action is Action.CREATE and any(change.address in recipe.needs for recipe in recipes)
        data = learned and not change.trains and _content(change) & _content_of(recipes)
        if change in recipes or data or change.reason in _ASKED:
            yield change


def _content(change: Change) -> frozenset[object]:
    return frozenset(value for value in change.after.values() if isinstance(value, str))


def _content_of(recipes: list[Change]) -> frozenset[object]:
    """What the fields are that make recipes new ones: hashes of data among them."""
    return frozenset(field.after for recipe in recipes for field in recipe.fields if isinstance(field.after, str))


def _follows(change: Change, plan: Plan) -> bool:
    """Whether it is only there because of another change."""
    return any(change.address in other.affects for other in plan.changes if other is not change)
