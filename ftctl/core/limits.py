"""How much one plan may change or delete, and what it may not take away unless it is named. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.errors import Problem, Severity, Where
from ftctl.core.model import Live, Mode

MANY = "many-changes"
"""What `--allow` takes beside addresses."""

_PERCENT = 30
_FEW = 10  # owned things; below that a share says nothing
_NAMED = 3
_TAKES_AWAY = {Action.DELETE, Action.REPLACE}
_PASSING = {Reason.LEFT_OVER, Reason.EXPIRED, Reason.KEPT}  # made for a time, or kept after it was superseded


@dataclass(frozen=True, slots=True)
class Deletes:
    """How many things a plan may delete, and by what it is limited."""

    most: int
    name: str
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a stack's spec says of the size of its plans; `changed` is a share in percent.

    `allow` are addresses that may be taken away all the same.
    """

    deletes: Deletes | None = None
    changed: int = _PERCENT
    where: Where | None = None
    allow: Mapping[str, Where | None] = field(default_factory=dict)


class Rules(Protocol):
    """What is asked of a kind."""

    @property
    def serves(self) -> bool: ...
    @property
    def judges(self) -> bool: ...


def stopped(
    plan: Plan,
    lives: Iterable[Live],
    rules: Mapping[str, Rules],
    limits: Limits,
    *,
    allowed: Collection[str] = (),
    max_deletes: int | None = None,
) -> Iterator[Problem]:
    """What speaks against a plan; to destroy a stack whole is asked for as such.

    `lives` are what is live, of others too; `allowed` and `max_deletes` are the command line's.
    """
    serving = {name for name, kind in rules.items() if kind.serves}
    if plan.mode is Mode.DESTROY:
        return
    asked = Deletes(max_deletes, "`--max-deletes`") if max_deletes is not None else None
    for limit in (limits.deletes, asked):
        yield from _deletes(plan.changes, limit) if limit else ()
    if MANY not in allowed:
        owned = [one for one in plan.changes if not rules[one.kind].judges and _owned(one, plan.home.stack)]
        yield from _changed(owned, serving, limits)
    yield from _taken(plan.changes, lives, serving, {*allowed, *limits.allow})
    yield from _left(plan.changes, limits.allow)


def _deletes(changes: Iterable[Change], limit: Deletes) -> Iterator[Problem]:
    gone = [one for one in changes if one.action in _TAKES_AWAY and one.reason is not Reason.LEFT_OVER]
    if len(gone) > limit.most:
        yield Problem(
            "FT3041",
            f"this plan would delete {_things(len(gone))}, and {limit.name} allows {limit.most}",
            limit.where,
            why=f"It would delete {_listed(gone)}. What is replaced is deleted first.",
            fix=f"Delete less at a time, or allow more with {limit.name}.",
        )


def _changed(owned: Sequence[Change], serving: Collection[str], limits: Limits) -> Iterator[Problem]:
    moved = [one for one in owned if one.action in {Action.UPDATE, *_TAKES_AWAY} and one.reason is not Reason.MOVED]
    if len(owned) >= _FEW and 100 * len(moved) > limits.changed * len(owned):
        share = len(moved) / len(owned)
        yield Problem(
            "FT3040",
            f"this plan would update or delete {len(moved)} of the {len(owned)} things that the stack owns"
            f" ({share:.0%}), and {limits.changed}% at a time are allowed",
            limits.where,
            why=f"It would change {_listed(sorted(moved, key=lambda one: one.kind not in serving))}.",
            fix=f"If all of it is meant, say so with `--allow {MANY}`; `limits.maxChanged` is the share.",
        )


def _owned(change: Change, stack: str) -> bool:
    """Whether it is a thing of the stack's that it goes on with."""
    return change.live is not None and change.live.owner == stack and change.reason not in _PASSING


def _taken(
    changes: Iterable[Change], lives: Iterable[Live], serving: Collection[str], allowed: Collection[str]
) -> Iterator[Problem]:
    answering = [live for live in lives if live.kind in serving and not live.made_for]
    gone = [one for one in changes if one.action in _TAKES_AWAY and one.reason is not Reason.LEFT_OVER]
    for change in gone:
        if str(change.address) in allowed or any(_holds(other, change.key) for other in gone):
            continue  # what it lives in is told of, or was allowed with all that is in it
        if change.kind in serving:
            yield _veto("FT3042", change, "may be answering calls")
        elif inside := [live for live in answering if _holds(change, live.key)]:
            names = ", ".join(f"{live.kind}/{live.label or live.name}" for live in inside[:_NAMED])
            more = f" and {len(inside) - _NAMED} more" if len(inside) > _NAMED else ""
            yield _veto("FT3043", change, f"has {names}{more} in it")


def _holds(change: Change, key: str) -> bool:
    """Whether what has `key` lives in the thing: ARM ids begin with what they are in."""
    return key.startswith(f"{change.key}/")


def _veto(code: str, change: Change, has: str) -> Problem:
    return Problem(
        code,
        f"{change.address} {has}, and this plan would {change.action} it",
        subject=str(change.address),
        fix=f"If that is meant, say so with `--allow {change.address}`, or under `limits.allow` in the spec.",
    )


def _left(changes: Iterable[Change], allow: Mapping[str, Where | None]) -> Iterator[Problem]:
    """Allowances of the spec that nothing needs now, and that a later slip would find open."""
    kept = {str(one.address) for one in changes if one.action not in _TAKES_AWAY}
    for address in kept & allow.keys():
        yield Problem(
            "FT3044",
            f"`limits.allow` lets a plan delete {address}, and this one does not",
            allow[address],
            subject=address,
            severity=Severity.WARNING,
        )


def _things(number: int) -> str:
    return "1 thing" if number == 1 else f"{number} things"


def _listed(changes: Iterable[Change]) -> str:
    names = [str(one.address) for one in changes]
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
