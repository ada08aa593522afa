"""What a reviewer reads of a plan, in the order of reading, before it becomes Markdown or HTML."""

from __future__ import annotations

from collections.abc import Iterator

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.diff import FieldChange
from ftctl.core.graph import Graph, graph_by
from ftctl.core.model import Address, ChangeClass
from ftctl.render.estimate import estimate_rows, total_text
from ftctl.render.headline import GRAVE
from ftctl.render.look import Look, clean
from ftctl.render.text import SYMBOLS
from ftctl.render.values import pair, shortened
from ftctl.render.verbs import Verb, verb

LOOK = Look(width=100)
_GONE = {Action.DELETE, Action.REPLACE}
_DONE = {Verb.DELETE: "is deleted", Verb.REPLACE: "is replaced", Verb.CANCEL: "is cancelled"}


def symbol(change: Change) -> str:
    return SYMBOLS[verb(change)][0]


def name_of(change: Change) -> str:
    """The name in Azure, where it says more than the address."""
    name = change.name or (change.live.name if change.live else "")
    return shortened(clean(name), LOOK) if name != change.address.name else ""


def grave(plan: Plan) -> list[Change]:
    """What is destroyed, interrupts what serves, or cannot be undone."""
    return [change for change in plan.pending if change.action in _GONE or change.change_class in GRAVE]


def harm(change: Change) -> str:
    """What is so grave about it: `is replaced`, `is deleted, irreversible`."""
    word = _DONE.get(verb(change), f"{verb(change)}")
    return f"{word}, {change.change_class}" if change.change_class in GRAVE else word


def class_of(change: Change) -> str:
    return "" if change.change_class is ChangeClass.NONE else change.change_class.value


def reason(change: Change) -> str:
    return f"{change.reason} ({change.problem.code})" if change.problem else change.reason.value


def movement(field: FieldChange) -> tuple[str, str, str]:
    """A field with what it is and what it would be, short."""
    before, after = pair(field.before, field.after, LOOK)
    return field.path, before, after


def drifted(plan: Plan) -> list[Change]:
    return [change for change in plan.changes if change.reason is Reason.DRIFTED]


def data_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    """What changes in the data: counts, never a row."""
    for change in plan.pending:
        if change.kind == "dataset" and change.action is Action.CREATE:
            yield from ((str(change.address), line) for line in change.because)


def costs(plan: Plan) -> Iterator[tuple[str, str]]:
    """Each training's cost and time, and the sum where there are several."""
    trainings = plan.trainings
    for change in trainings:
        if change.estimate is None:
            yield str(change.address), "unknown"
            continue
        for label, text in estimate_rows(change.estimate, LOOK):
            yield str(change.address), text if label == "cost" else f"{label} {text}"
    if len(trainings) > 1:
        yield "all trainings", total_text(plan.estimate(), LOOK)


def gates(plan: Plan) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each gate with how it stands and what it says."""
    for change in plan.changes:
        if change.kind == "gate":
            live = change.live.outputs.get("told", ()) if change.live else ()
            standing = {Action.NOOP: "passed", Action.BLOCKED: "refused"}.get(change.action, "not judged yet")
            yield str(change.address), standing, tuple(change.because or live)


def graph(plan: Plan) -> tuple[Graph, dict[Address, tuple[str, str]]]:
    """What needs what, with what happens to each."""
    addresses = {change.address for change in plan.changes}
    needs = {change.address: tuple(one for one in change.needs if one in addresses) for change in plan.changes}
    heavy = {change.address for change in grave(plan)}
    marks = {
        change.address: ("as declared", "")
        if change.action is Action.NOOP
        else (verb(change).value, "grave" if change.address in heavy else "change")
        for change in plan.changes
    }
    return graph_by(plan.home.stack, needs), marks
