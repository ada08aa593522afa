"""The moments of a fine-tuning job: which stage of its work it reaches when, through waiting, pauses and failures."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from ftctl.local.dataplane import Doc

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

# Seconds of Azure's time from the moment a job has its place; a small job takes about an hour in all.
CHECKING, CHECKED = 20.0, 60.0
CHECKING_VALIDATION, CHECKED_VALIDATION = 80.0, 110.0
STARTED = 120.0
IMPORTING, TUNING, QUEUED, TRAINING = 150.0, 200.0, 240.0, 560.0
RESULTS_BEGUN = 565.0
_STEPS_FROM = 570.0
_STEPS_TAKE, _EACH_STEP_TAKES, _LONGEST = 2400.0, 0.5, 8 * 3600.0
_EVALUATION = 300.0  # after the last step
PAUSING, RESUMING = 300.0, 120.0  # until a job has paused, its checkpoint evaluated; until it runs on
_BREAKDOWN = 60.0  # after the last step of a training that fails


@dataclass(frozen=True, slots=True)
class Life:
    """The moments of a job in Unix time, and how much of it has come about at `now`.

    `failure` is how it is going to fail: of its "data" (or its "format"), in "training", at the "evaluation" of the
    model, or by "stuck-validation", which never ends. In `pauses`, each is the moment it was asked for, and the one
    it was asked to end, None while it lasts.
    """

    now: float
    created: float
    placed: float | None  # among the running jobs
    unit: float  # seconds of the clock in one of Azure's
    steps: int
    failure: str = ""
    cancelled: float | None = None
    pauses: tuple[tuple[float, float | None], ...] = ()

    @property
    def stopped(self) -> float:
        """The moment up to which the job's moments count."""
        return self.now if self.cancelled is None else min(self.now, self.cancelled)

    def at(self, seconds: float) -> float:
        """The moment so many of Azure's seconds of work into the job; never, where it is paused until then."""
        moment = (self.created if self.placed is None else self.placed) + seconds * self.unit
        for begun, ended in self.pauses:
            if moment > begun:
                moment += inf if ended is None else ended + RESUMING * self.unit - begun
        return moment

    def reached(self, seconds: float) -> bool:
        return self.placed is not None and seconds <= self.last and self.at(seconds) <= self.stopped

    @property
    def last(self) -> float:
        """How far the work gets, in seconds."""
        if self.failure == "stuck-validation":
            return CHECKING
        if self.failure in ("data", "format"):
            return CHECKED
        return self._worked(self.breaks_after) + _BREAKDOWN if self.failure == "training" else inf

    @property
    def breaks_after(self) -> int:
        """The step after which a failing training breaks off: half way."""
        return max(1, self.steps // 2)

    @property
    def each_step(self) -> float:
        return min(_STEPS_TAKE + self.steps * _EACH_STEP_TAKES, _LONGEST) / self.steps

    def _worked(self, step: int) -> float:
        return _STEPS_FROM + step * self.each_step

    def step_done(self, step: int) -> float:
        """The moment at which a step is done."""
        return self.at(self._worked(step))

    @property
    def trains(self) -> bool:
        """Whether it gets as far as its first step."""
        return self.failure not in ("data", "format", "stuck-validation")

    @property
    def steps_done(self) -> int:
        if not self.trains or self.placed is None:
            return 0
        most = self.breaks_after if self.failure == "training" else self.steps
        return bisect_right(range(1, most + 1), self.stopped, key=self.step_done)

    @property
    def succeeds(self) -> float:
        return self.at(self._worked(self.steps) + _EVALUATION)

    @property
    def hours(self) -> float:
        """Azure's hours of training, up to the last step."""
        return (self._worked(self.steps) - TRAINING) / 3600

    @property
    def end(self) -> float:
        """When the job ends, or would if it had its place just now; never, while it is paused or stuck."""
        return self.end_of_work if self.cancelled is None else self.cancelled

    @property
    def end_of_work(self) -> float:
        """When it ends by itself."""
        match self.failure:
            case "stuck-validation":
                return inf
            case "data" | "format" | "training":
                return self.at(self.last)
            case _:
                return self.succeeds

    @property
    def expected(self) -> float:
        """When it would succeed if it went on at once, and well."""
        if not self.pauses or self.pauses[-1][1] is not None:
            return self.succeeds
        begun = self.pauses[-1][0]
        return replace(self, pauses=(*self.pauses[:-1], (begun, max(self.stopped, self.paused_at(begun))))).succeeds

    def paused_at(self, begun: float) -> float:
        """When a pause that was asked for then has come about."""
        return begun + PAUSING * self.unit

    @property
    def halt(self) -> str:
        """The word for a job between running and running on; empty for all others."""
        if not self.pauses:
            return ""
        begun, ended = self.pauses[-1]
        if ended is None:
            return "paused" if self.paused_at(begun) <= self.now else "pausing"
        return "resuming" if self.now < ended + RESUMING * self.unit else ""

    @property
    def status(self) -> str:
        if self.cancelled is not None:
            return "cancelled"
        if self.placed is not None and self.end <= self.now:
            return "failed" if self.failure else "succeeded"
        return self.halt or ("running" if self.reached(STARTED) else "pending")


def life_of(azure: Azure, job: Doc) -> Life:
    """A job's life up to now."""
    return Life(
        now=azure.moment(),
        created=job["_created"],
        placed=job.get("_placed"),
        unit=job["_unit"],
        steps=job["_steps"],
        failure=job["_failure"]["kind"] if "_failure" in job else "",
        cancelled=job.get("_cancelled"),
        pauses=tuple((one["begun"], one.get("ended")) for one in job.get("_pauses", ())),
    )
