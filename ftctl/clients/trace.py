"""What `--trace` shows: one line for every HTTP call of every client, without secrets and bodies."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import TextIO

from ftctl.clients.redact import scrub_url

ATTEMPT: ContextVar[int] = ContextVar("ATTEMPT", default=1)
"""Which attempt of a call is being made; `retry` sets it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call that was answered, or (`status` 0) was not, and then why."""

    method: str
    url: str
    status: int
    milliseconds: float
    request_id: str = ""
    attempt: int = 1
    failure: str = ""

    def __str__(self) -> str:
        outcome = str(self.status) if self.status else f"no answer ({self.failure})"
        again = f" attempt {self.attempt}" if self.attempt > 1 else ""
        return f"{self.method} {self.url} {outcome} {self.milliseconds:.0f} ms{again} {self.request_id}".rstrip()


class Trace:
    """Counts calls, and writes a line for each where it has an `out`. Safe to share between threads."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out
        self._lock = Lock()
        self._start = time.perf_counter()
        self.count = 0

    def record(
        self,
        *,
        method: str,
        url: str,
        started: float,
        status: int = 0,
        request_id: str = "",
        failure: str = "",
    ) -> None:
        """Take note of a call that began at `started` (of time.perf_counter) and is over now."""
        now = time.perf_counter()
        call = Call(method, scrub_url(url), status, (now - started) * 1000, request_id, ATTEMPT.get(), failure)
        with self._lock:
            self.count += 1
            if self._out:
                self._out.write(f"{started - self._start:8.3f} {call}\n")
                self._out.flush()
