"""What happens while a plan is carried out, and the report of how it ended: values, for any renderer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ftctl.core.errors import Exit, FtctlError, Problem
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
class Event:
    """Something happened to `address`; `seconds` since its step began."""

    at: datetime
    stage: Stage
    address: Address | None
    op: Op | None = None
    text: str = ""
    seconds: float = 0.0


Emit = Callable[[Event], None]


class Result(StrEnum):
    DONE = "done"
    FAILED = "failed"
    PENDING = "pending"
    NOT_ATTEMPTED = "not attempted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended. `answers` has what a check of it said; what is held goes on when somebody lets it."""

    address: Address
    op: Op
    result: Result
    text: str = ""
    problem: Problem | None = None
    seconds: float = 0.0
    outputs: Mapping[str, Any] = field(default_factory=dict)
    answers: str = ""
    held: bool = False


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
