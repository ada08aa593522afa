"""Stacks with the way to their clouds, opened once for a command; and what happens with several stacks at once."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ftctl import workflow
from ftctl.cli.changed import Touched
from ftctl.cli.streams import complain, tell
from ftctl.core.clock import Clock, SystemClock
from ftctl.core.errors import Exit, FtctlError, Problem, Severity
from ftctl.core.spans import carried
from ftctl.embedded import local_folder
from ftctl.request import Request

if TYPE_CHECKING:
    from ftctl.clients import Clients, Trace
    from ftctl.core.changes import Plan
    from ftctl.spec.stack import Stack

T = TypeVar("T")
_AT_ONCE = 8  # stacks
_QUIET = {Exit.DONE, Exit.CHANGES, Exit.PENDING}


@dataclass(frozen=True, slots=True)
class Session:
    """Loaded stacks, the clients of each, the problems that kept a stack from its turn, and the plans made so far."""

    stacks: Sequence[Stack]
    clients: Callable[[Stack], Clients]
    clock: Clock
    problems: list[Problem] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)

    @property
    def several(self) -> bool:
        return len(self.stacks) > 1

    @contextmanager
    def ahead(self, make: Callable[[Stack], T]) -> Iterator[Callable[[Stack], T]]:
        """Make something of all stacks side by side, and share what is read; gives what waits for that of one stack.

        Whoever leaves early leaves alone what is under way: it only reads.
        """
        clouds = {id(clients): clients for clients in map(self.clients, self.stacks)}
        with ExitStack() as open_:
            for clients in clouds.values():
                open_.enter_context(clients.reads.sharing())
            pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
            open_.callback(pool.shutdown, wait=False, cancel_futures=True)
            begun = {stack.name: pool.submit(carried(make), stack) for stack in self.stacks}
            yield lambda stack: begun[stack.name].result()

    def each(self, act: Callable[[Stack], Exit], *, headed: bool = True) -> Exit:
        """Do something with every stack in turn; what is wrong with one does not keep the others from it.

        Where not every stack is `headed`, those are of which something is wrong.
        """
        exits: list[Exit] = []
        for stack in self.stacks:
            if self.several and headed:
                tell(f"{chr(10) if exits else ''}Stack {stack.name} ({stack.path})")
            try:
                exits.append(act(stack))
            except FtctlError as error:
                if self.several and not headed:
                    tell(f"\nStack {stack.name} ({stack.path})")
                complain(error.problems)
                self.problems.extend(error.problems)
                exits.append(error.exit)
            if exits[-1] is Exit.INTERRUPTED:
                break
        return gravest(exits)


@contextmanager
def session(request: Request, trace: str | None = None) -> Iterator[Session]:
    """Load the stacks that were asked for and open the way to their clouds."""
    clock = SystemClock()
    touched = Touched(request)
    stacks = _load(request, touched)
    complain(touched.gone)
    with ExitStack() as open_:
        if any(stack.cloud == "local" for stack in stacks):
            tell(f"On the local Azure in {nearby(local_folder())} (not Microsoft Azure).")
        tracing = open_.enter_context(traced(trace)) if trace else None
        clouds = open_.enter_context(workflow.connect(stacks, clock=clock, trace=tracing, folder=local_folder()))
        yield Session(stacks, lambda stack: clouds[workflow.cloud_key(stack)], clock, touched.gone)


def _load(request: Request, touched: Touched) -> list[Stack]:
    """The stacks, or what is wrong with them; beside errors, warnings are left to `ftctl validate`."""
    try:
        return workflow.load(request, touched)
    except FtctlError as error:
        raise FtctlError.all(one for one in error.problems if one.severity is Severity.ERROR) from None


def caution(stack: Stack) -> None:
    """Say which data there are warnings about: a line each, so that a plan stays readable."""
    for address, number in warned(stack).items():
        noun = "warning" if number == 1 else "warnings"
        where = "ftctl data lint" if address.startswith("dataset/") else "ftctl validate"
        tell(f"{address}: {number:,} {noun}; see {where} {stack.path}")


def warned(stack: Stack) -> dict[str, int]:
    """How many warnings there are about each declaration, those included that are not kept one by one."""
    numbers = Counter(warning.subject for warning in stack.warnings)
    reports = {str(one.address): one.prepared.get("report") for one in stack.resources}
    for address, report in reports.items():
        if report and address in numbers:
            numbers[address] = sum(report.counts.values()) - report.errors
    return dict(numbers)


def nearby(path: Path) -> str:
    """A path as people would write it from where they stand."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def verdict(plan: Plan) -> Exit:
    """Whether a plan can be applied: the exit code of what is wrong with it, DONE where nothing is."""
    wrong = [problem for problem in plan.problems if problem.severity is Severity.ERROR]
    return FtctlError.all(wrong).exit if wrong else Exit.DONE


def gravest(exits: Sequence[Exit]) -> Exit:
    """The exit code of several stacks: the first that went wrong, else the one that says most."""
    return next((code for code in exits if code not in _QUIET), max(exits, default=Exit.DONE))


@contextmanager
def traced(target: str) -> Iterator[Trace]:
    from ftctl.clients import Trace  # noqa: PLC0415  only when asked for

    if target == "-":
        yield Trace(sys.stderr)
        return
    try:
        file = Path(target).open("w", encoding="utf-8")  # noqa: SIM115  closed below
    except OSError as error:
        raise unwritable(target, error) from None
    with file:
        yield Trace(file)


def unwritable(path: str | Path, error: OSError) -> FtctlError:
    return FtctlError(Problem("FT6009", f"{path} cannot be written: {error.strerror or type(error).__name__}"))
