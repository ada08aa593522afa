"""What happens while a plan is carried out, and the report of how it ended: values, for any renderer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.core.estimate import Span
from ftctl.core.model import Address
from ftctl.core.steps import Op


class Stage(StrEnum):
    STARTED = "started"
    PROGRESS = "progress"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Watched:
    """How far a thing is that is on its way; what is not known is empty or None, never zero.

    `status` is Azure's own word, `stage` says the same more closely, and `words` are anything else to be said. Of a
    training also its step, what it measured last, the seconds since it was created and those that are left, and what
    it cost so far. Time passes by itself: two that differ in nothing else are equal.
    """

    words: str = ""
    status: str = ""
    stage: str = ""
    step: int | None = None
    steps: int | None = None
    loss: float | None = None
    valid_loss: float | None = None
    reward: float | None = None
    elapsed: float | None = field(default=None, compare=False)
    left: Span | None = field(default=None, compare=False)
    cost: Span | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return ": ".join(part for part in (self.stage, self.words) if part)

    def later(self, seconds: float) -> Watched:
        """The same when `seconds` have passed and nothing more was heard."""
        elapsed = None if self.elapsed is None else self.elapsed + seconds
        left = self.left and Span(max(0.0, self.left.low - seconds), max(0.0, self.left.high - seconds))
        return replace(self, elapsed=elapsed, left=left if left and left.high else None)


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to `address`; `seconds` since its step began. `watched` says how far it is."""

    at: datetime
    stage: Stage
    address: Address | None
    op: Op | None = None
    text: str = ""
    seconds: float = 0.0
    watched: Watched | None = None


Emit = Callable[[Event], None]


class Result(StrEnum):
    DONE = "done"
    FAILED = "failed"
    PENDING = "pending"
    NOT_ATTEMPTED = "not attempted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended. `answers` has what a check of it said, `watched` how far it is where it goes on.

    What is held goes on only when somebody lets it.
    """

    address: Address
    op: Op
    result: Result
    text: str = ""
    problem: Problem | None = None
    seconds: float = 0.0
    outputs: Mapping[str, Any] = field(default_factory=dict)
    answers: str = ""
    held: bool = False
    watched: Watched | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """How an apply ended: every step's outcome, and whether it was interrupted."""

    outcomes: tuple[Outcome, ...]
    interrupted: bool = False
    seconds: float = 0.0

    def having(self, result: Result) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.result is result)

    @property
    def exit(self) -> Exit:
        """The contract's exit code; a gate or smoke test that refused outranks `partly applied`."""
        problems = [outcome.problem for outcome in self.having(Result.FAILED) if outcome.problem]
        if problems:
            worst = FtctlError(*problems).exit
            partly = worst is Exit.ERROR and bool(self.having(Result.DONE))
            return Exit.PARTIAL if partly else worst
        if self.interrupted:
            return Exit.INTERRUPTED
        return Exit.DONE if all(outcome.result is Result.DONE for outcome in self.outcomes) else Exit.PENDING
