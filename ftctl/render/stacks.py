"""Several plans told as one: a sentence over all, a row for each stack with something to do, the others by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ftctl.core.changes import Plan
from ftctl.core.errors import Severity
from ftctl.core.estimate import total
from ftctl.core.model import ChangeClass
from ftctl.render.estimate import total_text
from ftctl.render.headline import GRAVE, gravest
from ftctl.render.look import Look, Style, clean, counted, padded, width_of
from ftctl.render.verbs import summary

_NAMED = 3
_LONGEST = 40  # of a stack's name with its columns beside it
_NOTHING = "nothing to do"


@dataclass(frozen=True, slots=True)
class Row:
    """One stack of which there is something to say."""

    stack: str
    told: str
    change_class: ChangeClass
    cost: str
    fatal: bool

    @property
    def grave(self) -> bool:
        return self.fatal or self.change_class in GRAVE


def quiet(plan: Plan) -> bool:
    """Whether there is nothing to do and nothing wrong: among others, its name is enough."""
    return plan.empty and not plan.problems


def spoken(plans: Iterable[Plan]) -> list[Plan]:
    return [plan for plan in plans if not quiet(plan)]


def sentence(plans: Sequence[Plan], look: Look) -> str:
    """The first sentence, in the words of a single plan's."""
    if all(plan.empty for plan in plans):
        return f"Nothing to do in {counted(len(plans), 'stack')}."
    cost = total(change.estimate for plan in plans for change in plan.trainings)
    return summary((change for plan in plans for change in plan.changes), total_text(cost, look))


def count_text(plans: Sequence[Plan], unplanned: int = 0) -> str:
    """`2 of 50 stacks change, 47 have nothing to do, 1 could not be planned.`"""
    all_ = len(plans) + unplanned
    changing, still = sum(not plan.empty for plan in plans), sum(map(quiet, plans))
    parts = [f"{changing} of {counted(all_, 'stack')} {'changes' if changing == 1 else 'change'}"]
    parts += [f"{still} {'has' if still == 1 else 'have'} {_NOTHING}"] if still else []
    doubtful = len(plans) - changing - still
    parts += [f"{doubtful} cannot be compared in full"] if doubtful else []
    parts += [f"{unplanned} could not be planned"] if unplanned else []
    return f"{', '.join(parts)}."


def rows(plans: Iterable[Plan], look: Look) -> list[Row]:
    return [_row(plan, look) for plan in spoken(plans)]


def _row(plan: Plan, look: Look) -> Row:
    numbers = summary(plan.changes).removeprefix("Plan: ").removesuffix(".").split(", ")
    parts = [number for number in numbers if not number.startswith("0 ")]
    wrong = sum(problem.severity is Severity.ERROR for problem in plan.problems)
    parts += [counted(wrong, "problem")] if wrong else []
    cost = total_text(plan.estimate(), look)
    return Row(plan.home.stack, ", ".join(parts) or _NOTHING, gravest(plan), cost, bool(plan.fatal))


def still_text(plans: Iterable[Plan], most: int = _NAMED) -> str:
    """`Nothing to do: a, b, c and 45 more.`; empty where each has something to do."""
    names = [clean(plan.home.stack) for plan in plans if quiet(plan)]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"Nothing to do: {', '.join(names[:most])}{more}." if names else ""


def stacks_text(plans: Sequence[Plan], look: Look, unplanned: Collection[str] = ()) -> str:
    """What a terminal shows before the plans themselves."""
    lines = [look.paint(line, Style.BOLD) for line in look.wrap(sentence(plans, look), "")]
    if unplanned or not all(map(quiet, plans)):
        lines += look.wrap(count_text(plans, len(unplanned)), "")
    if table := rows(plans, look):
        lines += ["", *_table(table, look)]
    lines += ["", *look.wrap(still, "")] if (still := still_text(plans)) else []
    lines += ["", *look.wrap(f"Not planned: {', '.join(map(clean, unplanned))}.", "")] if unplanned else []
    return "\n".join(lines)


def _table(table: Sequence[Row], look: Look) -> list[str]:
    names = max((width_of(clean(row.stack)) for row in table if width_of(row.stack) <= _LONGEST), default=0) + 2
    kinds = max(len(_class(row)) for row in table) + 2
    lines = []
    for row in table:
        told = f"{row.told} ({row.cost})" if row.cost else row.told
        head = f"  {padded(clean(row.stack), names)}{padded(_class(row), kinds)}"
        first, *rest = look.wrap(told, head)
        lines += [look.paint(first, Style.RED) if row.grave else first, *rest]
    return lines


def _class(row: Row) -> str:
    return "blocked" if row.fatal else row.change_class.value
