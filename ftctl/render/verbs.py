"""What a change does, in one word; and the summary line, a contract that scripts may read."""

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
    Action.JUDGE: Verb.JUDGE,
    Action.BLOCKED: Verb.BLOCKED,
}
_ALWAYS = (Verb.CREATE, Verb.UPDATE, Verb.TRAIN, Verb.REPOINT, Verb.DELETE)
_SOMETIMES = {
    Verb.REPLACE: "to replace",
    Verb.CANCEL: "to cancel",
    Verb.ADOPT: "to adopt",
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


def summary(changes: Iterable[Change], cost: str = "") -> str:
    """The last line of a plan. Frozen: scripts read it. `cost` is what stands in brackets after the trainings."""
    counts = tally(changes)
    parts = [f"{counts[verb]} to {verb}{f' ({cost})' if cost and verb is Verb.TRAIN else ''}" for verb in _ALWAYS]
    parts += [f"{counts[verb]} {words}" for verb, words in _SOMETIMES.items() if counts[verb]]
    return f"Plan: {', '.join(parts)}."
