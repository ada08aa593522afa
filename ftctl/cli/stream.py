"""`--json`: every event as a line on stdout, a heartbeat while nothing happens, and a report as the last line."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self, TextIO

import msgspec

from ftctl.core.clock import Clock
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.core.events import Event, Stage
from ftctl.render import lines
from ftctl.render.findings import FORMAT_VERSION, problems_json
from ftctl.render.progress import Key
from ftctl.render.running import Running

EVERY = 9.0  # seconds between two heartbeats; ten are promised
_ON = {Stage.STARTED, Stage.PROGRESS}


@dataclass(frozen=True, slots=True)
class _Said:
    """A line to be written, before it has its number."""

    at: datetime
    line: type[lines.Line]
    content: dict[str, Any]


class Stream:
    """Lines in the order in which they are said, from any thread and from a signal handler; one thread writes them.

    Whoever reads them may hang up: that ends the lines, and not the work.
    """

    def __init__(self, out: TextIO, clock: Clock) -> None:
        self._out: TextIO | None = out
        self._clock = clock
        self._began = clock.now()
        self._inbox: SimpleQueue[_Said | tuple[str, Event] | None] = SimpleQueue()
        self._running: dict[tuple[str, Key], Running] = {}
        self._written = 0
        self._thread = threading.Thread(target=self._write, name="ftctl-lines", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inbox.put(None)
        self._thread.join()

    def plan(self, stack: str, plan: dict[str, Any]) -> None:
        self._put(lines.PlanLine, stack=stack, plan=plan)

    def say(self, text: str) -> None:
        self._put(lines.Notice, text=text)

    def log(self, address: str, job: str, event: dict[str, Any]) -> None:
        self._put(lines.LogLine, address=address, job=job, event=event)

    def report(self, code: Exit, stacks: Sequence[dict[str, Any]], problems: Sequence[Problem]) -> None:
        self._put(lines.ReportLine, exit=int(code), stacks=list(stacks), problems=problems_json(problems))

    def event(self, stack: str, event: Event) -> None:
        self._inbox.put((stack, event))

    def _put(self, line: type[lines.Line], **content: Any) -> None:
        self._inbox.put(_Said(self._clock.now(), line, content))

    # --- in the thread that writes

    def _write(self) -> None:
        due = self._clock.now() + timedelta(seconds=EVERY)
        while True:
            left = (due - self._clock.now()).total_seconds()
            if left <= 0:
                self._beat()
                due = self._clock.now() + timedelta(seconds=EVERY)
                continue
            with suppress(Empty):
                if (said := self._inbox.get(timeout=left)) is None:
                    return
                self._tell(said)
                if isinstance(said, _Said) and said.line is lines.ReportLine:
                    return  # the last line: no heartbeat may come after it

    def _tell(self, said: _Said | tuple[str, Event]) -> None:
        if isinstance(said, _Said):
            self._line(said.line, said.at, said.content)
            return
        stack, event = said
        key = stack, (event.address, event.op)
        if event.stage in _ON:
            self._running[key] = Running.of(event, self._running.get(key))
        else:
            self._running.pop(key, None)
        self._line(lines.STEPS[event.stage], event.at, lines.step_fields(stack, event))

    def _beat(self) -> None:
        now = self._clock.now()
        going = [_going(stack, one, now) for (stack, _), one in self._running.items()]
        seconds = round((now - self._began).total_seconds(), 3)
        self._line(lines.Heartbeat, now, {"seconds": seconds, "running": going})

    def _line(self, line: type[lines.Line], at: datetime, content: dict[str, Any]) -> None:
        if self._out is None:
            return
        self._written += 1
        moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = msgspec.json.encode(
            line(format_version=FORMAT_VERSION, sequence=self._written, at=moment, **content)
        ).decode()
        try:
            self._out.write(f"{text}\n")
            self._out.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):  # what Python flushes at its end must not fail once more
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
            self._out = None


def _going(stack: str, one: Running, now: datetime) -> lines.Running:
    """A step that goes on, as it is by now."""
    seconds = round(max(0.0, (now - one.since).total_seconds()), 3)
    return lines.Running(
        stack, str(one.address), one.op.value if one.op else "create", seconds, lines.far(one.now(now))
    )


@contextmanager
def streaming(clock: Clock, stacks: Sequence[dict[str, Any]]) -> Iterator[Stream]:
    """A stream on stdout. What stops the command becomes its report, with what is known of `stacks`."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    with Stream(sys.stdout, clock) as stream:
        try:
            yield stream
        except FtctlError as error:
            stream.report(error.exit, stacks, error.problems)
            raise
        except BaseException as error:
            stream.report(Exit.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Exit.ERROR, stacks, ())
            raise


@dataclass(frozen=True, slots=True)
class Steps:
    """The events of one stack's steps as lines; an `Emit` that can also say something."""

    stream: Stream
    stack: str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        self.stream.event(self.stack, event)

    def say(self, text: str) -> None:
        self.stream.say(text)
