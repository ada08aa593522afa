"""Problems as people read them, the one exception that carries them, and the exit codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum


class Exit(IntEnum):
    """What the process says to its caller. A contract: the README lists it."""

    DONE = 0
    ERROR = 1
    CHANGES = 2
    PENDING = 3
    GATE = 4
    BLOCKED = 5
    PERMISSION = 6
    STALE = 7
    PARTIAL = 8
    USAGE = 64
    DATA = 65
    INTERRUPTED = 130


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a file; line and column count from 1, columns in code points."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.path, *(str(n) for n in (self.line, self.column) if n)])


@dataclass(frozen=True, slots=True)
class Code:
    """An error code as `ftctl explain` shows it: the general case, where a Problem is the one at hand."""

    title: str
    exit: Exit
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `code` says which kind, `what` is one sentence, `why` and `fix` one or two more."""

    code: str
    what: str
    where: Where | None = None
    why: str = ""
    fix: str = ""
    subject: str = ""
    correlation: str = ""
    severity: Severity = Severity.ERROR

    def about(self, subject: object) -> Problem:
        """The same problem, said of `subject` unless it already names one."""
        return self if self.subject else replace(self, subject=str(subject))


class FtctlError(Exception):
    """The only exception a user sees: one or more problems."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(p.what for p in problems))
        self.problems = problems

    @classmethod
    def all(cls, problems: Iterable[Problem]) -> FtctlError:
        return cls(*problems)

    @property
    def exit(self) -> Exit:
        """The exit code of the gravest problem: the first in the order of CODES' own exits, data before Azure."""
        from ftctl.core.codes import CODES  # noqa: PLC0415  the table is only needed when something went wrong

        exits = [CODES[p.code].exit for p in self.problems if p.severity is Severity.ERROR]
        return max(exits, default=Exit.ERROR, key=_GRAVITY.index)


_GRAVITY = [
    Exit.DONE,
    Exit.CHANGES,
    Exit.PENDING,
    Exit.ERROR,
    Exit.STALE,
    Exit.PARTIAL,
    Exit.GATE,
    Exit.BLOCKED,
    Exit.PERMISSION,
    Exit.DATA,
    Exit.USAGE,
    Exit.INTERRUPTED,
]
