"""`ftctl validate`: everything that can be checked without Azure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl import workflow
from ftctl.cli import options
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
@options.output("text", "json", "sarif", "github")
def command(
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
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
    request = options.request(paths, environment, variables, policies=policies)
    broken: list[Problem] = []
    try:
        stacks = workflow.load(request)
        check_policies(stacks, request)
        broken = [problem for stack in stacks for problem in foretold(stack, request)]
        if wrong := [problem for problem in broken if problem.severity is Severity.ERROR]:
            code = FtctlError.all(wrong).exit
    except FtctlError as error:
        problems, code = error.problems, error.exit
    problems = (*problems, *broken, *(warning for stack in stacks for warning in stack.warnings))
    problems = tuple(sorted(problems, key=lambda problem: problem.severity is Severity.WARNING))
    stacks = stacks if code is Exit.DONE else []
    if output == "text":
        _tell_valid(stacks)
        complain(problems)
    else:
        _for_machines(output, stacks, problems)
    return code


def _tell_valid(stacks: list[Stack]) -> None:
    for stack in stacks:
        examples = sum(resource.prepared.get("examples", 0) for resource in stack.resources)
        data = f", {counted(examples, 'training example')}" if examples else ""
        show(f"{stack.path}: valid. Stack {stack.name}, {counted(len(stack.resources), 'declaration')}{data}.")


def _for_machines(output: str, stacks: list[Stack], problems: tuple[Problem, ...]) -> None:
    match output:
        case "sarif":
            emit(sarif(problems))
        case "github":
            if problems:
                emit(github(problems))
        case _:
            names = [stack.name for stack in stacks]
            emit(document(valid=bool(stacks), stacks=names, problems=problems_json(problems)))
