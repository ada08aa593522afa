"""`ftctl validate`: everything that can be checked without Azure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.changed import Touched
from ftctl.cli.streams import complain, emit, show
from ftctl.core.errors import Exit, FtctlError, Problem, Severity
from ftctl.guarding import check_policies, foretold
from ftctl.render.findings import document, github, problems_json, sarif
from ftctl.render.look import counted

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack


@click.command(name="validate")
@options.paths
@options.selection
@options.policies
@options.changed_since
@options.output("text", "json", "sarif", "github")
def command(
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    changed_since: str | None,
    output: str,
    policies: tuple[Path, ...],
) -> int:
    """Check specs and training data, offline: every problem at once.

    PATH is a stack's file or a folder of them, specs/ if left out. Warnings
    leave the exit code 0; `ftctl data lint` shows more of them. Policies that
    need no plan are held against what is declared.
    """
    stacks: list[Stack] = []
    problems: tuple[Problem, ...] = ()
    code = Exit.DONE
    touched = Touched(
        replace(options.request(paths, environment, variables, policies=policies), changed_since=changed_since)
    )
    broken: list[Problem] = []
    try:
        stacks = workflow.load(touched.request, touched)
        check_policies(stacks, touched.request)
        broken = [problem for stack in stacks for problem in foretold(stack, touched.request)]
        if wrong := [problem for problem in broken if problem.severity is Severity.ERROR]:
            code = FtctlError.all(wrong).exit
    except FtctlError as error:
        problems, code = error.problems, error.exit
    doubts = (warning for stack in stacks for warning in stack.warnings)
    problems = (*problems, *broken, *touched.gone, *doubts)
    problems = tuple(sorted(problems, key=lambda problem: problem.severity is Severity.WARNING))
    stacks = stacks if code is Exit.DONE else []
    if output == "text":
        if changed_since is not None and not stacks and code is Exit.DONE:
            show(f"No stack is touched by what changed since {changed_since}.")
        _tell_valid(stacks)
        complain(problems)
    else:
        _for_machines(output, stacks, problems, valid=code is Exit.DONE)
    return code


def _tell_valid(stacks: list[Stack]) -> None:
    for stack in stacks:
        examples = sum(resource.prepared.get("examples", 0) for resource in stack.resources)
        data = f", {counted(examples, 'training example')}" if examples else ""
        show(f"{stack.path}: valid. Stack {stack.name}, {counted(len(stack.resources), 'declaration')}{data}.")


def _for_machines(output: str, stacks: list[Stack], problems: tuple[Problem, ...], *, valid: bool) -> None:
    match output:
        case "sarif":
            emit(sarif(problems))
        case "github":
            if problems:
                emit(github(problems))
        case _:
            names = [stack.name for stack in stacks]
            emit(document(valid=valid, stacks=names, problems=problems_json(problems)))
