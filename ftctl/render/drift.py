"""Drift as text and as JSON: what is no longer as it was applied, why that may be, and what an apply would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ftctl.core.changes import Change, Plan, Reason
from ftctl.core.drift import Drift
from ftctl.core.model import Address
from ftctl.render.json import change_json
from ftctl.render.look import Look, Style, clean, counted, padded
from ftctl.render.text import change_lines, listed
from ftctl.render.verbs import verb

Causes = Mapping[Address, str]
_BODY = " " * 8


def drift_text(plan: Plan, drift: Drift, causes: Causes, look: Look) -> str:
    """A headline and what has drifted, each with its likely cause; one sentence where nothing has."""
    stack = clean(plan.home.stack)
    if not drift.found:
        lines = look.wrap(f"{stack}: no drift. {_kept(plan, drift)}", "")
        return "\n".join([*lines, *_newer(drift, look)])
    if all(change.live is None for change in plan.changes):
        return "\n".join(
            look.wrap(f"{stack}: nothing of it is in Azure. It was never applied, or all of it is gone.", "")
        )
    one = len(drift.found) == 1
    words = "is not as it was applied" if one else "are not as they were applied"
    told = f"{counted(len(drift.found), 'thing')} {words}"
    lines = [look.paint(line, Style.BOLD) for line in look.wrap(f"{stack} in {clean(plan.home.group)}: {told}", "")]
    for change in _roots(drift.found):
        lines += ["", *_told(change, causes.get(change.address, ""), look)]
    return "\n".join([*lines, "", *_newer(drift, look), *look.wrap("`ftctl apply` makes it as declared again.", "")])


def drift_json(plan: Plan, drift: Drift, causes: Causes) -> dict[str, Any]:
    return {
        "stack": plan.home.stack,
        "subscription": plan.home.subscription,
        "resource_group": plan.home.group,
        "drifted": bool(drift.found),
        "drift": [
            change_json(change) | {"gone": _gone(change), "cause": causes.get(change.address) or None}
            for change in drift.found
        ],
        "spec_is_newer": [str(change.address) for change in drift.asked],
        "other": [str(change.address) for change in drift.other],
    }


def _roots(found: Sequence[Change]) -> Iterator[Change]:
    """What is not gone because of another thing: an account takes with it all that lives in it."""
    taken = {address for change in found if _gone(change) for address in change.affects}
    return (change for change in found if change.address not in taken)


def _kept(plan: Plan, drift: Drift) -> str:
    kept = len(plan.changes) - len(plan.pending)
    going = f", {counted(len(drift.other), 'thing')} on the way or blocked" if drift.other else ""
    return f"{counted(kept, 'thing')} in Azure {'is' if kept == 1 else 'are'} as declared{going}."


def _newer(drift: Drift, look: Look) -> list[str]:
    if not drift.asked:
        return []
    return look.wrap(f"The spec is newer than Azure: `ftctl plan` shows {counted(len(drift.asked), 'change')}.", "")


def _told(change: Change, cause: str, look: Look) -> Iterator[str]:
    if _gone(change):
        mark = "  " + padded("-", 4)
        lines = look.wrap(f"{change.address} is gone", mark, _BODY)
        yield lines[0].replace(str(change.address), look.paint(str(change.address), Style.RED), 1)
        yield from lines[1:]
        yield from look.wrap(f"an apply would {verb(change)} it again", _BODY)
        yield from look.wrap(listed(list(map(str, change.affects))), f"{_BODY}then: ") if change.affects else ()
    else:
        yield from change_lines(change, look)
    if cause:
        yield from look.wrap(cause, f"{_BODY}likely cause: ")


def _gone(change: Change) -> bool:
    return change.reason is not Reason.DRIFTED
