"""Where results come from: the job in Azure with its file, events and checkpoints, or a saved results.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftctl import workflow
from ftctl.cli.found import declared, existing, looking, newest, sweep
from ftctl.cli.session import Session, session
from ftctl.cli.streams import tell
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Live
from ftctl.core.suggest import did_you_mean
from ftctl.request import Request
from ftctl.results.job import Job, checkpoints_of, job_of, told_bill, told_file
from ftctl.results.run import Run, run_of
from ftctl.results.table import Table, of_events, read

if TYPE_CHECKING:
    from ftctl.cli.found import Look
    from ftctl.clients import Clients
    from ftctl.clients.dataplane import DataPlane
    from ftctl.spec.stack import Stack

_ID = "ftjob-"
_NOTHING = {"FT6005", "FT6101", "FT6102"}  # not there, nothing yet, nothing ever
_DATA = {"training", "validation"}


def from_file(path: Path) -> Run:
    """The results that a file has; nothing is known of its job."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FtctlError(
            Problem("FT6106", f"{path} cannot be read: {error.strerror or type(error).__name__}")
        ) from None
    try:
        table = read(content)
    except FtctlError as error:
        raise FtctlError.all(problem.about(path) for problem in error.problems) from None
    return run_of(path.name, table, source=str(path))


def from_azure(request: Request, names: Sequence[str], trace: str | None) -> list[Run]:
    """The results of trainings by their names in the stacks, or by their ids."""
    with session(request, trace) as opened:
        look = looking(opened)
        return [run for name in names for run in _runs(opened, name, look)]


def _runs(opened: Session, name: str, look: Look) -> list[Run]:
    """One training, or all of a sweep that have measured something."""
    stack, jobs = sweep(opened.stacks, name)
    if stack is None:
        return [by_name(opened, name, look)]
    made = workflow.plan(stack, opened.clients(stack), clock=opened.clock)
    found = {change.address: change for change in made.changes}
    chosen = {change.live.outputs.get("picked") for change in made.changes if change.kind == "pick" and change.live}
    runs: list[Run] = []
    for job in jobs:
        try:
            live = existing(found[job].live, job)
            run = _results(opened.clients(stack), live, job.name)
            runs.append(replace(run, picked=str(job) in chosen))
        except FtctlError as error:
            if error.problems[0].code not in _NOTHING:
                raise
            tell(f"{job}: {error.problems[0].what}.")
    if not runs:
        raise FtctlError(Problem("FT6101", f"no job of the sweep job/{name} has measured anything yet"))
    return runs


def by_name(opened: Session, name: str, look: Look | None = None) -> Run:
    """The results of the newest training of a declared job, or of the one with an id."""
    look = look or looking(opened)
    if name.startswith(_ID):
        stack, live = _by_id(opened, name, look)
        title = name
    else:
        stack, resource = declared(opened.stacks, "job", name)
        live = newest(opened, stack, resource, look)
        title = resource.address.name
    return _results(opened.clients(stack), live, title)


def _by_id(opened: Session, name: str, look: Look) -> tuple[Stack, Live]:
    """A training of any of the stacks' accounts, whosever it is."""
    seen: list[str] = []
    for stack in opened.stacks:
        for live in look(stack):
            if live.kind == "job" and live.id == name:
                return stack, live
            seen += [live.id] if live.kind == "job" else []
    fix = f"{did_you_mean(name, seen)} {_of_stacks(opened)}".strip()
    raise FtctlError(Problem("FT6104", f"there is no training {name} in the accounts of the loaded stacks", fix=fix))


def _of_stacks(opened: Session) -> str:
    return f"Loaded: {', '.join(stack.name for stack in opened.stacks) or 'none'}."


def _results(clients: Clients, live: Live, title: str) -> Run:
    """Everything that Azure tells of a training; its data shown by the hashes that observing found."""
    data = clients.data(live.outputs["endpoint"])
    job = job_of(data.get_job(live.id) or live.raw)
    recipe = {name: live.fields.get(name, value) if name in _DATA else value for name, value in job.recipe.items()}
    job = replace(job, recipe=recipe)
    file = job.result_files[0] if job.result_files else ""
    known = file and (job.tokens is not None or not job.ended)
    events = [] if known else data.events_since(job.id)
    tokens, hours = told_bill(events)
    job = replace(job, tokens=tokens if job.tokens is None else job.tokens, hours=hours)
    table = _table(data, job, file or told_file(events), events)
    return run_of(title, table, job, checkpoints_of(data.checkpoints(job.id)))


def _table(data: DataPlane, job: Job, file: str, events: list[dict[str, Any]]) -> Table:
    """results.csv, or where it is gone what the events tell."""
    if file and data.get_file(file) is not None:
        content = b"".join(data.file_content(file))
        if content.strip():
            table = read(content, growing=not job.ended)
            if table.steps:
                return table
    table = of_events(events or data.events_since(job.id))
    if table.steps:
        return table
    if job.ended:
        raise FtctlError(Problem("FT6102", f"{job.id} {job.status} and left no results", why=job.error))
    raise FtctlError(Problem("FT6101", f"{job.id} is {job.status} and has measured nothing yet"))
