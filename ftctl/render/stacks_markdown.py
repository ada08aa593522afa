"""Several plans as one comment: what there is to do in all of them, each that has something, the others by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftctl.core.changes import Plan
from ftctl.core.errors import Problem, Severity
from ftctl.render import review
from ftctl.render.look import counted
from ftctl.render.markdown import CUT, Part, code, explained, fitted, footer, plain, problem_list, size
from ftctl.render.outputs import plans_digest
from ftctl.render.stacks import Row, count_text, quiet, rows, sentence, spoken

_MARK = "<!-- ftctl:plan -->"
_LEAST = 1000  # bytes that a stack needs to say anything
_NAMED = 200


def stacks_markdown(plans: Sequence[Plan], problems: Sequence[Problem], most: int) -> str:
    """The comment. The room is for those with something to do; what does not fit is cut, and nobody can approve it."""
    shown, still, approval = spoken(plans), _still(plans), _approval(plans)
    left = most - size(f"{_MARK}\n\n{still}\n{approval}\n")
    told = [_MARK, fitted(list(_overall(plans, problems)), left // 2 if shown else left, ())]
    left -= size(told[-1]) + 1
    for number, plan in enumerate(shown):
        share = left // (len(shown) - number)
        if share < _LEAST:
            told.append(f"*{counted(len(shown) - number, 'more stack')} not shown here.* {CUT}")
            break
        told.append(explained(plan, share - 1, footer(plan, alone=False)))
        left -= size(told[-1]) + 1
    whole = not any(CUT in text for text in told)
    return "\n".join([*told, *filter(None, [still, approval if whole else ""])]).rstrip("\n")


def _overall(plans: Sequence[Plan], problems: Sequence[Problem]) -> Iterator[Part]:
    failed = any(problem.severity is Severity.ERROR for problem in problems)
    none = "Nothing could be planned." if failed else "No stack to plan."
    yield Part((f"### {plain(sentence(plans, review.LOOK)) if plans else none}",), ())
    if plans and not all(map(quiet, plans)):
        yield Part((), (plain(count_text(plans)),))
    if found := problem_list(problems):
        yield found
    if table := rows(plans, review.LOOK):
        yield Part(("| stack | plan | class | cost |", "| --- | --- | --- | --- |"), tuple(map(_row, table)))


def _row(row: Row) -> str:
    told = f"**{plain(row.told)}**" if row.grave else plain(row.told)
    return f"| {code(row.stack)} | {told} | {plain(row.change_class.value)} | {plain(row.cost)} |"


def _still(plans: Sequence[Plan]) -> str:
    """The stacks with nothing to do, folded."""
    names = [code(plan.home.stack) for plan in plans if quiet(plan)]
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    title = f"{counted(len(names), 'stack')} with nothing to do"
    return f"<details>\n<summary>{title}</summary>\n\n{', '.join(names[:_NAMED])}{more}\n\n</details>\n"


def _approval(plans: Sequence[Plan]) -> str:
    """How to approve them all at once: one of several plans is not approved by itself."""
    if not any(plan.applyable for plan in plans) or any(plan.fatal for plan in plans):
        return ""
    return (
        f"Exactly these, or nothing: <code>ftctl apply --expect {plans_digest(plans)}</code>, or the saved plan file."
    )
