"""Execute: carry out the steps of a plan, side by side where nothing forbids it, and report how each ended.

One loop owns all state; calls run in a few worker threads and report to its inbox. Nobody waits in a thread: what is
on its way is looked at again after a while, so a run that was killed is resumed by the next one in the same way.
"""

from __future__ import annotations

import heapq
import queue
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ftctl.core import spans
from ftctl.core.clock import Clock
from ftctl.core.errors import Problem
from ftctl.core.events import Emit, Event, Outcome, Report, Result, Stage, Watched
from ftctl.core.model import Address, Resource, World
from ftctl.core.steps import Op, Step
from ftctl.engine.step import Again, Done, Failed, Next, Task

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.kinds.contract import Kind

_WORKERS = 8
_SILENCE = 60.0  # seconds after which the same is said again
_NAMED = 3  # of what a step waits for


class Stop:
    """The wish to stop: nothing new is begun, what goes on in Azure goes on. Safe to set from a signal handler."""

    def __init__(self) -> None:
        self._asked = False
        self._inbox: queue.Queue[Any] | None = None

    def set(self) -> None:
        self._asked = True
        if self._inbox is not None:
            self._inbox.put(None)

    def __bool__(self) -> bool:
        return self._asked

    def wakes(self, inbox: queue.Queue[Any]) -> None:
        self._inbox = inbox


@dataclass(frozen=True, slots=True)
class Job:
    """What to execute: the steps, and all that they are resolved with."""

    steps: Sequence[Step]
    resources: Mapping[Address, Resource]
    kinds: Mapping[str, Kind]
    world: World
    granting: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    number: int
    next: Next


@dataclass(frozen=True, slots=True)
class _Progress:
    number: int
    watched: Watched


def execute(
    job: Job,
    clients: Clients,
    *,
    clock: Clock,
    emit: Emit,
    stop: Stop,
    wait: float | None = None,
    trainings: bool = True,
) -> Report:
    """Carry out `job`. `wait` bounds the seconds spent waiting for Azure: what can begin is begun all the same,
    and what is on its way at the end is pending. `trainings` says whether those are waited for once they are submitted.
    """
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        return _Run(job, clients, pool, clock, emit, stop, wait, trainings=trainings).run()


@dataclass(slots=True)
class _Run:
    job: Job
    clients: Clients
    pool: ThreadPoolExecutor
    clock: Clock
    emit: Emit
    stop: Stop
    wait: float | None
    trainings: bool
    inbox: queue.Queue[Any] = field(default_factory=queue.Queue)
    outputs: dict[Address, Mapping[str, Any]] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    calling: set[int] = field(default_factory=set)
    timers: list[tuple[float, int]] = field(default_factory=list)
    held: set[int] = field(default_factory=set)
    lanes: dict[str, int] = field(default_factory=dict)
    watched: dict[int, Watched] = field(default_factory=dict)
    said: dict[int, float] = field(default_factory=dict)
    spans: dict[int, Any] = field(default_factory=dict)
    began: float = 0.0

    def run(self) -> Report:
        self.stop.wakes(self.inbox)
        self.began = self._now()
        self.outputs.update(self.job.world.outputs)
        while True:
            if not self.stop:
                self._begin_ready()
            if not self.calling and (self.stop or self._waited() or not self._expected()):
                break
            due = max(0.0, self._next_due() - self._now())
            message = self.clock.receive(self.inbox, due, busy=bool(self.calling))
            self._handle(message)
            self._call_due()
        self._close()
        outcomes = tuple(self.outcomes[step.number] for step in self.job.steps)
        return Report(outcomes, interrupted=bool(self.stop), seconds=self._now() - self.began)

    # --- what can begin

    def _begin_ready(self) -> None:
        for step in self.job.steps:
            if step.number in self.tasks or step.number in self.outcomes:
                continue
            if any(self._ended_badly(need) for need in step.needs):
                self._skip(step)
            elif all(self._done(need) for need in step.needs) and self._has_place(step) and self._enter_lane(step):
                self._begin(step)

    def _done(self, number: int) -> bool:
        return number in self.outcomes and self.outcomes[number].result is Result.DONE

    def _ended_badly(self, number: int) -> bool:
        return number in self.outcomes and self.outcomes[number].result is not Result.DONE

    def _skip(self, step: Step) -> None:
        failed = next(self.outcomes[n].address for n in step.needs if self._ended_badly(n))
        text = f"waits for {failed}"
        self.outcomes[step.number] = Outcome(step.address, step.op, Result.NOT_ATTEMPTED, text)
        self._say(Stage.SKIPPED, step, text)

    def _enter_lane(self, step: Step) -> bool:
        lane = self._lane(step)
        return not lane or self.lanes.setdefault(lane, step.number) == step.number

    def _has_place(self, step: Step) -> bool:
        """Whether so few of what it belongs to are on their way that it may begin; what runs already may."""
        return step.op is Op.WAIT or not self._group(step)[1] or len(self._in_places(step)) < self._group(step)[1]

    def _group(self, step: Step) -> tuple[str, int]:
        resource = self.job.resources.get(step.address)
        return self.job.kinds[step.change.kind].together(resource) if resource else ("", 0)

    def _in_places(self, step: Step) -> list[Step]:
        """What is on its way of what `step` belongs to: begun by this run, or by one before it."""
        ended = {number for number, one in self.outcomes.items() if one.result is not Result.PENDING}
        left = [one for one in self.job.steps if one.number not in ended]
        begun = [one for one in left if one.number in self.tasks or one.op is Op.WAIT]
        return [one for one in begun if self._group(one)[0] == self._group(step)[0]]

    def _lane(self, step: Step) -> str:
        return self.job.kinds[step.change.kind].lane(step.change.key, step.change.within)

    def _begin(self, step: Step) -> None:
        world = World(self.job.world.home, dict(self.outputs), self.job.world.facts)
        task = Task(
            step,
            self.job.kinds[step.change.kind],
            self.job.resources.get(step.address),
            self.clients,
            world,
            self.clock,
            self.job.granting,
            progress=lambda far: self.inbox.put(_Progress(step.number, Watched(far) if isinstance(far, str) else far)),
            declared=self.job.resources,
            began=self._now(),
        )
        self.tasks[step.number] = task
        facts = {"ftctl.stack": world.home.stack, "ftctl.address": str(step.address), "ftctl.action": step.op.value}
        self.spans[step.number] = spans.begin(f"step {step.op.value}", facts)
        self._say(Stage.STARTED, step)
        self._call(step.number)

    # --- calls and their answers

    def _call(self, number: int) -> None:
        self.calling.add(number)
        task = self.tasks[number]
        self.pool.submit(self._advance, number, task)

    def _advance(self, number: int, task: Task) -> None:
        """In a worker: whatever happens, the loop gets an answer."""
        try:
            with spans.within(self.spans[number]):
                answer = task.advance()
            self.inbox.put(_Answer(number, answer))
        except BaseException as error:  # noqa: BLE001  handed to the loop, which raises it in the main thread
            self.inbox.put(error)

    def _handle(self, message: _Answer | _Progress | BaseException | None) -> None:
        match message:
            case None:
                return
            case _Progress(number, watched):
                self._progress(number, watched)
            case _Answer(number, answer):
                self.calling.discard(number)
                self._answered(number, answer)
            case _:
                raise message

    def _answered(self, number: int, answer: Next) -> None:
        step = self.job.steps[number]
        match answer:
            case Again(watched, held):
                self._progress(number, watched)
                (self.held.add if held else self.held.discard)(number)
                if self.trainings or not self.tasks[number].training:
                    heapq.heappush(self.timers, (self._now() + self.clients.cloud.poll_seconds, number))
            case Done(text, outputs, told, said):
                if step.op is not Op.DELETE:
                    self.outputs[step.address] = outputs
                self._end(step, Result.DONE, text, outputs=told, answer=said)
            case Failed(problem, told):
                self._end(step, Result.FAILED, problem.what, problem=problem, outputs=told)

    def _progress(self, number: int, watched: Watched | None) -> None:
        """Progress, said when it is another, and now and then while it is the same."""
        if watched is None:
            return
        same = self.watched.get(number) == watched and self._now() - self.said[number] < _SILENCE
        self.watched[number] = watched
        if not same:
            self.said[number] = self._now()
            self._say(Stage.PROGRESS, self.job.steps[number], str(watched), watched)

    def _end(
        self,
        step: Step,
        result: Result,
        text: str,
        *,
        problem: Problem | None = None,
        outputs: Mapping[str, Any] | None = None,
        answer: str = "",
    ) -> None:
        seconds = self._now() - self.tasks[step.number].began
        self.outcomes[step.number] = Outcome(
            step.address, step.op, result, text, problem, seconds, outputs or {}, answer
        )
        spans.end(self.spans[step.number], {"ftctl.result": result.value}, failed=problem.code if problem else "")
        self.lanes = {lane: number for lane, number in self.lanes.items() if number != step.number}
        self._say(Stage.DONE if result is Result.DONE else Stage.FAILED, step, text)

    def _call_due(self) -> None:
        while self.timers and self.timers[0][0] <= self._now() and not (self.stop or self._waited()):
            self._call(heapq.heappop(self.timers)[1])

    def _expected(self) -> bool:
        """Whether anything is on its way that goes on by itself."""
        return any(number not in self.held for _, number in self.timers)

    # --- ending

    def _waited(self) -> bool:
        """Whether Azure was waited for as long as was asked."""
        return self.wait is not None and self._now() - self.began > self.wait

    def _close(self) -> None:
        """What is on its way goes on in Azure; what was not begun is not attempted."""
        for step in self.job.steps:
            if step.number in self.outcomes:
                continue
            started = step.number in self.tasks
            result = Result.PENDING if started else Result.NOT_ATTEMPTED
            watched = self.watched.get(step.number) if started else None
            text = str(watched or "") if started else self._missing(step)
            held = step.number in self.held
            spans.end(self.spans.get(step.number), {"ftctl.result": result.value})
            self.outcomes[step.number] = Outcome(step.address, step.op, result, text, held=held, watched=watched)

    def _missing(self, step: Step) -> str:
        waiting = [str(self.job.steps[need].address) for need in sorted(step.needs) if not self._done(need)]
        of, most = self._group(step)
        if not waiting and not self._has_place(step):
            return f"waits for a place: {most} of {of} train at once"
        more = len(waiting) - _NAMED
        rest = f" and {more} more" if more > 0 else ""
        return f"waits for {', '.join(waiting[:_NAMED])}{rest}" if waiting else ""

    def _next_due(self) -> float:
        due = self.timers[0][0] if self.timers else self._now() + self.clients.cloud.poll_seconds
        return due if self.wait is None else min(due, self.began + self.wait + 0.001)

    def _say(self, stage: Stage, step: Step, text: str = "", watched: Watched | None = None) -> None:
        task = self.tasks.get(step.number)
        seconds = self._now() - task.began if task else 0.0
        self.emit(Event(self.clock.now(), stage, step.address, step.op, text, seconds, watched))

    def _now(self) -> float:
        return self.clock.now().timestamp()
