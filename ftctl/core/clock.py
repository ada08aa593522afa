"""Time as an argument: the one place that asks the system what time it is, or sleeps."""

from __future__ import annotations

import queue
import time
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """What a stage needs of time."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...

    def receive(self, inbox: queue.Queue[T], seconds: float, *, busy: bool) -> T | None:
        """The next message, or None when `seconds` have passed without one.

        `busy` says that somebody is at work who will send a message; a manual clock then waits for it in
        real time and lets none of its own pass.
        """
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def receive(self, inbox: queue.Queue[T], seconds: float, *, busy: bool) -> T | None:  # noqa: ARG002  the manual clock needs it
        try:
            return inbox.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            return None


class ManualClock:
    """A clock that moves when told to: sleeping advances it at once. Safe to share between threads."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 6, 1, tzinfo=UTC)
        self._lock = Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def receive(self, inbox: queue.Queue[T], seconds: float, *, busy: bool) -> T | None:
        try:
            return inbox.get(timeout=60) if busy else inbox.get_nowait()
        except queue.Empty:
            self.advance(seconds)
            return None
