"""The events of a job in the service's order and wording, each reckoned from its number so that pages cost nothing.

The order and the words rest on the recorded events of a preference job of 840; those of reinforcement on reports and
documentation. What is said of pauses, and of a failure, is assumed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import TYPE_CHECKING

from ftctl.local import joblife, jobstate
from ftctl.local.dataplane import Doc, derived_id
from ftctl.local.joblife import Life, life_of

if TYPE_CHECKING:
    from ftctl.local.azure import Azure
    from ftctl.local.measures import Fit

_EVERY = 10  # steps between two reports, after that of the first
_NUMBER = 8  # hexadecimal digits of an event's number, at the end of its id
_Event = tuple[float, str, str]  # moment, level, message


class Story:
    """All events of a job's life as planned; those up to now can be seen.

    They are numbered: the opening, the reports on steps, the closing; and in between what happened to the job from
    outside, pauses and the like, where it came about.
    """

    def __init__(self, azure: Azure, job: Doc) -> None:
        self._azure = azure
        self._job = job
        self._prefix = derived_id("ftevent", job["id"])[:-_NUMBER]
        self._life = life = life_of(azure, job)
        trains = life.placed is not None and life.trains
        steps = life.breaks_after if life.failure == "training" else life.steps
        self._opening = _opening(job, life)
        self._reports = 1 + steps // _EVERY if trains else 0
        self._closing = self._end() if trains else []
        whole = len(self._opening) + self._reports + len(self._closing)
        seen = bisect_right(range(whole), life.stopped, key=self._moment)
        self._outside = [event for event in _outside(life) if event[0] <= life.now]
        self._places = [
            min(bisect_right(range(whole), event[0], key=self._moment), seen) + before
            for before, event in enumerate(self._outside)
        ]
        self.count = seen + len(self._outside)

    def page(self, after: str | None, limit: int) -> tuple[list[Doc], bool] | None:
        """Events newest first and whether more follow; None when `after` is none of them."""
        newest = self.count
        if after is not None:
            newest = int(after[-_NUMBER:], 16) if _is_hex(after[-_NUMBER:]) else self.count
            if newest >= self.count or self._id(newest) != after:
                return None
        oldest = max(newest - limit, 0)
        return [self._event(number) for number in range(newest - 1, oldest - 1, -1)], oldest > 0

    @cached_property
    def _fit(self) -> Fit:
        return jobstate.fit_of(self._azure, self._job)

    def _event(self, number: int) -> Doc:
        before = bisect_left(self._places, number)
        if before < len(self._places) and self._places[before] == number:
            return self._said(number, self._outside[before])
        planned = number - before
        step = self._step(planned)
        if step is None:
            return self._said(number, self._planned(planned))
        from ftctl.local.measures import told  # noqa: PLC0415  only for those who look at a job's steps

        measured = told(self._fit.rows[step - 1])
        word = "training loss" if "train_loss" in measured else "training mean reward"
        message = f"Step {step}: {word}={measured.get('train_loss', measured.get('train_mean_reward'))}"
        return self._said(number, (self._life.step_done(step), "info", message)) | {"type": "metrics", "data": measured}

    def _said(self, number: int, event: _Event) -> Doc:
        moment, level, message = event
        return {
            "id": self._id(number),
            "created_at": int(moment),
            "level": level,
            "message": message,
            "object": "fine_tuning.job.event",
            "type": "message",
        }

    def _id(self, number: int) -> str:
        return f"{self._prefix}{number:0{_NUMBER}x}"

    def _step(self, planned: int) -> int | None:
        """The step that an event reports on, None for the others."""
        place = planned - len(self._opening)
        if not 0 <= place < self._reports:
            return None
        return _EVERY * place or 1

    def _moment(self, planned: int) -> float:
        step = self._step(planned)
        if step is not None:
            return self._life.step_done(step)
        return self._opening[planned][0] if planned < len(self._opening) else self._life.end_of_work

    def _planned(self, planned: int) -> _Event:
        if planned < len(self._opening):
            return self._opening[planned]
        message = self._closing[planned - len(self._opening) - self._reports]
        if message.endswith("tokens billed: "):
            message += str(self._fit.trained_tokens)
        return self._life.end_of_work, "error" if self._life.failure else "info", message

    def _end(self) -> list[str]:
        if self._life.failure:
            return [f"Job failed: {self._job['_failure']['message']}"]
        hourly = self._job["_method"]["kind"] == "reinforcement"
        return [
            "Job succeeded.",
            "Model Evaluation Passed.",
            f"Completed results file: {jobstate.results_id(self._job)}",
            f"Training hours billed: {self._life.hours:.3f}" if hourly else "Training tokens billed: ",
        ]


def _is_hex(text: str) -> bool:
    return len(text) == _NUMBER and all(sign in "0123456789abcdef" for sign in text)


def _outside(life: Life) -> list[_Event]:
    """What was done to the job, in order."""
    events: list[_Event] = []
    for begun, ended in life.pauses:
        paused = life.paused_at(begun)
        if paused <= life.stopped:
            events.append((paused, "info", "Job paused."))
        if ended is not None and (resumed := ended + joblife.RESUMING * life.unit) <= life.stopped:
            events.append((resumed, "info", "Job resumed."))
    if life.cancelled is not None:
        events.append((life.cancelled, "info", "Job canceled."))
    return events


def _opening(job: Doc, life: Life) -> list[_Event]:
    """What is told before the first step, or before the failure; nothing more than the queue without a place in it."""
    events: list[_Event] = [(life.created, "info", "Job enqueued. Waiting for jobs ahead to complete.")]
    if "_warning" in job:
        events.append((life.created, "warning", job["_warning"]))
    if life.placed is None:
        return events
    told = [(joblife.CHECKING, "Preprocessing running for file training file.")]
    if not life.trains:
        events += [(life.at(seconds), "info", message) for seconds, message in told]
        stuck = life.failure == "stuck-validation"
        return events if stuck else [*events, (life.end_of_work, "error", f"Job failed: {job['_failure']['message']}")]
    told.append((joblife.CHECKED, "Preprocessing completed for file training file."))
    if "validation_file" in job:
        told.append((joblife.CHECKING_VALIDATION, "Preprocessing running for file validation file."))
        told.append((joblife.CHECKED_VALIDATION, "Preprocessing completed for file validation file."))
    told += [
        (joblife.STARTED, "Job started."),
        (joblife.IMPORTING, "Data Import started."),
        (joblife.TUNING, "Finetuning started."),
        (joblife.QUEUED, "Job queued, waiting for GPUs."),
        (joblife.TRAINING, "Training started."),
        (joblife.RESULTS_BEGUN, f"Created results file: {jobstate.results_id(job)}"),
    ]
    return events + [(life.at(seconds), "info", message) for seconds, message in told]
