"""The values of a plan: changes with their action, reason, fields and class, and what they were planned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ftctl.core.diff import FieldChange
from ftctl.core.digest import canonical, digest
from ftctl.core.errors import Exit, FtctlError, Problem, Severity
from ftctl.core.estimate import Estimate, Total, total
from ftctl.core.model import Address, ChangeClass, Finding, Home, Live, Mode, World
from ftctl.core.noise import Suppressed
from ftctl.core.why import Why


class Action(StrEnum):
    NOOP = "no-op"
    WAIT = "wait"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    FORGET = "forget"
    JUDGE = "judge"
    BLOCKED = "blocked"


class Reason(StrEnum):
    """Why an action; apart from the action, so that both can be read by a machine."""

    AS_DECLARED = "is as declared"
    REFERENCED = "is somebody else's and only read"
    MISSING = "does not exist yet"
    NEW_RECIPE = "no job with this recipe has run"
    UNSEEN = "cannot be looked for yet: it is used if it is there, and made if not"
    RETRY = "failed before and is tried again as asked"
    RETRY_DECLARED = "failed before and is tried again as declared"
    IN_PROGRESS = "is on its way"
    UNVERIFIED = "has not passed its check yet"
    DIFFERS = "differs from what is declared"
    FOLLOWS = "follows what it is made from"
    DRIFTED = "was changed outside ftctl"
    FAILED = "ended in a failed state"
    FOREIGN = "is not this stack's"
    ADOPTED = "is taken over as asked"
    UNDECLARED = "is no longer declared"
    SUPERSEDED = "is superseded and still running"
    DUPLICATE = "is a second run of the same recipe"
    LEFT_OVER = "was made for a time and is left over"
    DESTROYED = "the stack is destroyed"
    REFUSED = "cannot be done"
    CANCELLED = "was cancelled before"
    AGAIN = "was cancelled before and is trained again as asked"
    PAUSED = "is paused, and left alone"
    RESUMED = "is paused, and goes on as declared"
    HALTED = "is on its way, and is paused as declared"
    HALTING = "is being paused, as declared"
    AT_REST = "is paused, as declared"
    NOT_BEGUN = "is not begun, as declared"
    GIVEN_UP = "is cancelled, as declared"
    WITHHELD = "stays as it is"
    USED = "is used as it is"
    EXPIRED = "is older than what is to be kept"
    KEPT = "is older than what is to be kept, and needed"
    UNJUDGED = "is judged before anything that serves is touched"
    NOT_PASSED = "does not let the model pass"
    HELD = "is held back by its gate"
    MARKED = "is marked as this stack's, and stays as it is"
    OWNED = "is this stack's already"
    MOVED = "has another name in the spec now"
    FORGOTTEN = "is no longer this stack's, and stays as it is"
    LEFT = "is left to itself, as declared"
    PUT_BACK = "is put back to the model that it served before"


@dataclass(frozen=True, slots=True)
class Blind:
    """A listing that was refused: `kind` could not be read in the account with the key `within`."""

    kind: str
    within: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that observing found."""

    lives: tuple[Live, ...] = ()
    facts: Mapping[Address, Mapping[str, Any]] = field(default_factory=dict)
    blind: tuple[Blind, ...] = ()


@dataclass(frozen=True, slots=True)
class Adoption:
    """Whether a thing that is somebody else's can be used (`problem`), and in what it differs from what is declared."""

    problem: Problem | None = None
    fields: tuple[FieldChange, ...] = ()
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What would happen to one thing: action, reason, fields and class, four separate facts.

    `because` has further sentences for people, `affects` the addresses of what hangs on it, `needs` what has to be
    done first, `findings` are the checks before a creation. `live` is what it was planned from. `estimate` is what a
    training may cost. `why` says of each line about a field where its value comes from, `suppressed` which differences
    are noise; neither is part of what an approval is bound to.
    """

    address: Address
    action: Action
    reason: Reason
    change_class: ChangeClass = ChangeClass.NONE
    name: str = ""
    key: str = ""
    within: str = ""
    fields: tuple[FieldChange, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    because: tuple[str, ...] = ()
    affects: tuple[Address, ...] = ()
    needs: tuple[Address, ...] = ()
    problem: Problem | None = None
    estimate: Estimate | None = None
    findings: tuple[Finding, ...] = ()
    why: Mapping[str, Why] = field(default_factory=dict)
    suppressed: tuple[Suppressed, ...] = ()
    live: Live | None = field(default=None, repr=False, compare=False)

    @property
    def kind(self) -> str:
        return self.address.kind

    @property
    def noted(self) -> bool:
        """Whether nothing is done about it, and people are told why."""
        return self.action is Action.NOOP and bool(self.because)

    @property
    def trains(self) -> bool:
        """Whether it is paid for: what ran or runs already is not."""
        return self.action is Action.CREATE and self.change_class is ChangeClass.TRAIN


def paid_once(trainings: Iterable[Change]) -> tuple[Change, ...]:
    """The same trainings, of each recipe the first."""
    first: dict[Any, Change] = {}
    for change in trainings:
        first.setdefault(change.key or change.address, change)
    return tuple(first.values())


@dataclass(frozen=True, slots=True)
class Sight:
    """All that is live and what is about to change, for those who say what is too old. `blind` are accounts that could
    not be looked through.
    """

    world: World
    lives: tuple[Live, ...]
    blind: frozenset[str] = frozenset()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes of a stack in the order in which they would be done, no-ops included.

    `granting` says that a role assignment of the stack is new, so that a refusal may only mean `not yet`. `preflight`
    are the checks about all of it; those about one change stand there. Where values of it are hidden, `whole` has them,
    and `secret` names the variables that they came from.
    """

    home: Home
    mode: Mode
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...] = ()
    granting: bool = False
    world: World = field(default_factory=lambda: World(Home("", "", "")), repr=False, compare=False)
    preflight: tuple[Finding, ...] = ()
    whole: Plan | None = field(default=None, repr=False, compare=False)
    secret: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @property
    def pending(self) -> tuple[Change, ...]:
        """What is not a no-op."""
        return tuple(change for change in self.changes if change.action is not Action.NOOP)

    @property
    def noted(self) -> tuple[Change, ...]:
        """What nothing is done about, and people are told why."""
        return tuple(change for change in self.changes if change.noted)

    @property
    def empty(self) -> bool:
        return not self.pending

    @property
    def trainings(self) -> tuple[Change, ...]:
        """What would be paid for, each recipe once: two declarations of one recipe share its training."""
        return paid_once(change for change in self.changes if change.trains)

    def estimate(self) -> Total:
        """What all the trainings may cost."""
        return total(change.estimate for change in self.trainings)

    @property
    def fatal(self) -> tuple[Problem, ...]:
        """The problems for which nothing of the plan is carried out; a gate that refuses holds back only its own."""
        errors = [problem for problem in self.problems if problem.severity is Severity.ERROR]
        return tuple(problem for problem in errors if FtctlError(problem).exit is not Exit.GATE)

    @property
    def idle(self) -> bool:
        """Whether nothing of it can be done."""
        return all(change.action is Action.BLOCKED for change in self.pending)

    @property
    def applyable(self) -> bool:
        """Whether there is anything to do that can be done."""
        return not (self.empty or self.fatal or self.idle)

    def digest(self) -> str:
        """What an approval is bound to: actions, live ids, before and after.

        Estimates are not among it: another price book changes nothing of what would be done. Budgets are compared anew
        whenever a plan is made, the one that applies a saved plan included.
        """
        return digest(
            [
                self.home.stack,
                self.home.subscription,
                self.home.group,
                self.mode,
                sorted(
                    canonical([str(c.address), c.action, c.reason, c.key, c.live and c.live.id, c.before, c.after])
                    for c in self.pending
                ),
            ]
        )
