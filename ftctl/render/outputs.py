"""What the steps of a pipeline ask of a plan, a `name=value` a line: `$GITHUB_OUTPUT` and dotenv files take them."""

from __future__ import annotations

from collections.abc import Sequence

from ftctl.core.changes import Plan
from ftctl.core.errors import Exit
from ftctl.core.model import ChangeClass
from ftctl.render.headline import gravest

LABEL = "ftctl:"


def step_outputs(plans: Sequence[Plan], code: Exit, shown: str | None = None) -> str:
    """No value has a line break or anything that a shell would obey: numbers, fixed words and hashes.

    `cost` is the most that all trainings may cost in US dollars; empty where that is not known of one of them.
    `shown` is the comment that was made of the plans: if that had to be cut, there is no digest to approve.
    """
    order = list(ChangeClass)
    worst = max((gravest(plan) for plan in plans), key=order.index, default=ChangeClass.NONE)
    told = {
        "has_changes": str(any(not plan.empty for plan in plans)).lower(),
        "applyable": str(any(plan.applyable for plan in plans)).lower(),
        "class": worst.value.replace(" ", "-"),
        "digest": plans_digest(plans) if shown is None or _whole(shown, plans) else "",
        "cost": _cost(plans),
        "labels": ",".join(labels(plans)),
        "exit_code": str(int(code)),
    }
    return "".join(f"{name}={value}\n" for name, value in told.items())


def plans_digest(plans: Sequence[Plan]) -> str:
    """What an approval is bound to, as `apply --expect` takes it: the digest of each plan with something to do."""
    return ",".join(sorted(plan.digest() for plan in plans if not plan.empty))


def labels(plans: Sequence[Plan]) -> list[str]:
    """One for each class of change, the gravest first: a fixed vocabulary for the labels of a pull request."""
    classes = {change.change_class for plan in plans for change in plan.pending} - {ChangeClass.NONE}
    if plans and all(plan.empty for plan in plans):
        classes = {ChangeClass.NONE}
    return [LABEL + one.value.replace(" ", "-") for one in reversed(ChangeClass) if one in classes]


def _whole(shown: str, plans: Sequence[Plan]) -> bool:
    """Whether a comment has the digest of each plan with something to do, which one that was cut has not."""
    return all(plan.digest() in shown for plan in plans if not plan.empty)


def _cost(plans: Sequence[Plan]) -> str:
    totals = [plan.estimate() for plan in plans]
    if any(one.unknown for one in totals):
        return ""
    return f"{sum(one.cost.high for one in totals if one.cost):.6f}"
