"""The events of a job in the service's order and wording, each reckoned from its number so that pages cost nothing."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from ftctl.local import jobstate
from ftctl.local.dataplane import Doc, derived_id
from ftctl.local.jobstate import Life

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

_EVERY = 10  # steps between two reports, after that of the first
_Event = tuple[float, str, str]  # moment, level, message


class Story:
    """All events of a job's life as planned; those up to now can be seen."""

    def __init__(self, azure: Azure, job: Doc) -> None:
        self._azure = azure
        self._job = job
        self._life = life = jobstate.life_of(azure, job)
        self._opening = _opening(job, life)
        trains = life.placed is not None and not life.failed
        self._reports = 1 + life.steps // _EVERY if trains else 0
        whole = len(self._opening) + self._reports + (4 if trains else 0)
        self._cancelled = life.cancelled is not None
        self.count = bisect_right(range(whole), life.stopped, key=self._moment) + self._cancelled

    def page(self, after: str | None, limit: int) -> tuple[list[Doc], bool] | None:
        """Events newest first and whether more follow; None when `after` is none of them."""
        newest = self.count
        if after is not None:
            newest = int(after[-8:], 16) if _is_hex(after[-8:]) else self.count
            if newest >= self.count or self._id(newest) != after:
                return None
        oldest = max(newest - limit, 0)
        return [self._event(number) for number in range(newest - 1, oldest - 1, -1)], oldest > 0

    def _event(self, number: int) -> Doc:
        if self._cancelled and number == self.count - 1:
            return self._said(number, (self._life.stopped, "info", "Job canceled."))
        step = self._step(number)
        if step is None:
            return self._said(number, self._other(number))
        measures = jobstate.measures(jobstate.fit_of(self._azure, self._job).rows[step - 1])
        told = (self._life.step_done(step), "info", f"Step {step}: training loss={measures['train_loss']}")
        return self._said(number, told) | {"type": "metrics", "data": measures}

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
        return f"{derived_id('ftevent', self._job['id'])[:-8]}{number:08x}"

    def _step(self, number: int) -> int | None:
        """The step that an event reports on, None for the others."""
        place = number - len(self._opening)
        if not 0 <= place < self._reports:
            return None
        return _EVERY * place or 1

    def _moment(self, number: int) -> float:
        step = self._step(number)
        if step is not None:
            return self._life.step_done(step)
        return self._opening[number][0] if number < len(self._opening) else self._life.succeeds

    def _other(self, number: int) -> _Event:
        if number < len(self._opening):
            return self._opening[number]
        place = number - len(self._opening) - self._reports
        message = (
            "Job succeeded.",
            "Model Evaluation Passed.",
            f"Completed results file: {jobstate.results_id(self._job)}",
            "Training tokens billed: ",
        )[place]
        if place == 3:  # noqa: PLR2004  the last of the four
            message += str(jobstate.fit_of(self._azure, self._job).trained_tokens)
        return self._life.succeeds, "info", message


def _is_hex(text: str) -> bool:
    return len(text) == 8 and all(sign in "0123456789abcdef" for sign in text)  # noqa: PLR2004  as _id writes it


def _opening(job: Doc, life: Life) -> list[_Event]:
    """What is told before the first step, or before the failure; nothing more than the queue without a place in it."""
    events: list[_Event] = [(life.created, "info", "Job enqueued. Waiting for jobs ahead to complete.")]
    if "_warning" in job:
        events.append((life.created, "warning", job["_warning"]))
    if life.placed is None:
        return events
    told = [(jobstate.CHECKING, "Preprocessing running for file training file.")]
    if life.failed:
        events += [(life.at(seconds), "info", message) for seconds, message in told]
        return [*events, (life.at(jobstate.CHECKED), "error", f"Job failed: {job['_failure']['message']}")]
    told.append((jobstate.CHECKED, "Preprocessing completed for file training file."))
    if "validation_file" in job:
        told.append((jobstate.CHECKING_VALIDATION, "Preprocessing running for file validation file."))
        told.append((jobstate.CHECKED_VALIDATION, "Preprocessing completed for file validation file."))
    told += [
        (jobstate.STARTED, "Job started."),
        (jobstate.IMPORTING, "Data Import started."),
        (jobstate.TUNING, "Finetuning started."),
        (jobstate.QUEUED, "Job queued, waiting for GPUs."),
        (jobstate.TRAINING, "Training started."),
        (jobstate.RESULTS_BEGUN, f"Created results file: {jobstate.results_id(job)}"),
    ]
    return events + [(life.at(seconds), "info", message) for seconds, message in told]
