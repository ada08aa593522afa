"""One fine-tuning, for real: a text model fitted to a file's examples step by step, measured, and kept.

Each step takes the next batch of a seeded shuffle, measures the model on it (that is the training loss: mean negative
log-likelihood of the assistant's pieces, in nats), then learns it. After every step the model is measured on a piece of
the validation file, after every epoch on all of it. Nothing is drawn but the shuffles and the pieces passed over.

Work is bounded, so that very large files still finish: over a whole fit some `PIECES_READ` pieces are measured and
learned, spread evenly over the steps, and `PIECES_CHECKED` each for the two validations. A step that may not read its
whole batch reads the first of its examples, the last one in part; up to some thousand examples nothing is left out.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt
from pathlib import Path
from random import Random
from threading import Lock

import msgspec

from ftctl.local import textmodel
from ftctl.local.datafile import Examples
from ftctl.local.textmodel import Reader, Score, TextModel

PIECES_READ = 400_000
PIECES_CHECKED = 30_000
STEP = 0.1  # by which one sight of a piece weighs, at the model's own learning rate and batches of one
CHECKPOINTS_KEPT = 3
_COUNTED_WHOLE = 2_000  # examples; in larger files that many are counted and the rest reckoned from their bytes
_FIT = "fit.msgpack"
_PER_MESSAGE, _PER_EXAMPLE = 3, 3  # tokens of framing


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

    `rate` is the learning-rate multiplier as a share of the base model's own.
    """

    folder: Path
    epochs: int
    batch_size: int
    rate: float
    seed: int

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


class Row(msgspec.Struct, array_like=True):
    """One line of results.csv."""

    step: int
    train_loss: float
    train_accuracy: float
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_accuracy: float | None = None


class Fit(msgspec.Struct):
    """What a fine-tuning gave: its measures, and how many tokens it was shown."""

    rows: list[Row]
    trained_tokens: int


_LOCKS: dict[Path, Lock] = {}
_LOCKS_LOCK = Lock()


def fitted(recipe: Recipe) -> Fit:
    """The fit of a recipe, made at the first call and read from its folder afterwards."""
    done = recipe.folder / _FIT
    with _LOCKS_LOCK:
        lock = _LOCKS.setdefault(recipe.folder, Lock())
    with lock:
        if not done.exists():
            fit = _Fitting(recipe).run()
            _write(done, msgspec.msgpack.encode(fit))
            for used in (recipe.training, recipe.validation, recipe.base):
                used.unlink(missing_ok=True)
    return read_fit(recipe.folder)


@lru_cache(maxsize=16)
def read_fit(folder: Path) -> Fit:
    """The fit that a folder holds."""
    return msgspec.msgpack.decode((folder / _FIT).read_bytes(), type=Fit)


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


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, whenever the process ends."""
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.write_bytes(content)
    fresh.replace(path)


class _Data:
    """A file's examples as the model reads them, each made ready when it is first needed."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self.examples = Examples(path)
        self._reader = reader
        self._ready: dict[int, list[textmodel.Turn]] = {}

    def turns(self, number: int) -> list[textmodel.Turn]:
        ready = self._ready.get(number)
        if ready is None:
            ready = [self._reader.turn(*turn) for turn in self.examples.turns(number)]
            self._ready[number] = ready
        return ready

    def count_tokens(self) -> int:
        """Pieces and framing of all messages: close to what a real tokenizer counts."""
        every = max(1, ceil(len(self.examples) / _COUNTED_WHOLE))
        tokens = size = 0
        for number in range(0, len(self.examples), every):
            texts = self.examples.texts(number)
            tokens += _PER_EXAMPLE + sum(_PER_MESSAGE + len(textmodel.pieces(text)) for text in texts)
            size += len(self.examples.line(number))
        return tokens if every == 1 else round(tokens * self.examples.bytes / max(size, 1))


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


class _Fitting:
    """A fit while it runs."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        base = msgspec.msgpack.decode(recipe.base.read_bytes(), type=TextModel) if recipe.base.exists() else None
        self._reader = Reader(base)
        self._chance = Random(recipe.seed)  # noqa: S311  the same seed must give the same numbers
        self._training = _Data(recipe.training, self._reader)
        self._validation = _Data(recipe.validation, self._reader) if recipe.validation.exists() else None
        self._steps = count_steps(len(self._training.examples), recipe.batch_size, recipe.epochs)
        self._weight = STEP * recipe.rate / sqrt(recipe.batch_size)

    def run(self) -> Fit:
        try:
            rows = [row for epoch in range(1, self._recipe.epochs + 1) for row in self._epoch(epoch)]
            return Fit(rows, self._training.count_tokens() * self._recipe.epochs)
        finally:
            self._training.examples.close()
            if self._validation:
                self._validation.examples.close()

    def _epoch(self, epoch: int) -> list[Row]:
        size, count = self._recipe.batch_size, len(self._training.examples)
        order = list(range(count))
        self._chance.shuffle(order)
        first = (epoch - 1) * ceil(count / size) + 1
        rows = [self._step(first + done, order[done * size : (done + 1) * size]) for done in range(ceil(count / size))]
        last = rows[-1]
        if self._validation:
            last.full_valid_loss, last.full_valid_accuracy = _means(self._check_whole(self._validation))
        if epoch > self._recipe.epochs - CHECKPOINTS_KEPT:
            _write(model_path(self._recipe.folder, last.step), msgspec.msgpack.encode(self._reader.model))
        return rows

    def _step(self, step: int, batch: list[int]) -> Row:
        room = max(4, PIECES_READ // self._steps)
        turns = self._some(self._training, batch, room)
        spans = _spans(turns, room, self._chance)
        loss, accuracy = _means(self._measure(spans))
        for span in spans:
            self._reader.learn(span.turn, self._weight, self._chance, span.start, span.stop)
        row = Row(step, loss, accuracy)
        if self._validation:
            row.valid_loss, row.valid_accuracy = _means(self._check_batch(self._validation))
        return row

    def _some(self, data: _Data, numbers: list[int], room: int) -> list[textmodel.Turn]:
        """The turns of the first examples, enough to fill the room; files are not read further than that."""
        turns: list[textmodel.Turn] = []
        for number in numbers:
            if room <= 0:
                break
            ready = data.turns(number)
            turns += ready
            room -= sum(len(turn.said) for turn in ready)
        return turns

    def _check_batch(self, data: _Data) -> Score:
        room = max(4, PIECES_CHECKED // self._steps)
        size = min(self._recipe.batch_size, len(data.examples))
        turns = self._some(data, self._chance.sample(range(len(data.examples)), size), room)
        return self._measure(_spans(turns, room, self._chance))

    def _check_whole(self, data: _Data) -> Score:
        room = max(1_000, PIECES_CHECKED // self._recipe.epochs)
        turns = self._some(data, list(range(len(data.examples))), room)
        return self._measure(_spans(turns, room, Random(self._recipe.seed)))  # noqa: S311  the same part in each epoch

    def _measure(self, spans: list[_Span]) -> Score:
        return sum((self._reader.measure(span.turn, span.start, span.stop) for span in spans), Score())


def _means(score: Score) -> tuple[float, float]:
    pieces = max(score.pieces, 1)
    return round(score.loss / pieces, 5), round(score.right / pieces, 5)
