"""The guards of a plan that is to be carried out, brought together: limits, what serves, and policies."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ftctl.core.errors import FtctlError, Problem
from ftctl.request import Request

if TYPE_CHECKING:
    from ftctl.core.changes import Observed, Plan
    from ftctl.policies.rules import Rule
    from ftctl.spec.stack import Stack


def guarded(made: Plan, stack: Stack, observed: Observed, asked: Request, rules: Sequence[Rule]) -> Plan:
    """The plan with what stops it although it could be done: its size, what it would take away, and policies."""
    from ftctl.core.limits import stopped  # noqa: PLC0415  help needs none
    from ftctl.kinds import kinds  # noqa: PLC0415  the same

    lives, limits = observed.lives, stack.limits
    found = stopped(made, lives, kinds(), limits, allowed=asked.allow, max_deletes=asked.max_deletes)
    places = {str(resource.address): resource.where for resource in stack.resources}
    told = (replace(one, where=one.where or places.get(one.subject, stack.where)) for one in found)
    made = replace(made, problems=(*made.problems, *told))
    if not rules:
        return made
    from ftctl.policies.judgement import judged  # noqa: PLC0415  only where there are policies

    return replace(made, problems=(*made.problems, *judged(made, stack, rules)))


def policies(stack: Stack, asked: Request) -> tuple[Rule, ...]:
    """The rules that a stack's plans are held against."""
    return _rules(_folders(stack, asked))


def check_policies(stacks: Iterable[Stack], asked: Request) -> None:
    """Raise all that is wrong with the rules of any of the stacks, each thing once."""
    problems: dict[Problem, None] = {}
    for folders in dict.fromkeys(_folders(stack, asked) for stack in stacks):
        try:
            _rules(folders)
        except FtctlError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise FtctlError.all(problems)


def _folders(stack: Stack, asked: Request) -> tuple[Path, ...]:
    """Where rules stand: beside the stack's file, and where the environment and the command say."""
    beside = stack.path.parent / "policies"
    named = (Path(text) for text in os.environ.get("FTCTL_POLICIES", "").split(os.pathsep) if text)
    return *([beside] if beside.is_dir() else ()), *named, *asked.policies


def _rules(folders: tuple[Path, ...]) -> tuple[Rule, ...]:
    if not folders:
        return ()
    from ftctl.policies.rules import load as load_rules  # noqa: PLC0415  only where there are policies

    return load_rules(folders)


def foretold(stack: Stack, asked: Request) -> list[Problem]:
    """What breaks those policies that need no plan; offline."""
    if not (rules := policies(stack, asked)):
        return []
    from ftctl.policies.judgement import foretold as judged  # noqa: PLC0415  only where there are policies

    return judged(stack, rules)
