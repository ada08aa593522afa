"""Drift as Markdown for one issue: the sentence that says what has drifted, then all of it, letter for letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ftctl.core.changes import Plan
from ftctl.core.drift import Drift
from ftctl.core.errors import Problem
from ftctl.render import review
from ftctl.render.drift import Causes, drift_text
from ftctl.render.markdown import MOST, Part, cut, fenced, plain, problem_list

MARK = "<!-- ftctl:drift -->"


def drifts_markdown(found: Sequence[tuple[Plan, Drift, Causes]], problems: Sequence[Problem]) -> str:
    """One issue's text, with a hidden mark by which the next look finds it. What does not fit is cut, and says so."""
    parts = [MARK, ""]
    left = MOST - len(MARK) - 2
    wrong = problem_list([*problems, *(problem for plan, *_ in found for problem in plan.problems)])
    for part in filter(None, [wrong, *(_told(*one) for one in found)]):
        parts.append(cut(part, left))
        left -= len(parts[-1].encode()) + 1
    return "\n".join(parts).rstrip("\n")


def _told(plan: Plan, drift: Drift, causes: Causes) -> Part:
    first, *rest = drift_text(plan, drift, causes, review.LOOK).split("\n")
    body = fenced("\n".join(rest).strip("\n"))
    return replace(body, head=(f"### {plain(first)}", "", *body.head)) if rest else Part((f"### {plain(first)}",), ())
