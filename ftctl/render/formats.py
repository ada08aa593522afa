"""Every form that plans can be shown in, by the name that `-o` takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ftctl.core.changes import Plan
from ftctl.core.errors import Problem

Render = Callable[[Sequence[Plan], Sequence[Problem]], str]


def formatted(output: str, plans: Sequence[Plan], problems: Sequence[Problem] = (), *, together: bool = False) -> str:
    """Plans in one form, with the problems that are no plan's own. Text is the terminal's, and not made here.

    `together` says that one plan is one of several too: how many there are differs from run to run, and the comment
    that the next run replaces has to be known by the same mark.
    """
    if together and output == "markdown":
        from ftctl.render.markdown import MOST  # noqa: PLC0415  each form costs its import
        from ftctl.render.stacks_markdown import stacks_markdown  # noqa: PLC0415  the same

        return stacks_markdown(plans, problems, MOST)
    return _FORMS[output](plans, problems)


def _json(plans: Sequence[Plan], problems: Sequence[Problem]) -> str:
    from ftctl.render.findings import document, problems_json  # noqa: PLC0415  each form costs its import
    from ftctl.render.json import plan_json  # noqa: PLC0415  the same

    return document(plans=[plan_json(plan) for plan in plans], problems=problems_json(problems))


def _markdown(plans: Sequence[Plan], problems: Sequence[Problem]) -> str:
    from ftctl.render.markdown import plans_markdown  # noqa: PLC0415  each form costs its import

    return plans_markdown(plans, problems)


def _html(plans: Sequence[Plan], problems: Sequence[Problem]) -> str:
    from ftctl.render.plan_html import plans_html  # noqa: PLC0415  each form costs its import

    return plans_html(plans, problems).rstrip("\n")


def _terraform(plans: Sequence[Plan], _problems: Sequence[Problem]) -> str:
    from ftctl.render.terraform import plans_terraform  # noqa: PLC0415  each form costs its import

    return plans_terraform(plans)


def _sarif(plans: Sequence[Plan], problems: Sequence[Problem]) -> str:
    from ftctl.render.findings import sarif  # noqa: PLC0415  each form costs its import

    return sarif(_all(plans, problems))


def _github(plans: Sequence[Plan], problems: Sequence[Problem]) -> str:
    from ftctl.render.findings import github  # noqa: PLC0415  each form costs its import

    return github(_all(plans, problems))


def _all(plans: Sequence[Plan], problems: Sequence[Problem]) -> list[Problem]:
    return [*problems, *(problem.about(plan.home.stack) for plan in plans for problem in plan.problems)]


_FORMS: dict[str, Render] = {
    "json": _json,
    "markdown": _markdown,
    "html": _html,
    "terraform-json": _terraform,
    "sarif": _sarif,
    "github": _github,
}
FORMATS = ("text", *_FORMS)
