"""`ftctl lineage`: where what serves comes from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl import workflow
from ftctl.cli import options, revisions
from ftctl.cli.session import Session, session
from ftctl.cli.streams import emit, errors_as, look, show, tell
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.core.suggest import did_you_mean

if TYPE_CHECKING:
    from ftctl.results.lineage import Data, Job, Lineage
    from ftctl.spec.stack import Stack


@click.command(name="lineage")
@click.argument("deployments", nargs=-1, metavar="[DEPLOYMENT]...")
@options.files
@options.selection
@options.output("text", "json", "markdown")
@options.tracing
def command(
    deployments: tuple[str, ...],
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    output: str,
    trace: str | None,
) -> int:
    """Show where what a DEPLOYMENT serves comes from; change nothing.

    Model, checkpoint, job, recipe, data by its hashes, base model, and what
    wrote the deployment last: git revision, plan, and who approved it. All
    that the stacks declare, if none is named. Markdown is a model card.
    """
    names = tuple(dict.fromkeys(name.removeprefix("deployment/") for name in deployments))
    found: list[Lineage] = []
    with errors_as(output), session(options.request(paths, environment, variables), trace) as opened:

        def one(stack: Stack) -> Exit:
            lineages = workflow.lineage(stack, opened.clients(stack), names, clock=opened.clock)
            found.extend(_dated(stack, lineage) for lineage in lineages)
            return Exit.DONE

        code = opened.each(one)
        found = _once(found)
        if code is Exit.DONE:
            _look_for(opened, names, {lineage.name for lineage in found})
        _print(found, opened, output)
    return code


def _once(found: list[Lineage]) -> list[Lineage]:
    """Each deployment once, as the stack sees it that declares it: accounts may be shared."""
    first = {one.id: one for one in sorted(found, key=lambda one: one.declared)}
    return [one for one in found if one is first[one.id]]


def _look_for(opened: Session, names: tuple[str, ...], known: set[str]) -> None:
    """What was named has to be there; what is only declared is told beside the rest."""
    addresses = [one.address for stack in opened.stacks for one in stack.resources if one.address.kind == "deployment"]
    declared = [address.name for address in addresses]
    for name in (name for name in names or declared if name not in known):
        if not names:
            tell(f"deployment/{name} is declared, but not in Azure.")
        elif name in declared:
            raise FtctlError(Problem("FT6005", f"deployment/{name} is declared, but not in Azure"))
        else:
            fix = f"{did_you_mean(name, declared)} Declared: {', '.join(declared) or 'none'}.".strip()
            raise FtctlError(Problem("FT6004", f"no stack declares deployment/{name}, and no account has it", fix=fix))


def _print(found: list[Lineage], opened: Session, output: str) -> None:
    from ftctl.render.lineage import lineage_json, lineage_text  # noqa: PLC0415  help needs none

    match output:
        case "json":
            emit(lineage_json(found, opened.problems))
        case "markdown":
            from ftctl.render.model_card import model_cards  # noqa: PLC0415  for this form only

            emit(model_cards(found))
        case _:
            show("\n\n".join(lineage_text(one, look(sys.stdout)) for one in found))


# --- what git knows of the data


def _dated(stack: Stack, found: Lineage) -> Lineage:
    """With the commits that have the data's content, where git knows them."""
    from msgspec.structs import replace  # noqa: PLC0415  help needs none

    local = {one.prepared["shown"]: one.prepared for one in stack.resources if "shown" in one.prepared}

    def dated(data: Data) -> Data:
        facts = local.get(data.path)
        if not facts or not data.sha256:
            return replace(data, path="")
        commit = revisions.commit_of(Path(facts["path"]), data.sha256)
        there = commit or facts["sha256"] == data.sha256
        return replace(data, revision=commit, path=data.path if there else "")

    def followed(job: Job | None) -> Job | None:
        return job and replace(job, data=[dated(data) for data in job.data], went_on_from=followed(job.went_on_from))

    return replace(found, job=followed(found.job))
