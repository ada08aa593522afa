"""Reinforcement tuning, for real: the text model answers, a grader rewards, and better answers become likelier.

For each example of a step the model draws a few answers of its own (four, times `compute_multiplier`): pieces of the
prompt at first, since it knows nothing else. The job's grader gives each a reward, as it would through the graders API.
Answers above their group's mean are learned by how far they are above it, those below are unlearned: the policy
gradient with the group's mean as baseline, as far as a model of counts can follow it. A step's measure is the mean
reward of its answers; every `eval_interval` steps `eval_samples` answers to each validation example are graded too.

With a response format of a JSON object the keys are given and the model draws the values, as constrained decoding does.
Rewards can rise only where pieces of the prompt make good answers; like any policy, it learns nothing from equal ones.
Reference fields of an example are the grader's: the model never sees them. Work is bounded by `ANSWERS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from statistics import fmean

from ftctl.local import structure
from ftctl.local.datafile import Task
from ftctl.local.grading import Grader
from ftctl.local.measures import RewardRow
from ftctl.local.textmodel import Turn
from ftctl.local.training import Fitting, Recipe

ANSWERS, CHECKED = 6_000, 1_500  # graded in a whole fit, in training and on validation data
ANSWER_PIECES = 48  # of one answer, or of one value in it
_GROUP, _LARGEST_GROUP = 4, 16
_PYTHON_SECONDS, _PATIENCE = 5.0, 3  # for one answer, and how many may take longer before the grader is given up
_PARSE = {"sample_parse_error"}


@dataclass(frozen=True, slots=True)
class _Drawn:
    """An answer: its text, what was drawn for it, and what the grader said."""

    text: str
    parts: tuple[tuple[str, str], ...]  # prompt and answer of each thing drawn
    pieces: int
    reward: float
    errors: frozenset[str]


class ReinforcementFitting(Fitting[RewardRow]):
    """A reinforcement tuning while it runs."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        options = recipe.options
        self._grader = Grader(options["grader"], seconds=_PYTHON_SECONDS, patience=_PATIENCE)
        self._fields = structure.fields(options.get("response_format"))
        self._group = max(2, min(_LARGEST_GROUP, round(_GROUP * (options.get("compute_multiplier") or 1.0))))
        self._interval = int(options["eval_interval"])
        self._samples = int(options["eval_samples"])
        self._turns: dict[tuple[str, str], Turn] = {}

    def run(self) -> tuple[list[RewardRow], int]:
        with self._grader:
            return super().run()

    def step(self, step: int, batch: list[int]) -> RewardRow:
        tasks = max(1, ANSWERS // (self.steps * self._group))
        drawn: list[_Drawn] = []
        for number in batch[:tasks]:
            group = self._answers(self.training.task(number), self._group, self.chance)
            self._learn(group)
            drawn += group
        return self._row(step, drawn, self._check() if step % self._interval == 0 else None)

    def end_epoch(self, row: RewardRow) -> RewardRow:
        return row if row.full_valid_reward is not None else row._replace(full_valid_reward=self._check())

    def count_tokens(self) -> int:
        """None are billed: reinforcement is, by the hour."""
        return 0

    def _row(self, step: int, drawn: list[_Drawn], valid: float | None) -> RewardRow:
        parse = sum(bool(one.errors & _PARSE) for one in drawn)
        return RewardRow(
            step,
            _rounded(fmean(one.reward for one in drawn)),
            valid,
            _rounded(fmean(one.pieces for one in drawn)),
            0.0,
            _rounded(fmean(bool(one.errors) for one in drawn)),
            parse,
            sum(bool(one.errors - _PARSE) for one in drawn),
        )

    def _answers(self, task: Task, count: int, chance: Random) -> list[_Drawn]:
        return [self._answer(task, chance) for _ in range(count)]

    def _answer(self, task: Task, chance: Random) -> _Drawn:
        pieces = 0

        def draw(prompt: str) -> str:
            nonlocal pieces
            text, count, _ = self.reader.sample(prompt, ANSWER_PIECES, chance)
            pieces += count
            return text.strip()

        if self._fields is None:
            text = draw(task.prompt)
            parts = [(task.prompt, text)]
        else:
            text, parts = structure.filled(self._fields, task.prompt, draw)
            parts.append((task.prompt, text))
        grade = self._grader.grade(text, task.item)
        return _Drawn(text, tuple(parts), pieces, grade.reward, grade.errors)

    def _learn(self, group: list[_Drawn]) -> None:
        """By how far each is from the mean of its group, as a share of the group's spread."""
        rewards = [one.reward for one in group]
        mean, spread = fmean(rewards), max(rewards) - min(rewards)
        if spread <= 0:
            return
        for one in group:
            share = (one.reward - mean) / spread
            for part in one.parts:
                turn = self._turns.get(part)
                if share > 0:
                    turn = turn or self._turns.setdefault(part, self.reader.turn(*part))
                    self.reader.learn(turn, self.weight * share, self.chance)
                elif turn is not None:
                    self.reader.unlearn(turn, -self.weight * share)

    def _check(self) -> float | None:
        """The mean reward on the validation file, or on the first part of it."""
        if self.validation is None:
            return None
        checks = max(1, self.steps // self._interval) + self.recipe.epochs
        most = max(1, CHECKED // (checks * self._samples))
        chance = Random(self.recipe.seed)  # noqa: S311  the same draws each time
        numbers = range(min(most, len(self.validation)))
        tasks = (self.validation.task(number) for number in numbers)
        return _rounded(fmean(one.reward for task in tasks for one in self._answers(task, self._samples, chance)))


def _rounded(value: float) -> float:
    return round(value, 5)
