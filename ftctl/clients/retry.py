"""The one place that asks Azure again: when, how often, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ftctl.clients.errors import REQUEST_TIMEOUT, SERVER_FAULT, AzureError
from ftctl.clients.trace import ATTEMPT
from ftctl.core.clock import Clock

T = TypeVar("T")

_BUSY = frozenset({"FT2027", "FT2028"})
_NOT_IN_DIRECTORY = "FT2110"
_THROTTLED = "FT2025"
_NO_WAY = frozenset({"FT2020", "FT2022", "FT2023"})


@dataclass(frozen=True, slots=True)
class Patience:
    """How a failure is borne: waits from `first` doubling up to `longest`, `tries` calls, `seconds` in all."""

    first: float
    longest: float
    seconds: float
    tries: int = 1000

    def wait(self, attempt: int) -> float:
        return min(self.longest, self.first * 2.0 ** min(attempt - 1, 16))


class Retry:
    """Makes a call until it succeeds or its failure is final. Raises that failure.

    `poll_seconds` is the cloud's own pace: a busy account is asked again after two to three of them (30-45 seconds on
    the real one). `notice` is told of each wait before it begins.
    """

    def __init__(
        self,
        clock: Clock,
        random: Callable[[], float] | None = None,
        *,
        poll_seconds: float = 15.0,
        notice: Callable[[AzureError, float], None] | None = None,
    ) -> None:
        self._clock = clock
        self._random = random or _random()
        self._notice = notice
        pace = min(1.0, poll_seconds)
        self._busy = Patience(first=3 * poll_seconds, longest=3 * poll_seconds, seconds=600)
        self._directory = Patience(first=poll_seconds / 3, longest=2 * poll_seconds, seconds=180)
        self._throttled = Patience(first=2 * pace, longest=60, seconds=300, tries=10)
        self._faulty = Patience(first=pace, longest=20, seconds=90, tries=5)

    def __call__(
        self,
        call: Callable[[], T],
        *,
        idempotent: bool,
        deadline: float | None = None,
        patience: Patience | None = None,
    ) -> T:
        """The result of `call`. `deadline` is how many seconds all attempts and waits may take, if less than usual.

        Only an idempotent call is made again when its outcome is unknown; one that was plainly refused (throttled,
        account busy, principal not there yet) is made again in any case. `patience` is for a call that takes longer
        than most: how a fault of the service or of the way to it is borne.
        """
        faulty = patience or self._faulty
        start = self._clock.now()
        attempt = 1
        while True:
            try:
                return _attempt(call, attempt)
            except AzureError as error:
                passed = (self._clock.now() - start).total_seconds()
                wait = self._wait(error, attempt, passed, deadline, faulty if idempotent else None)
                if wait is None:
                    raise
                if self._notice:
                    self._notice(error, wait)
            self._clock.sleep(wait)
            attempt += 1

    def _wait(
        self, error: AzureError, attempt: int, passed: float, deadline: float | None, faulty: Patience | None
    ) -> float | None:
        """Seconds until the next attempt, None for no more."""
        patience = self._patience(error, faulty)
        if patience is None or attempt >= patience.tries:
            return None
        wait = self._jittered(error, patience.wait(attempt))
        limit = patience.seconds if deadline is None else min(deadline, patience.seconds)
        return wait if passed + wait <= limit else None

    def _jittered(self, error: AzureError, wait: float) -> float:
        """What the service asks for is the least it gets; a wait of our own lies between two thirds and the whole."""
        if error.retry_after:
            return error.retry_after + self._random() * min(1.0, error.retry_after / 10)
        return wait * (2 + self._random()) / 3

    def _patience(self, error: AzureError, faulty: Patience | None) -> Patience | None:
        """How an error is borne: by `faulty` where it leaves the outcome open; None if nothing may be repeated then."""
        if error.code in _BUSY:
            return self._busy
        if error.code == _NOT_IN_DIRECTORY:
            return self._directory
        if error.code == _THROTTLED:
            return self._throttled
        lost = error.code in _NO_WAY or error.status == REQUEST_TIMEOUT
        return faulty if lost or error.status >= SERVER_FAULT else None


def _attempt(call: Callable[[], T], number: int) -> T:
    token = ATTEMPT.set(number)
    try:
        return call()
    finally:
        ATTEMPT.reset(token)


def _random() -> Callable[[], float]:
    import random  # noqa: PLC0415  costs 10 ms, and most runs wait for nothing

    return random.random
