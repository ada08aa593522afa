"""Saved plans: what was asked for, the plan for people, and the digest that an apply of it is bound to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ftctl import __version__
from ftctl.core.changes import Plan
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Address
from ftctl.render.findings import FORMAT_VERSION, document
from ftctl.render.json import plan_json
from ftctl.render.revive import revived
from ftctl.request import Request

_KIND = "ftctl-plan"


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a plan file says: ask for this again, and go on only if every stack's digest is the same.

    `costs` are the high ends of what its reviewers were shown, by stack; None where that was nothing or unknown.
    `plans` are what they saw, to say what has moved since. `secret` names the variables to be given again.
    """

    request: Request
    digests: Mapping[str, str]
    costs: Mapping[str, float | None] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    secret: frozenset[str] = frozenset()


def save_plan(path: Path, plans: Sequence[Plan], request: Request, now: datetime, lifetime: float) -> None:
    """Write a plan file that is good for `lifetime` seconds.

    It has the values of `--var` that are no secrets, nothing of the environment's, and no secret of Azure's.
    """
    secret = frozenset().union(*(plan.secret for plan in plans))
    asked = {
        "paths": [str(path) for path in request.paths],
        "environment": request.environment,
        "variables": {name: text for name, text in request.variables.items() if name not in secret},
        "secret_variables": sorted(secret & request.variables.keys()),
        "adopt": [str(address) for address in request.adopt],
        "retry": [str(address) for address in request.retry],
        "max_cost": request.max_cost,
        "max_deletes": request.max_deletes,
        "allow": list(request.allow),
        "policies": [str(path) for path in request.policies],
        "stacks": None if request.only is None else list(request.only),
    }
    times = {"created_at": _time(now), "expires_at": _time(now + timedelta(seconds=lifetime))}
    text = document(kind=_KIND, **times, request=asked, plans=[plan_json(plan) for plan in plans])
    path.write_text(text + "\n", encoding="utf-8")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def read_plan(path: Path, now: datetime) -> SavedPlan:
    """Read what `save_plan` wrote, to apply it.

    Raises FT3102 for anything else, FT3111 where its time is over, FT3112 where it was applied.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        asked = content["request"]
        if content["kind"] != _KIND or content["ftctl_version"] != __version__:
            raise _damaged(path)
        request = Request(
            paths=tuple(Path(text) for text in asked["paths"]),
            environment=asked["environment"],
            variables=dict(asked["variables"]),
            adopt=_addresses(asked["adopt"]),
            retry=_addresses(asked["retry"]),
            max_cost=None if asked["max_cost"] is None else float(asked["max_cost"]),
            max_deletes=None if asked["max_deletes"] is None else int(asked["max_deletes"]),
            allow=tuple(map(str, asked["allow"])),
            policies=tuple(map(Path, asked["policies"])),
            only=None if asked["stacks"] is None else tuple(map(str, asked["stacks"])),
        )
        plans = content["plans"]
        costs = {plan["stack"]: (plan["estimate"]["cost"] or {}).get("high") for plan in plans}
        until = datetime.fromisoformat(content["expires_at"])
        used = content.get("used_at")
        secret = frozenset(map(str, asked["secret_variables"]))
        seen = {plan["stack"]: revived(plan) for plan in plans}
        saved = SavedPlan(request, {plan["stack"]: plan["digest"] for plan in plans}, costs, seen, secret)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _damaged(path) from None
    if used:
        raise _used(f"{path} was applied at {used}")
    if now > until:
        raise FtctlError(Problem("FT3111", f"{path} was good until {until:%Y-%m-%d %H:%M} UTC"))
    return saved


def use_plan(path: Path, now: datetime) -> bool:
    """Mark a plan file as applied, before anything is done; False where that cannot be written.

    Of two that try at once one succeeds: the new content is written beside it, in a file that only one can create, and
    takes its place whole. Raises FT3112 for the other.
    """
    path = path.resolve()
    beside = path.with_name(f"{path.name}.applying")
    try:
        with beside.open("x", encoding="utf-8") as file:
            content = json.loads(path.read_text(encoding="utf-8"))
            used = content.get("used_at")
            json.dump({**content, "used_at": used or _time(now)}, file, indent=2, ensure_ascii=False)
            file.write("\n")
        shutil.copymode(path, beside)
        beside.replace(path)
    except FileExistsError:
        what = f"{path.name} is being applied, or an apply of it was killed just as it began ({beside.name} is there)"
        raise _used(what) from None
    except OSError:
        with suppress(OSError):
            beside.unlink()
        return False
    if used:
        raise _used(f"{path.name} was applied at {used}")
    return True


def shown_plans(path: Path) -> list[Plan]:
    """The plans in a plan file, to look at. Raises FT3102 for anything else, FT3110 where it was altered."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["kind"] != _KIND or content["format_version"].partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
            raise _damaged(path)
        plans = [revived(plan) for plan in content["plans"]]
        digests = [plan["digest"] for plan in content["plans"]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _damaged(path) from None
    if changed := [plan.home.stack for plan, digest in zip(plans, digests, strict=True) if plan.digest() != digest]:
        raise FtctlError.all(
            Problem("FT3110", f"{path} does not show what was planned", subject=one) for one in changed
        )
    return plans


def _addresses(texts: Sequence[Any]) -> tuple[Address, ...]:
    return tuple(Address.parse(text) for text in texts)


def _used(what: str) -> FtctlError:
    return FtctlError(Problem("FT3112", what))


def _damaged(path: Path) -> FtctlError:
    if not path.exists():
        why = "Nothing is there to read."
        return FtctlError(Problem("FT3102", f"there is no plan file {path}", why=why, fix="Correct the path."))
    return FtctlError(Problem("FT3102", f"{path} is no plan file that this version of ftctl wrote"))
