"""What goes on as lines of a terminal that are redrawn: one for each step, each in the width that there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ftctl.core.events import Event, Watched
from ftctl.core.model import Address
from ftctl.core.steps import Op
from ftctl.render.look import Look, duration, padded, width_of
from ftctl.render.progress import DOING
from ftctl.render.watched import cut, fitting

_LEAST = 12  # columns for what is said of a step, however long its address is


@dataclass(frozen=True, slots=True)
class Running:
    """A step that goes on: since when, and what was heard of it last."""

    address: Address | None
    op: Op | None
    since: datetime
    heard: datetime
    watched: Watched

    @classmethod
    def of(cls, event: Event, before: Running | None) -> Running:
        """What an event says of its step, of which `before` was known."""
        since = before.since if before else event.at
        return cls(event.address, event.op, since, event.at, event.watched or Watched(event.text))

    def now(self, moment: datetime) -> Watched:
        return self.watched.later(max(0.0, (moment - self.heard).total_seconds()))

    def seconds(self, moment: datetime) -> float:
        """How long it takes by now: a training since it was created, anything else since its step began."""
        elapsed = self.now(moment).elapsed
        return max(0.0, (moment - self.since).total_seconds()) if elapsed is None else elapsed


def running_lines(steps: Sequence[Running], moment: datetime, look: Look, width: int) -> list[str]:
    """`job/tone  4 min 3 s  training, step 120 of 300, loss 0.812, about 6 min left`, in the order of `steps`."""
    heads = [str(step.address) for step in steps]
    times = [duration(step.seconds(moment)) for step in steps]
    time = max(map(width_of, times), default=0)
    head = min(max(map(width_of, heads), default=0), max(width - time - 4 - _LEAST, _LEAST))
    rest = width - head - time - 4
    rows = zip(heads, times, steps, strict=True)
    return [
        cut(f"{padded(cut(name, look, head), head)}  {spent:>{time}}  {_doing(step, moment, look, rest)}", look, width)
        for name, spent, step in rows
    ]


def _doing(step: Running, moment: datetime, look: Look, width: int) -> str:
    watched = step.now(moment)
    if watched.stage:
        return fitting(watched, look, width)
    words = ": ".join(part for part in (DOING[step.op] if step.op else "", str(watched)) if part)
    return cut(words, look, width)
