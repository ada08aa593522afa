"""Questions to a temporary deployment and scores of its answers. What is asked and said stays in memory, unshown."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftctl.core.clock import Clock
from ftctl.core.codes import CODES
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.spans import carried
from ftctl.kinds.contract import NotYetError
from ftctl.kinds.heldout import Exam
from ftctl.results.condition import Mean

if TYPE_CHECKING:
    from ftctl.clients.dataplane import DataPlane
    from ftctl.clients.errors import AzureError
    from ftctl.data.heldout import Question

_AT_ONCE = 8  # questions of one look
_PARALLEL = 4
_FILTERED = "FT2206"
_NOT_READY = {404, 409, 429, 503}  # what a deployment that is still loading answers, or one that is asked too much
_LOST, _FAULTY = {0, 408}, 500
_PATIENCE, _FAULT_PATIENCE = 20 * 60, 90  # seconds without any answer; large models have taken 15 minutes
_TRIES = 3  # of a grader that failed for the service's own reasons
_PASSING = {"model_grader_server_error", "python_grader_server_error"}
_SAID_BADLY = {"sample_parse_error"}  # the answer has not the form that the grader reads: the service scores it 0
_NAMED = 3  # lines
DIGITS = ".6g"  # of a mean, as people see it and as it is remembered


@dataclass(slots=True)
class Asking:
    """One evaluation of one model: what is still to be asked, and the scores so far."""

    exam: Exam
    left: list[Question]
    options: dict[str, Any]
    scores: dict[int, float] = field(default_factory=dict)
    answers: dict[int, str] = field(default_factory=dict)
    unanswered: int = 0
    failed: dict[int, str] = field(default_factory=dict)
    _tries: dict[int, int] = field(default_factory=dict)
    _since: float = 0.0
    _rests_until: float = 0.0

    @classmethod
    def begin(cls, exam: Exam) -> Asking:
        form = {"response_format": dict(exam.form)} if exam.form else {}
        return cls(exam, _questions(exam), {"max_tokens": exam.max_tokens, "temperature": 0, **form})

    def go_on(self, data: DataPlane, deployment: str, clock: Clock) -> Mean:
        """Ask the next few. Raises NotYetError unless those were the last; the first is asked alone."""
        now = clock.now().timestamp()
        self._since = self._since or now
        if now >= self._rests_until and self.left:
            few = self.left[: _AT_ONCE if self.answers else 1]
            with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
                refusals = list(pool.map(carried(partial(self._one, data, deployment)), few))
            before, self.left = len(self.left), [one for one in self.left if one.line not in self.scores]
            self._since = now if len(self.left) < before else self._since
            for question, error in zip(few, refusals, strict=True):
                if error:
                    self._bear(error, question, deployment, now)
        if self.left:
            done = len(self.scores)
            raise NotYetError(f"{deployment} has answered {done:,} of {done + len(self.left):,} questions")
        return self._mean()

    def _one(self, data: DataPlane, deployment: str, question: Question) -> AzureError | None:
        """Ask one and have it graded; what was answered before is not asked again."""
        from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

        try:
            if question.line not in self.answers:
                self.answers[question.line] = self._answer(data, deployment, question)
            self._score(data, question)
        except AzureError as error:
            return error
        return None

    def _answer(self, data: DataPlane, deployment: str, question: Question) -> str:
        """What the deployment says. Reasoning models take neither a temperature nor the older name of the limit."""
        from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

        tools = {"tools": question.tools} if question.tools else {}
        try:
            reply = data.ask(deployment, question.messages, {**self.options, **tools})
        except AzureError as error:
            if not self._adapted(error):
                raise
            return self._answer(data, deployment, question)
        message = (reply.get("choices") or [{}])[0].get("message") or {}
        return str(message.get("content") or "")

    def _adapted(self, error: AzureError) -> bool:
        """Whether the model wants it said otherwise, and that was new."""
        said = error.problem.what
        if error.status != 400 or error.code == _FILTERED:  # noqa: PLR2004  HTTP
            return False
        if "max_completion_tokens" in said and "max_tokens" in self.options:
            self.options = _without(self.options, "max_tokens") | {"max_completion_tokens": self.exam.max_tokens}
            return True
        if "temperature" in said and "temperature" in self.options:
            self.options = _without(self.options, "temperature")
            return True
        return False

    def _score(self, data: DataPlane, question: Question) -> None:
        line = question.line
        told = data.run_grader(dict(self.exam.grader), question.item, self.answers[line], deadline=0)
        errors = {name for name, value in ((told.get("metadata") or {}).get("errors") or {}).items() if value is True}
        self._tries[line] = self._tries.get(line, 0) + 1
        if errors & _PASSING and self._tries[line] < _TRIES:
            return
        if wrong := sorted(errors - _SAID_BADLY):
            self.failed[line] = wrong[0]
        self.scores[line] = float(told.get("reward") or 0.0)

    def _bear(self, error: AzureError, question: Question, deployment: str, now: float) -> None:
        """What a refusal means: no answer to this question, a while of patience, or the end."""
        if error.code == _FILTERED and question.line not in self.answers:
            self.answers[question.line], self.scores[question.line] = "", 0.0
            self.unanswered += 1
            self._since, self.left = now, [one for one in self.left if one is not question]
            return
        if error.permission:
            raise error
        graded = question.line in self.answers
        waiting = error.status in _NOT_READY and not (graded and error.missing)
        patience = _PATIENCE if waiting else _FAULT_PATIENCE
        if waiting or error.status in _LOST or error.status >= _FAULTY:
            if now - self._since < patience:
                self._rests_until = max(self._rests_until, now + (error.retry_after or 0))
                return
            raise problem("FT3261", f"{deployment} gave no answer for {patience:,} seconds: {_named(error)}")
        did = "graded" if graded else "asked"
        what = f"line {question.line:,} of {self.exam.shown} could not be {did}: {_named(error)}"
        raise problem("FT3260", what, correlation=error.problem.correlation)

    def _mean(self) -> Mean:
        if self.failed:
            lines = ", ".join(f"{line:,}" for line in sorted(self.failed)[:_NAMED])
            more = " …" if len(self.failed) > _NAMED else ""
            names = " and ".join(sorted(set(self.failed.values())))
            what = f"the grader failed for {len(self.failed):,} of {len(self.scores):,} answers with {names}"
            raise problem("FT3262", f"{what}: line {lines}{more} of {self.exam.shown}")
        mean = sum(self.scores.values()) / len(self.scores)
        return Mean(float(f"{mean:{DIGITS}}"), len(self.scores), self.unanswered)


def problem(code: str, what: str, *, correlation: str = "") -> FtctlError:
    """One in the general words of its code."""
    return FtctlError(Problem(code, what, why=CODES[code].why, fix=CODES[code].fix, correlation=correlation))


def _named(error: AzureError) -> str:
    """A refusal without the service's own words, which may quote what it was asked."""
    title = CODES[error.code].title
    return f"{title[:1].lower()}{title[1:]}, {error.code}"


def _without(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != name}


def _questions(exam: Exam) -> list[Question]:
    """The questions, if the file still is what was planned with."""
    from ftctl.data.check import FILE_LIMIT  # noqa: PLC0415  decoding is only needed where something is asked
    from ftctl.data.heldout import questions  # noqa: PLC0415  the same
    from ftctl.data.lines import Source, Unfit  # noqa: PLC0415  the same

    try:
        source = Source(Path(exam.path), exam.shown, bom=exam.bom, limit=FILE_LIMIT)
        found = questions(source, exam.format, exam.most)
    except Unfit as error:
        raise problem("FT3263", error.finding.what) from None
    except ValueError:
        raise problem("FT3263", f"{exam.shown} is not what it was when the plan was made") from None
    if source.sha256 != exam.sha256:
        raise problem("FT3263", f"{exam.shown} is not what it was when the plan was made")
    return found
