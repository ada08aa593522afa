"""What a change does, in one word; and the first sentence of a plan, a contract that scripts may read."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ftctl.core.changes import Action, Change, Reason
from ftctl.core.model import ChangeClass


class Verb(StrEnum):
    """An action as people count it: a paid creation and a re-pointing stand apart."""

    CREATE = "create"
    UPDATE = "update"
    TRAIN = "train"
    REPOINT = "re-point"
    REPLACE = "replace"
    DELETE = "delete"
    CANCEL = "cancel"
    ADOPT = "adopt"
    FORGET = "forget"
    WAIT = "wait for"
    JUDGE = "judge"
    BLOCKED = "blocked"
    NOOP = "keep"


_VERBS = {
    Action.NOOP: Verb.NOOP,
    Action.WAIT: Verb.WAIT,
    Action.CREATE: Verb.CREATE,
    Action.UPDATE: Verb.UPDATE,
    Action.REPLACE: Verb.REPLACE,
    Action.DELETE: Verb.DELETE,
    Action.ADOPT: Verb.ADOPT,
    Action.FORGET: Verb.FORGET,
    Action.JUDGE: Verb.JUDGE,
    Action.BLOCKED: Verb.BLOCKED,
}
_SOMETIMES = {
    Verb.CREATE: "to create",
    Verb.UPDATE: "to update",
    Verb.REPLACE: "to replace",
    Verb.CANCEL: "to cancel",
    Verb.ADOPT: "to adopt",
    Verb.FORGET: "to forget",
    Verb.WAIT: "to wait for",
    Verb.JUDGE: "to judge",
    Verb.BLOCKED: "blocked",
}


def verb(change: Change) -> Verb:
    match change.action, change.change_class:
        case Action.CREATE, ChangeClass.TRAIN:
            return Verb.TRAIN
        case Action.UPDATE, ChangeClass.REPOINT:
            return Verb.REPOINT
    if change.reason in {Reason.SUPERSEDED, Reason.DUPLICATE, Reason.GIVEN_UP}:
        return Verb.CANCEL
    return _VERBS[change.action]


def tally(changes: Iterable[Change]) -> dict[Verb, int]:
    """How many changes of each verb there are, zeros included."""
    counts = dict.fromkeys(Verb, 0)
    for change in changes:
        counts[verb(change)] += 1
    return counts


def classes(changes: Iterable[Change]) -> dict[ChangeClass, int]:
    """How many changes of each class there are, zeros included."""
    counts = dict.fromkeys(ChangeClass, 0)
    for change in changes:
        counts[change.change_class] += 1
    return counts


def summary(changes: Iterable[Change], cost: str = "") -> str:
    """The first sentence of a plan in every format. Frozen: scripts and reviewers read it.

    Its first four numbers are always there. Each change is counted once by what is done with it; how many of them
    interrupt serving or are irreversible is counted beside that. `cost` stands in brackets after the trainings.
    """
    changes = tuple(changes)
    counts, grave = tally(changes), classes(changes)
    parts = [
        f"{counts[Verb.TRAIN]} to train{f' ({cost})' if cost else ''}",
        f"{counts[Verb.REPOINT]} to re-point",
        f"{grave[ChangeClass.INTERRUPTS]} interrupt serving",
        f"{counts[Verb.DELETE]} to delete",
    ]
    parts += [f"{grave[ChangeClass.IRREVERSIBLE]} irreversible"] if grave[ChangeClass.IRREVERSIBLE] else []
    parts += [f"{counts[verb]} {words}" for verb, words in _SOMETIMES.items() if counts[verb]]
    return f"Plan: {', '.join(parts)}."
