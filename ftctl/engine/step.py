"""One step on its way: what to call next, and what an answer means.

A task is a small machine: `advance` makes one call (in a worker thread) and says what comes after it: look again in a
while, done, or failed. It never waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ftctl.core.changes import Reason
from ftctl.core.clock import Clock
from ftctl.core.diff import FieldChange, differences, has_unknown
from ftctl.core.errors import FtctlError, Problem, Where
from ftctl.core.events import Watched
from ftctl.core.ignored import left_alone, without
from ftctl.core.model import Address, Course, Health, Home, Live, Pause, Resource, Wanted, World
from ftctl.core.steps import Op, Step
from ftctl.kinds.contract import Kind, NotYetError, Verdict

if TYPE_CHECKING:
    from ftctl.clients import Clients

_GRANTED = {"FT2004", "FT2005"}  # the refusals that a role assignment cures
_GRANT_PATIENCE = 30 * 60  # seconds; Azure names 30 minutes as the longest that a role assignment takes
_CHECK_PATIENCE = 20 * 60  # seconds; large models have taken 15 minutes to answer after `Succeeded`
_TENDED = 10 * 60  # seconds; by then lists show what others made at the same moment
_UNSEEN_LOOKS = 3  # a thing made a moment ago may be missing from the next answer


@dataclass(frozen=True, slots=True)
class Again:
    """Call `advance` again after a while; `watched` says what is waited for.

    What is held waits for somebody, perhaps for ever: nobody stays for it alone.
    """

    watched: Watched | None = None
    held: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """`outputs` are for what comes after it; `told` are those that Azure gave, for people: a promise may be data."""

    text: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """`told` is what was found out before, for people."""

    problem: Problem
    told: Mapping[str, Any] = field(default_factory=dict)


Next = Again | Done | Failed


@dataclass(slots=True)
class Task:
    """A step, what it needs, and how far it is. `progress` takes words or values for people, from any thread."""

    step: Step
    kind: Kind
    resource: Resource | None
    clients: Clients
    world: World
    clock: Clock
    granting: bool
    progress: Callable[[str | Watched], None]
    declared: Mapping[Address, Resource] = field(default_factory=dict)
    began: float = 0.0
    _call: Callable[[], Next] | None = None
    _live: Live | None = None
    _wanted: Wanted | None = None
    _corrected: bool = False
    _unseen: int = 0
    _moved: bool = False
    _checking_since: float = 0.0

    @property
    def address(self) -> Address:
        return self.step.address

    @property
    def home(self) -> Home:
        return self.world.home

    def advance(self) -> Next:
        """Make the next call. Whatever it raises becomes a failure with the step's address, or another try."""
        call = self._call or self._begin
        try:
            return call()
        except NotYetError as waiting:
            return Again(Watched(str(waiting)))
        except FtctlError as error:
            return self._refused(error)

    def _refused(self, error: FtctlError) -> Next:
        problem = error.problems[0].about(self.address)
        if problem.code not in _GRANTED or not (self.granting and "roleAssignment" in self.kind.after):
            return Failed(problem)
        if self._now() - self.began < _GRANT_PATIENCE:
            return Again(Watched("waiting for the role assignment to take effect"))
        return Failed(
            Problem(
                "FT3207",
                f"the role assignment did not take effect within 30 minutes: {problem.what}",
                why=problem.why,
                fix="Apply again later, and check that the signed-in principal is the one that got the role.",
                subject=str(self.address),
                correlation=problem.correlation,
            )
        )

    @property
    def training(self) -> bool:
        """Whether it is a training that was submitted, and all that is left is to wait for it."""
        return self.kind.trains and self.step.op is not Op.DELETE and self._live is not None

    # --- the calls, in the order in which they can come

    def _begin(self) -> Next:
        change = self.step.change
        if self.step.op is Op.DELETE:
            assert change.live is not None
            return self._delete(change.live)
        if self.step.op is Op.JUDGE:
            return self._judge()
        if self.step.op in {Op.MARK, Op.FORGET}:
            return self._marks(written=False)
        wanted = self._resolve()
        match self.step.op:
            case Op.CREATE:
                live = self.kind.create(self.clients, wanted, self.home, self.progress)
            case Op.UPDATE:
                assert change.live is not None
                now = self.kind.refresh(self.clients, change.live, self.home, self.progress)
                if now is None and self.kind.trains:
                    return self._vanished()  # another one would have to be paid for, and nobody was asked
                if now is None:
                    live = self.kind.create(self.clients, wanted, self.home, self.progress)
                elif self._as_wanted(now, wanted):
                    return self._settle(now)  # what was unknown turned out to be what it is already
                else:
                    live = self.kind.update(self.clients, now, left_alone(wanted, now), self.home)
            case _:
                assert change.live is not None
                self._live = change.live
                return self._look()
        self._live = live
        self._call = self._look
        if live.health is Health.READY and not self.kind.history:
            return self._look()  # what the answer said may not be what was kept
        return self._settle(live)

    def _judge(self) -> Next:
        """Ask whether what hangs on it may go on; a plan that knows already that it may not is not asked again."""
        live = self.step.change.live or self.kind.create(
            self.clients, self._wanted or self._resolve(), self.home, self.progress
        )
        if live.health is Health.READY:
            return replace(self._finished(live), text=live.name)
        problem = self.kind.failure(live)
        return Failed(replace(problem, where=problem.where or self._where(), subject=str(self.address)), live.outputs)

    def _resolve(self) -> Wanted:
        """What is wanted, now that all before it exists; what was known at review must not have changed."""
        assert self.resource is not None
        wanted = self.kind.wanted(self.resource, self.world)
        open_ = wanted.ignored if self.step.op is Op.UPDATE else ()  # there the live value of this moment stays
        reviewed, now = without(self.step.change.after, open_), without(wanted.fields, open_)
        moved = [
            name
            for name, value in reviewed.items()
            if not (has_unknown(value) or self._same(name, now.get(name), value))
        ]
        settled = not (self.kind.history and has_unknown(reviewed))  # else its key is made of what was unknown
        if moved or (settled and wanted.key != self.step.change.key):
            raise FtctlError(
                Problem(
                    "FT3206",
                    f"{', '.join(moved) or 'its identity'} is no longer what was reviewed",
                    self.resource.where,
                    fix="Plan again and review; what was done so far stays.",
                )
            )
        self._wanted = wanted
        return wanted

    def _as_wanted(self, live: Live, wanted: Wanted) -> bool:
        mine = live.owner == self.home.stack and live.health is Health.READY
        return mine and not self._wrong(live, wanted)

    def _wrong(self, live: Live, wanted: Wanted) -> tuple[FieldChange, ...]:
        return differences(live.fields, left_alone(wanted, live).fields, normal=self.kind.normal)

    def _same(self, name: str, found: Any, reviewed: Any) -> bool:
        return bool(self.kind.normal(name, found) == self.kind.normal(name, reviewed))

    def _look(self) -> Next:
        assert self._live is not None
        live = self.kind.refresh(self.clients, self._live, self.home, self.progress)
        if live is None:
            self._unseen += 1
            if self._unseen < _UNSEEN_LOOKS and self.step.op is Op.CREATE:
                return Again()
            return self._vanished()
        if live.health is Health.PENDING and self._now() - self.began < _TENDED:
            self.kind.tend(self.clients, live, self.home)
        return self._settle(live)

    def _vanished(self) -> Failed:
        fix = "Apply again: it is created anew."
        return Failed(Problem("FT3205", "it vanished while it was waited for", fix=fix, subject=str(self.address)))

    def _settle(self, live: Live) -> Next:
        self._live = live
        self._call = self._look
        match live.health:
            case Health.PENDING:
                return self._on_its_way(live)
            case Health.CANCELLED if other := self._instead():
                return self._settle(other)
            case Health.FAILED | Health.CANCELLED:
                problem = self.kind.failure(live)
                return Failed(replace(problem, where=problem.where or self._where(), subject=str(self.address)))
            case _:
                return self._kept(live)

    def _on_its_way(self, live: Live) -> Next:
        """A pause that is declared is an end; one that is not is left to whoever asked for it."""
        course = self.kind.course(self.resource) if self.resource else Course.LEFT
        if course is Course.PAUSED and live.pause is Pause.REACHED:
            return Done(live.detail, live.outputs)
        self._moved = self._moved or not live.pause
        resuming = self.step.op is Op.UPDATE and not self._moved
        held = bool(live.pause) and not resuming and course is not Course.PAUSED
        return Again(self._watched(live), held=held)

    def _watched(self, live: Live) -> Watched | None:
        """How far it is; not to know that is no reason to fail."""
        with suppress(FtctlError):
            return self.kind.watch(self.clients, live, self.resource, self.declared, self._now())
        return None

    def _instead(self) -> Live | None:
        return self.kind.instead(self.clients, self._wanted, self.home) if self._wanted else None

    def _kept(self, live: Live) -> Next:
        """It is ready: see that Azure kept what was sent, then check it."""
        wanted = self._wanted
        if wanted and not self.kind.history:
            wrong = self._wrong(live, wanted)
            if wrong and self._corrected:
                return Failed(self._unkept(wrong[0].path, wrong[0].before))
            if wrong:
                self._corrected = True
                self._live = self.kind.update(self.clients, live, left_alone(wanted, live), self.home)
                return Again(Watched("setting what was not kept"))
        if self.resource and self.kind.checks(self.resource):
            self._checking_since = self._now()
            self._call = self._check
            return self._check()
        return self._finished(live)

    def _unkept(self, path: str, found: Any) -> Problem:
        return Problem(
            "FT3211",
            f"Azure accepted the change, but {path} is {found!r} afterwards",
            self.resource.place(path) if self.resource else None,
            why="A policy may have rewritten it, or the service does not allow the value here.",
            fix="Declare the value that Azure keeps, or ask who changes it.",
            subject=str(self.address),
        )

    def _check(self) -> Next:
        assert self._live is not None
        assert self.resource is not None
        wanted = self._wanted or self.kind.wanted(self.resource, self.world)
        verdict = self.kind.verify(self.clients, self._live, wanted)
        match verdict.health:
            case Health.READY:
                return self._finished(self._live, answer=verdict.detail)
            case Health.PENDING if self._now() - self._checking_since < _CHECK_PATIENCE:
                return Again(Watched(f"not answering yet: {verdict.detail}"))
            case Health.PENDING:
                fix = "Apply again later: the check goes on."
                return Failed(Problem("FT3212", f"no answer for 20 minutes: {verdict.detail}", fix=fix))
            case _:
                return self._roll_back(verdict)

    def _roll_back(self, verdict: Verdict) -> Next:
        assert self._live is not None
        done = self.kind.restore(self.clients, self._live, self.step.change.live, self.home)
        return Failed(
            Problem(
                "FT3204",
                f"the smoke test failed ({verdict.detail}); {done}",
                self.resource.place("smokeTest") if self.resource else None,
                fix="Correct the model or the test, and apply again.",
                subject=str(self.address),
            )
        )

    def _finished(self, live: Live, *, answer: str = "") -> Done:
        promised = self.kind.promised(self.resource, self.world) if self.resource else {}
        return Done(live.id.rpartition("/")[2], {**promised, **live.outputs}, live.outputs, answer)

    # --- marks alone

    def _marks(self, *, written: bool = True) -> Next:
        """See that its marks are there, or gone; what somebody else has marked meanwhile is theirs."""
        planned, forgets = self.step.change.live, self.step.op is Op.FORGET
        assert planned is not None
        live = self.kind.refresh(self.clients, planned, self.home, self.progress)
        if live is None:
            return Done("gone") if forgets else self._vanished()
        self._call = self._marks
        if written and live.health is Health.PENDING:
            return Again(Watched("waiting until Azure shows it"))
        if forgets and live.owner != self.home.stack:
            return Done(live.name)
        if not forgets and live.owner not in {None, self.home.stack}:
            return Failed(Problem("FT3310", f"the stack `{live.owner}` has marked it meanwhile"))
        if not forgets and self._marked(live):
            return self._finished(live)
        self._write_marks(live, forgets=forgets)
        return Again(Watched("waiting until Azure shows it")) if written else self._marks()

    def _marked(self, live: Live) -> bool:
        return live.owner == self.home.stack and live.label == self.kind.label(self.address.name)

    def _write_marks(self, live: Live, *, forgets: bool) -> None:
        if forgets:
            self.kind.unmark(self.clients, live, self.home)
        else:
            self.kind.mark(self.clients, live, self._wanted or self._resolve(), self.home)

    # --- deletion

    def _delete(self, live: Live) -> Next:
        self.kind.delete(self.clients, live)
        self._live = live
        self._call = self._look_gone
        return self._look_gone()

    def _look_gone(self) -> Next:
        assert self._live is not None
        live = self.kind.refresh(self.clients, self._live, self.home, self.progress)
        if live is None:
            return Done("gone")
        if self.kind.trains and self._live.health is Health.PENDING and live.health is not Health.PENDING:
            if self.step.change.reason is not Reason.DESTROYED:
                return Done("cancelled" if live.health is Health.CANCELLED else "it had ended already")
            return self._delete(live)
        return Again(Watched("waiting until it is gone"))

    def _where(self) -> Where | None:
        return self.resource.where if self.resource else None

    def _now(self) -> float:
        return self.clock.now().timestamp()
