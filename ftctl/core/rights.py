"""Rights that a plan takes, and whether somebody has them by what Azure says of the caller's roles. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftctl.core.changes import Action, Change
from ftctl.core.model import Finding, Standing

CHECK = "permissions"
BASIS = "the caller's roles, without deny assignments and policies"
_NAMED = 3
_MATCHES = re.compile(r"ActionMatches\{'([^']+)'\}", re.IGNORECASE)
Permission = Mapping[str, Any]
"""What one role allows and takes back, as Azure writes it."""
_LISTS = ("actions", "notActions", "dataActions", "notDataActions")


def read(items: Sequence[Any]) -> Sequence[Permission]:
    """What Azure sent, seen to have the shape that is read of it; ValueError otherwise."""
    if not all(
        isinstance(one, Mapping) and all(isinstance(one.get(name) or [], list) for name in _LISTS) for one in items
    ):
        raise ValueError("a permission has lists of actions")
    return items


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """An action that a call takes, on an ARM id; `data` tells a data action."""

    action: str
    scope: str
    data: bool = False

    @property
    def short(self) -> str:
        """Without the provider, which people know."""
        return self.action.partition("/accounts/" if self.data else "/")[2]


@dataclass(frozen=True, slots=True)
class Grant:
    """A role assignment that the plan itself makes. `ours` is None where nobody can say whether it is the caller's;
    `gives` says of a right whether the role has it, None for a role that nobody here knows.
    """

    scope: str
    role: str
    to: str
    ours: bool | None
    gives: Mapping[Right, bool | None]


@dataclass(frozen=True, slots=True)
class Roles:
    """What Azure said of the caller's roles on a scope, or why it did not."""

    permissions: Sequence[Permission] = ()
    unread: str = ""


def standing_at(scope: str, changes: Iterable[Change]) -> str:
    """The scope itself, or where it is yet to be made what is around it: roles come down from there."""
    made = {one.key for one in changes if one.action is Action.CREATE and one.kind in {"resourceGroup", "account"}}
    while at := next((key for key in made if key and _within(scope, key)), ""):
        scope = _around(at)
    return scope


def _around(scope: str) -> str:
    """The group of an account, the subscription of a group."""
    group, provider, _ = scope.partition("/providers/")
    return group if provider else "/".join(scope.split("/")[:3])


def _within(scope: str, other: str) -> bool:
    """Whether `scope` is `other` or lies in it."""
    low, high = scope.rstrip("/").lower(), other.rstrip("/").lower()
    return low == high or low.startswith(f"{high}/")


def allowed(right: Right, permissions: Sequence[Permission]) -> bool | None:
    """Whether one of the roles gives a right; None where that hangs on a condition, or nothing is said of data."""
    yes, no = ("dataActions", "notDataActions") if right.data else ("actions", "notActions")
    if permissions and all(one.get(yes) is None for one in permissions):
        return None
    giving = [one for one in permissions if _any(one.get(yes), right.action) and not _any(one.get(no), right.action)]
    if any(_free(one, right.action) for one in giving):
        return True
    return None if giving else False


def _any(patterns: Any, action: str) -> bool:
    return any(covers(str(one), action) for one in patterns or ())


def covers(pattern: str, action: str) -> bool:
    """Whether a pattern of Azure's, with `*` for anything, has an action in it."""
    return bool(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE))


def _free(permission: Permission, action: str) -> bool:
    """Whether no condition binds an action: one that names others by ActionMatches leaves it alone."""
    condition = str(permission.get("condition") or "")
    named = _MATCHES.findall(condition)
    return not condition or (bool(named) and not any(covers(one, action) for one in named))


def judged(
    needed: Mapping[Right, Sequence[str]],
    roles: Mapping[str, Roles],
    at: Mapping[str, str],
    grants: Sequence[Grant],
    advice: Callable[[Right], str],
) -> tuple[Finding, ...]:
    """A finding for each scope on which all is allowed or nothing is known, and for each right that is missing.

    `needed` has what each right is for, `at` the scope that was asked for each right's own, `roles` the answers;
    `advice` says which role gives a right.
    """
    found: list[Finding] = []
    for scope, said in roles.items():
        mine = [right for right in needed if at[right.scope] == scope]
        if said.unread:
            what = f"whether {_sum(mine)} on {_name(scope)} is allowed is not known"
            found.append(Finding(CHECK, Standing.UNVERIFIED, what, said.unread, scope))
            continue
        verdicts = {right: allowed(right, said.permissions) for right in mine}
        if good := [right for right, verdict in verdicts.items() if verdict]:
            found.append(Finding(CHECK, Standing.PASS, f"{_sum(good)} on {_name(scope)}", BASIS, scope))
        alike: dict[tuple[Standing, str, str], list[Right]] = {}
        for right in (one for one in mine if not verdicts[one]):
            standing, why = _missing(right, grants, advice, sure=verdicts[right] is False)
            alike.setdefault((standing, why, _name(right.scope)), []).append(right)
        found += [
            Finding(CHECK, standing, f"{_sum(some)} on {where}, for {_listed(some, needed)}: {why}", BASIS, scope)
            for (standing, why, where), some in alike.items()
        ]
    return tuple(found)


def _missing(
    right: Right, grants: Sequence[Grant], advice: Callable[[Right], str], *, sure: bool
) -> tuple[Standing, str]:
    """Of a right that no role gives for certain: whether it is on its way, or hangs on what cannot be seen."""
    coming = [one for one in grants if _within(right.scope, one.scope) and one.gives.get(right) is not False]
    if ours := next((one for one in coming if one.ours and one.gives[right]), None):
        return Standing.PASS, f"on its way, as the plan assigns {ours.role} to the caller"
    if maybe := next((one for one in coming if one.ours is not False), None):
        doubt = "the caller is one of them" if maybe.ours is None else "that role gives it"
        return Standing.UNVERIFIED, f"the plan assigns {maybe.role} to {maybe.to}; whether {doubt} is not known"
    if not sure:
        return Standing.UNVERIFIED, "the roles give it under a condition, or Azure said nothing of data"
    role = advice(right)
    return Standing.FAIL, f"no role of the caller gives it{'; ' if role else ''}{role}"


def _sum(rights: Iterable[Right]) -> str:
    return ", ".join(sorted({right.short for right in rights}))


def _listed(rights: Iterable[Right], needed: Mapping[Right, Sequence[str]]) -> str:
    words = list(dict.fromkeys(what for right in rights for what in needed[right]))
    more = len(words) - _NAMED
    return f"{', '.join(words[:_NAMED])} and {more} more" if more > 1 else ", ".join(words)


def _name(scope: str) -> str:
    return scope.rstrip("/").rpartition("/")[2] if scope.count("/") > 2 else "the subscription"  # noqa: PLR2004  /subscriptions/ID
