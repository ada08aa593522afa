"""What a plan leads with in every format: the contract sentence, where it is, and what it means by class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.errors import Severity
from ftctl.core.model import ChangeClass, Mode
from ftctl.render.estimate import total_text
from ftctl.render.look import Look, clean, counted
from ftctl.render.verbs import classes, summary

_CLASSES = {  # gravest first
    ChangeClass.IRREVERSIBLE: ("is irreversible", "are irreversible"),
    ChangeClass.INTERRUPTS: ("interrupts serving", "interrupt serving"),
    ChangeClass.TRAIN: ("trains (money and hours)", "train (money and hours)"),
    ChangeClass.REPOINT: ("re-points what serves", "re-point what serves"),
    ChangeClass.IN_PLACE: ("changes in place", "change in place"),
    ChangeClass.NEW: ("is new", "are new"),
    ChangeClass.METADATA: ("touches metadata only", "touch metadata only"),
}
GRAVE = {ChangeClass.IRREVERSIBLE, ChangeClass.INTERRUPTS}
_NOTHING = {
    Mode.DESTROY: "destroy. It owns nothing in {group}.",
    Mode.ADOPT: "adopt.",
    Mode.ROLLBACK: "put back.",
}
_TOLD = {Action.BLOCKED, Action.JUDGE}


def headline(plan: Plan, look: Look) -> str:
    """The first sentence of a plan: `Plan: 1 to train (≈ 41–55 USD, 2–4 h), 1 to re-point, …`, or that it is empty."""
    return _nothing(plan) if plan.empty else summary(plan.changes, total_text(plan.estimate(), look))


def gravest(plan: Plan) -> ChangeClass:
    """The class of the change that matters most to those who depend on the stack."""
    return max((change.change_class for change in plan.changes), key=list(ChangeClass).index, default=ChangeClass.NONE)


def scope(plan: Plan) -> str:
    """`support-tone in rg-finetune: 3 changes, 9 as declared`."""
    kept = len(plan.changes) - len(plan.pending) - len(plan.noted)
    head = f"{plan.home.stack} in {plan.home.group}: {counted(len(plan.pending), 'change')}"
    return f"{head}, {kept} as declared" if kept else head


def meaning(plan: Plan) -> str:
    """What the changes mean, the gravest class first."""
    doing = "This destroys the stack: " if plan.mode is Mode.DESTROY else ""
    return f"{doing}{', '.join(_classes(plan.pending))}."


def _nothing(plan: Plan) -> str:
    stack = clean(plan.home.stack)
    if any(problem.severity is Severity.ERROR for problem in plan.problems):
        return f"{stack}: no difference was found, but not everything could be compared."
    if plan.mode in _NOTHING:
        return f"{stack}: nothing to {_NOTHING[plan.mode].format(group=plan.home.group)}"
    kept = len(plan.changes) - len(plan.noted)
    return f"{stack}: nothing to do. {counted(kept, 'thing')} in Azure {'is' if kept == 1 else 'are'} as declared."


def _classes(changes: Sequence[Change]) -> Iterator[str]:
    gone = [change for change in changes if change.action is Action.DELETE and change.change_class not in GRAVE]
    numbers = classes(changes)
    for change in gone:
        numbers[change.change_class] -= 1
    for change_class, (one, many) in _CLASSES.items():
        if number := numbers[change_class]:
            yield f"{number} {one if number == 1 else many}"
    if gone:
        yield f"{len(gone)} {'is' if len(gone) == 1 else 'are'} taken away"
    blocked = sum(change.action is Action.BLOCKED for change in changes)
    if blocked:
        yield f"{blocked} {'is' if blocked == 1 else 'are'} blocked"
    judged = sum(change.action is Action.JUDGE for change in changes)
    if judged:
        yield f"{judged} {'decides' if judged == 1 else 'decide'} what may serve"
    paused = sum(change.reason is Reason.PAUSED for change in changes)
    if paused:
        yield f"{paused} {'is' if paused == 1 else 'are'} paused"
    told = [change for change in changes if change.action in _TOLD or change.reason is Reason.PAUSED]
    quiet = sum(change.change_class is ChangeClass.NONE and change not in told for change in changes)
    if quiet:
        yield f"{quiet} {'is' if quiet == 1 else 'are'} on the way already"
