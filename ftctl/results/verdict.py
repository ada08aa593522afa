"""The verdict on a training: which rule applies, with its numbers. docs/results.md publishes each rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ftctl.results import columns
from ftctl.results.case import Case
from ftctl.results.noise import apart, quarters, stretches, sturdy_noise
from ftctl.results.numbers import number
from ftctl.results.table import Table
from ftctl.results.thresholds import (
    DIVERGING_OF_LEARNED,
    DIVERGING_OF_START,
    FALLING,
    FEWEST_STEPS,
    NOISE_KNOWN,
    NOISY,
    OF_START,
    OVERFIT_EVALUATIONS,
    OVERFIT_RISE,
    STUCK,
    SURE,
)

_FEWEST_STRETCHES = 4  # of a validation loss measured at each step, to look for its lowest
_ENOUGH_EVALUATIONS = 3


class Outcome(StrEnum):
    CONVERGED = "converged"
    FALLING = "still falling"
    RISING = "still rising"
    OVERFITTING = "overfitting"
    DIVERGING = "diverging"
    NOT_LEARNING = "not learning"
    STUCK = "reward stuck"
    TOO_SHORT = "too short to tell"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a training came to: what was seen, the rule it meets, what to do, and what limits the judgement.

    `sound` is the last step before a training went astray, where it did: nothing after it is worth serving.
    """

    outcome: Outcome
    seen: str
    rule: str
    advice: str
    since: int | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    sound: int | None = None

    @property
    def title(self) -> str:
        """`overfitting since step 180`, `still falling (train longer)`."""
        if self.outcome in {Outcome.FALLING, Outcome.RISING}:
            return f"{self.outcome} (train longer)"
        return f"{self.outcome} since step {self.since:,}" if self.since is not None else str(self.outcome)


def judge(table: Table, *, running: bool = False) -> Verdict:
    """The first rule that applies, from the gravest to the mildest."""
    case = Case.of(table)
    verdict = next(found for rule in _RULES if (found := rule(case)))
    limits = tuple(_limits(case, table, running=running))
    return replace(verdict, limits=(*limits, *verdict.limits))


def _broken(case: Case) -> Verdict | None:
    found = [(step, series.name) for series in case.all if (step := series.broken()) is not None]
    if not found:
        return None
    step, name = min(found)
    return Verdict(
        Outcome.DIVERGING,
        f"From step {step:,} on the {columns.title(name)} is no number any more.",
        "The last values measured are NaN or infinite.",
        "Lower the learning-rate multiplier, and look for odd examples in the data of the steps before.",
        step,
        sound=step - 1,
    )


def _too_short(case: Case) -> Verdict | None:
    steps = len(case.values)
    if steps >= FEWEST_STEPS:
        return None
    return Verdict(
        Outcome.TOO_SHORT,
        f"The {case.train_title} was measured at {steps} steps.",
        f"With fewer than {FEWEST_STEPS} measured steps nothing is said.",
        "Train for more steps: more examples, more epochs, or a smaller batch.",
        numbers={"measured_steps": steps},
    )


def _diverging(case: Case) -> Verdict | None:
    parts = stretches(case.steps, case.values)
    start, end = parts[0], parts[-1]
    low = min(parts, key=lambda one: one.mean)
    rise = end.mean - low.mean
    bar = max(DIVERGING_OF_LEARNED * (start.mean - low.mean), DIVERGING_OF_START * abs(start.mean))
    if rise <= max(bar, SURE * apart(low, end)):
        return None
    return Verdict(
        Outcome.DIVERGING,
        f"The {case.train_title} {case.fell} to {case.told(low.mean)} around step {low.last:,}, and {case.rose} to"
        f" {case.told(end.mean)} at the end.",
        f"The last of {len(parts)} stretches is {case.worse} than the best by more than {DIVERGING_OF_LEARNED:.0%} of"
        f" what was learned till then, {DIVERGING_OF_START:.0%} of the first, and {SURE:g} standard errors.",
        "Lower the learning-rate multiplier; a checkpoint from before is the one to serve.",
        low.last,
        {"best": case.raw(low.mean), "end": case.raw(end.mean), "threshold": max(bar, SURE * apart(low, end))},
        sound=low.last,
    )


def _overfitting(case: Case) -> Verdict | None:
    found = _risen(case, case.evaluations) if len(case.evaluations) >= _ENOUGH_EVALUATIONS else None
    if found or len(case.evaluations) >= NOISE_KNOWN or not case.dense:
        return found
    parts = stretches(case.valid_steps, case.valid_values)
    if len(parts) < _FEWEST_STRETCHES:
        return None
    error = max(one.error for one in parts) * 2**0.5
    return _risen(case, [(one.last, one.mean) for one in parts], error)


def _risen(case: Case, points: list[tuple[int, float]], error: float = 0.0) -> Verdict | None:
    """Whether a validation measure has left its lowest for good while training went on getting better."""
    if len(points) >= NOISE_KNOWN and not error:
        error = sturdy_noise([value for _, value in points])
    step, low = min(points, key=lambda point: (point[1], -point[0]))
    after = [value for at, value in points if at > step][-OVERFIT_EVALUATIONS:]
    bar = max(OVERFIT_RISE * abs(low), OF_START * abs(case.start.mean), SURE * error)
    if len(after) < OVERFIT_EVALUATIONS or min(after) - low <= bar or not case.still_learned(step):
        return None
    end = points[-1][1]
    return Verdict(
        Outcome.OVERFITTING,
        f"The {case.valid_title} was best at step {step:,} with {case.told(low)} and is {case.told(end)} now,"
        f" {abs(end - low) / abs(low or 1):.0%} {case.worse}, while training went on getting better.",
        f"The last {OVERFIT_EVALUATIONS} evaluations are {case.worse} than the best by more than {OVERFIT_RISE:.0%} of"
        f" it, {OF_START:.0%} of the first training measure, and {SURE:g} standard errors.",
        "Serve the checkpoint nearest to that step; train fewer epochs, or on more varied data.",
        step,
        {"best": case.raw(low), "end": case.raw(end), "threshold": bar},
    )


def _not_learning(case: Case) -> Verdict | None:
    if case.begins_late:
        return None
    start, end = case.start, quarters(case.steps, case.values)[1]
    scale = max(abs(start.mean), abs(end.mean))
    error = SURE * apart(start, end)
    learned = start.mean - end.mean
    if learned > max(STUCK * scale, error) or _learned_by_evaluations(case):
        return None
    if error > NOISY * scale and (len(case.values) < FEWEST_STEPS * 2 or learned > error / SURE):
        return _hidden(case, error, learned)
    return Verdict(
        Outcome.STUCK if case.reward else Outcome.NOT_LEARNING,
        f"The {case.train_title} was {case.told(start.mean)} at the beginning and is {case.told(end.mean)} at the end.",
        f"From the first stretch to the last quarter it got better by no more than {STUCK:.0%} of the level, or than"
        f" {SURE:g} standard errors.",
        "Look whether the grader tells good answers from bad ones, and whether the task is neither too easy nor too"
        " hard for the base model."
        if case.reward
        else "Raise the learning-rate multiplier, and look whether the data has anything that the base model lacks.",
        numbers={"start": case.raw(start.mean), "end": case.raw(end.mean), "threshold": max(STUCK * scale, error)},
    )


def _learned_by_evaluations(case: Case) -> bool:
    """Whether validation got better since its first evaluation, where training is too noisy to show it."""
    values = [value for _, value in case.evaluations]
    if len(values) < _ENOUGH_EVALUATIONS:
        return False
    error = sturdy_noise(values) if len(values) >= NOISE_KNOWN else 0.0
    return values[0] - values[-1] > max(STUCK * max(map(abs, values)), SURE * error)


def _falling(case: Case) -> Verdict | None:
    late = case.late()
    bar = _bar(case, late.now)
    change = late.before - late.now
    if change <= max(bar, SURE * late.error):
        return None
    return Verdict(
        Outcome.RISING if case.reward else Outcome.FALLING,
        f"The {late.title} {case.fell} from {case.told(late.before)} to {case.told(late.now)} within the last quarter"
        " of the training.",
        f"Within a quarter of the steps it got better by more than {FALLING:.0%} of its level, {OF_START:.0%} of the"
        f" first training measure, and {SURE:g} standard errors.",
        "Train longer: more epochs, or go on from this model.",
        numbers={"before": case.raw(late.before), "end": case.raw(late.now), "threshold": max(bar, SURE * late.error)},
    )


def _converged(case: Case) -> Verdict:
    late = case.late()
    bar, error = _bar(case, late.now), SURE * late.error
    learned = case.start.mean - quarters(case.steps, case.values)[1].mean
    if error > max(bar, NOISY * learned) and not case.begins_late:
        return _hidden(case, error, learned)
    limits = (f"Noise hides changes below ±{number(error)} at the end.",) if error > bar else ()
    return Verdict(
        Outcome.CONVERGED,
        f"The {late.title} went from {case.told(late.before)} to {case.told(late.now)} within the last quarter of the"
        " training: more steps would change little.",
        f"Within a quarter of the steps it got better by no more than {number(bar)} ({FALLING:.0%} of its level, or"
        f" {OF_START:.0%} of the first training measure), or by no more than noise.",
        "Nothing to do.",
        numbers={"before": case.raw(late.before), "end": case.raw(late.now), "threshold": max(bar, error)},
        limits=limits,
    )


def _hidden(case: Case, error: float, learned: float) -> Verdict:
    return Verdict(
        Outcome.TOO_SHORT,
        f"The {case.train_title} varies so much from step to step that ±{number(error)} is noise, beside"
        f" {number(abs(learned))} that was learned in all.",
        f"Noise ({SURE:g} standard errors) is greater than {NOISY:.0%} of what was learned.",
        "Train for more steps, or with a larger batch."
        + ("" if case.validated else " Validation data makes the judgement much sharper."),
        numbers={"noise": error, "learned": learned},
    )


def _bar(case: Case, now: float) -> float:
    return max(FALLING * abs(now), OF_START * abs(case.start.mean))


def _limits(case: Case, table: Table, *, running: bool) -> list[str]:
    limits = []
    if running:
        limits.append("The job still runs: this is how it stands so far.")
    if not case.validated:
        limits.append("No validation data: whether the model overfits cannot be seen.")
    if case.begins_late:
        limits.append(f"What was before step {table.first_step:,} is not in the file.")
    if case.dropped:
        limits.append(f"{case.dropped:,} values that are no numbers were passed over.")
    return limits


_RULES: tuple[Callable[[Case], Verdict | None], ...] = (
    _broken,
    _too_short,
    _diverging,
    _overfitting,
    _not_learning,
    _falling,
    _converged,
)
