"""Progress as plain lines: each change of state once, and what goes on now and then."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import Self, TextIO

from ftctl.core.events import Event, Stage
from ftctl.core.model import Address
from ftctl.core.steps import Op
from ftctl.render.look import Look, Patient, Style, clean, duration
from ftctl.render.report import PAST
from ftctl.render.values import shortened
from ftctl.render.watched import sentence

Key = tuple[Address | None, Op | None]

DOING = {
    Op.CREATE: "creating",
    Op.UPDATE: "updating",
    Op.DELETE: "deleting",
    Op.WAIT: "waiting",
    Op.JUDGE: "judging",
    Op.MARK: "marking",
    Op.FORGET: "forgetting",
}
_SHORTEST, _LONGEST = 1.0, 60.0  # seconds between two progress lines of one step
_MARKS = {
    Stage.STARTED: ("·", "."),
    Stage.PROGRESS: ("·", "."),
    Stage.DONE: ("✓", "+"),
    Stage.FAILED: ("✗", "x"),
    Stage.SKIPPED: ("-", "-"),
}


def told(event: Event, look: Look) -> str:
    """An event as one line."""
    watched = event.watched
    text = sentence(watched, look) if watched else shortened(clean(event.text), look)
    if event.address is None:
        return text
    mark = look.pick(*_MARKS.get(event.stage, (" ", " ")))
    style = Style.GREEN if event.stage is Stage.DONE else Style.BOLD if event.stage is Stage.FAILED else Style.PLAIN
    head = f"{look.paint(mark, style)} {event.address}"
    if watched and watched.stage:  # which says it better, with a time of its own
        return f"{head}: {text}"
    spent = f" ({duration(event.seconds)})" if event.seconds >= 1 else ""
    return f"{head}: {', '.join(part for part in (_word(event), text) if part)}{spent}"


def _word(event: Event) -> str:
    match event.stage:
        case Stage.STARTED | Stage.PROGRESS:
            return DOING[event.op] if event.op else ""
        case Stage.DONE:
            return PAST[event.op] if event.op else "done"
        case Stage.FAILED:
            return "failed"
        case Stage.SKIPPED:
            return "not attempted"
        case _:
            return ""


class Lines:
    """Writes a line for each event that is worth one; an `Emit`."""

    def __init__(self, stream: TextIO, look: Look) -> None:
        self._stream, self._look = Patient(stream), look
        self._last: dict[Key, datetime] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def __call__(self, event: Event) -> None:
        if self._due(event):
            self.say(told(event, self._look))

    def say(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def _due(self, event: Event) -> bool:
        if event.stage is not Stage.PROGRESS:
            return True
        key = event.address, event.op
        last = self._last.get(key)
        quiet = min(_LONGEST, max(_SHORTEST, event.seconds / 5))  # the longer it takes, the rarer
        if last and (event.at - last).total_seconds() < quiet:
            return False
        self._last[key] = event.at
        return True
