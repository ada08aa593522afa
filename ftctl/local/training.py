"""One fine-tuning, for real: a text model fitted to a file's examples step by step, measured, and kept.

Each step takes the next batch of a seeded shuffle, measures the model on it, then learns it. After every step the model
is measured on a piece of the validation file, after every epoch on all of it. Nothing is drawn but the shuffles, the
pieces passed over and, for reinforcement, the answers. What a step measures and how it learns is its method's:

- supervised, here: the loss is the mean negative log-likelihood of the assistant's pieces, in nats;
- preference (`preference`): the loss of choosing between two answers, against the model before the tuning;
- reinforcement (`reinforcement`): the mean reward that a grader gives to the model's own answers.

Work is bounded, so that very large files still finish: over a whole fit some `PIECES_READ` pieces are measured and
learned, spread evenly over the steps, and `PIECES_CHECKED` each for the two validations. A step that may not read its
whole batch reads the first of its examples, the last one in part; up to some thousand examples nothing is left out.
"""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil, sqrt
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any, Generic, TypeVar

import msgspec

from ftctl.local import measures, textmodel
from ftctl.local.datafile import Examples
from ftctl.local.measures import Fit, RewardRow, Row, read_fit
from ftctl.local.textmodel import Reader, Score, TextModel

PIECES_READ = 400_000
PIECES_CHECKED = 30_000
STEP = 0.1  # by which one sight of a piece weighs, at the model's own learning rate and batches of one
CHECKPOINTS_KEPT = 3
_COUNTED_WHOLE = 2_000  # examples; in larger files that many are counted and the rest reckoned from their bytes
PER_MESSAGE, PER_EXAMPLE = 3, 3  # tokens of framing
R = TypeVar("R", Row, RewardRow)


def automatic_epochs(examples: int) -> int:
    """Three, more for very little data and fewer for very much: 100 to 25,000 examples seen in all, 1 to 25 epochs."""
    fewest, most = ceil(100 / examples), 25_000 // examples
    return min(25, max(1, fewest, min(3, most)))


def automatic_batch(examples: int) -> int:
    """A five-hundredth of the examples, 1 to 256."""
    return min(256, max(1, round(examples * 0.002)))


def count_steps(examples: int, batch_size: int, epochs: int) -> int:
    return ceil(examples / batch_size) * epochs


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a fit depends on; `folder` holds its files before and its result after.

    `rate` is the learning-rate multiplier as a share of the base model's own, `options` is what the method has beyond.
    The model is kept after the steps in `keep` too, and the files are not once the job is `over`.
    """

    folder: Path
    epochs: int
    batch_size: int
    rate: float
    seed: int
    method: str = "supervised"
    options: Mapping[str, Any] = field(default_factory=dict)
    keep: tuple[int, ...] = ()
    over: bool = True

    @property
    def training(self) -> Path:
        return self.folder / "training.jsonl"

    @property
    def validation(self) -> Path:
        return self.folder / "validation.jsonl"

    @property
    def base(self) -> Path:
        """The fitted model that this one goes on from, where there is one."""
        return self.folder / "base.model"


_LOCKS: dict[Path, Lock] = {}
_LOCKS_LOCK = Lock()


def fitted(recipe: Recipe) -> Fit:
    """The fit of a recipe, made at the first call and read from its folder afterwards.

    It is made again, to the same numbers, for the model after a step that was not foreseen.
    """
    with _LOCKS_LOCK:
        lock = _LOCKS.setdefault(recipe.folder, Lock())
    with lock:
        if not is_fitted(recipe.folder) or not all(model_path(recipe.folder, step).exists() for step in recipe.keep):
            fitting = _method(recipe.method)(recipe)
            rows, tokens = fitting.run()
            write(recipe.folder / measures.ROWS, measures.packed(rows))
            write(recipe.folder / measures.FIT, measures.summary(rows, tokens))
        if recipe.over and recipe.training.exists():
            forget_data(recipe.folder)
    return read_fit(recipe.folder)


def is_fitted(folder: Path) -> bool:
    return (folder / measures.FIT).exists()


def forget_data(folder: Path) -> None:
    """Drop a job's copies of its files, once nothing can be asked of them any more."""
    for name in ("training.jsonl", "validation.jsonl", "base.model"):
        (folder / name).unlink(missing_ok=True)


def _method(name: str) -> Callable[[Recipe], Fitting[Any]]:
    if name == "dpo":
        from ftctl.local.preference import PreferenceFitting  # noqa: PLC0415  it needs this module

        return PreferenceFitting
    if name == "reinforcement":
        from ftctl.local.reinforcement import ReinforcementFitting  # noqa: PLC0415  it needs this module

        return ReinforcementFitting
    return _SupervisedFitting


def model_path(folder: Path, step: int) -> Path:
    """Where the model of a checkpoint is kept."""
    return folder / f"step-{step}.model"


@lru_cache(maxsize=4)
def read_model(path: Path) -> Reader:
    return Reader(msgspec.msgpack.decode(path.read_bytes(), type=TextModel))


def place_file(source: Path, target: Path) -> None:
    """The same bytes under a second name, so that the first may be deleted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def write(path: Path, content: bytes) -> None:
    """Whole or not at all, whenever the process ends."""
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.write_bytes(content)
    fresh.replace(path)


class Fitting(ABC, Generic[R]):
    """A fit while it runs: the shuffles, the epochs and what is kept. The rest is the method's."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.reader = Reader(self.base_model())
        self.chance = Random(recipe.seed)  # noqa: S311  the same seed must give the same numbers
        self.training = Examples(recipe.training)
        self.validation = Examples(recipe.validation) if recipe.validation.exists() else None
        self.steps = count_steps(len(self.training), recipe.batch_size, recipe.epochs)
        self.weight = STEP * recipe.rate / sqrt(recipe.batch_size)

    def base_model(self) -> TextModel | None:
        base = self.recipe.base
        return msgspec.msgpack.decode(base.read_bytes(), type=TextModel) if base.exists() else None

    def run(self) -> tuple[list[R], int]:
        """The rows of all steps, and the tokens that they were shown."""
        try:
            rows = [row for epoch in range(1, self.recipe.epochs + 1) for row in self._epoch(epoch)]
            return rows, self.count_tokens() * self.recipe.epochs
        finally:
            self.close()

    def close(self) -> None:
        self.training.close()
        if self.validation:
            self.validation.close()

    def _epoch(self, epoch: int) -> list[R]:
        size, count = self.recipe.batch_size, len(self.training)
        order = list(range(count))
        self.chance.shuffle(order)
        steps = ceil(count / size)
        rows = []
        for done in range(steps):
            step = (epoch - 1) * steps + done + 1
            row = self.step(step, order[done * size : (done + 1) * size])
            last = done == steps - 1
            rows.append(self.end_epoch(row) if last else row)
            if step in self.recipe.keep or (last and epoch > self.recipe.epochs - CHECKPOINTS_KEPT):
                write(model_path(self.recipe.folder, step), msgspec.msgpack.encode(self.reader.model))
        return rows

    @abstractmethod
    def step(self, step: int, batch: list[int]) -> R:
        """Measure a batch of examples, and learn it."""

    @abstractmethod
    def end_epoch(self, row: R) -> R:
        """The row of an epoch's last step, with what is measured then alone."""

    @abstractmethod
    def count_tokens(self) -> int:
        """The tokens of one epoch."""

    def reckoned(self, count: Callable[[int], int]) -> int:
        """The sum of `count` over all examples; in large files over some, and the rest by their bytes."""
        examples = self.training
        every = max(1, ceil(len(examples) / _COUNTED_WHOLE))
        tokens = size = 0
        for number in range(0, len(examples), every):
            tokens += PER_EXAMPLE + count(number)
            size += len(examples.line(number))
        return tokens if every == 1 else round(tokens * examples.bytes / max(size, 1))


def tokens_of(texts: list[str]) -> int:
    """Pieces and framing of messages: close to what a real tokenizer counts."""
    return sum(PER_MESSAGE + len(textmodel.pieces(text)) for text in texts)


class _Data:
    """A file's examples as the model reads them, each made ready when it is first needed."""

    def __init__(self, examples: Examples, reader: Reader, *, asked: bool = False) -> None:
        """With `asked`, the prompts of turns are made ready too."""
        self.examples = examples
        self.asked: dict[int, textmodel.Turn] | None = {} if asked else None  # by the identity of the turn
        self._reader = reader
        self._ready: dict[int, list[textmodel.Turn]] = {}

    def turns(self, number: int) -> list[textmodel.Turn]:
        ready = self._ready.get(number)
        if ready is None:
            told = self.examples.turns(number)
            ready = self._ready[number] = [self._reader.turn(*turn) for turn in told]
            if self.asked is not None:
                self.asked |= {id(turn): self._reader.asked(one.prompt) for turn, one in zip(ready, told, strict=True)}
        return ready

    def some(self, numbers: list[int], room: int) -> list[textmodel.Turn]:
        """The turns of the first examples, enough to fill the room; files are not read further than that."""
        turns: list[textmodel.Turn] = []
        for number in numbers:
            if room <= 0:
                break
            ready = self.turns(number)
            turns += ready
            room -= sum(len(turn.said) for turn in ready)
        return turns


@dataclass(frozen=True, slots=True)
class _Span:
    """A turn, or a part of it."""

    turn: textmodel.Turn
    start: int
    stop: int


def _spans(turns: list[textmodel.Turn], room: int, chance: Random) -> list[_Span]:
    """As much of `turns` as there is room for; a turn that does not fit is read from a random place on."""
    chosen = []
    for turn in turns:
        length = len(turn.said)
        if room <= 0:
            break
        start = chance.randrange(length - room + 1) if length > room else 0
        chosen.append(_Span(turn, start, min(length, start + room)))
        room -= length
    return chosen


class _SupervisedFitting(Fitting[Row]):
    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._prompts = float(recipe.options.get("prompt_loss_weight") or 0.0)
        self._training = _Data(self.training, self.reader, asked=self._prompts > 0)
        self._validation = _Data(self.validation, self.reader) if self.validation else None

    def step(self, step: int, batch: list[int]) -> Row:
        room = max(4, PIECES_READ // self.steps)
        spans = _spans(self._training.some(batch, room), room, self.chance)
        loss, accuracy = means(self._measure(spans))
        for span in spans:
            self.reader.learn(span.turn, self.weight, self.chance, span.start, span.stop)
            if self._training.asked is not None:
                # What was asked counts too, as much as prompt_loss_weight says; it is no answer to remember.
                asked = self._training.asked[id(span.turn)]
                self.reader.learn(asked, self.weight * self._prompts, self.chance, remember=False)
        valid = means(self._check_batch(self._validation)) if self._validation else (None, None)
        return Row(step, loss, accuracy, *valid)

    def end_epoch(self, row: Row) -> Row:
        if self._validation is None:
            return row
        room = max(1_000, PIECES_CHECKED // self.recipe.epochs)
        turns = self._validation.some(list(range(len(self._validation.examples))), room)
        same = Random(self.recipe.seed)  # noqa: S311  the same part in each epoch
        loss, accuracy = means(self._measure(_spans(turns, room, same)))
        return row._replace(full_valid_loss=loss, full_valid_accuracy=accuracy)

    def count_tokens(self) -> int:
        return self.reckoned(lambda number: tokens_of(self.training.texts(number)))

    def _check_batch(self, data: _Data) -> Score:
        room = max(4, PIECES_CHECKED // self.steps)
        size = min(self.recipe.batch_size, len(data.examples))
        turns = data.some(self.chance.sample(range(len(data.examples)), size), room)
        return self._measure(_spans(turns, room, self.chance))

    def _measure(self, spans: list[_Span]) -> Score:
        return sum((self.reader.measure(span.turn, span.start, span.stop) for span in spans), Score())


def means(score: Score) -> tuple[float, float]:
    """Mean loss and accuracy of a piece."""
    pieces = max(score.pieces, 1)
    return round(score.loss / pieces, 5), round(score.right / pieces, 5)
