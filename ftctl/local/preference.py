"""Preference tuning (DPO), for real: the text model learns to choose one of two answers as the example does.

The loss of a pair is that of Rafailov et al. 2023: the negative log-sigmoid of `beta` times how much further the model
has moved towards the preferred answer than towards the other one, each measured as the log-likelihood now less that of
the model before the tuning (the reference). A step learns the preferred answers and unlearns the others, each by the
loss's own slope: a pair that is told apart already moves little. So that the model can say what it prefers, preferred
answers are learned by `ANCHOR` of a supervised step besides (the likelihood term of Pang et al. 2024). Losses begin at
ln 2 and fall as the model chooses.
The accuracy is that of the preferred answers' pieces. `l2_multiplier` is taken and has no effect.
"""

from __future__ import annotations

from functools import cache
from math import exp, log1p

from ftctl.local.datafile import Examples, Pair
from ftctl.local.measures import Row
from ftctl.local.textmodel import Reader, Turn
from ftctl.local.training import PIECES_CHECKED, PIECES_READ, Fitting, Recipe, tokens_of

BETA = 0.1  # where none is given
ANCHOR = 0.5
_Measured = tuple[float, int, int]  # the pair's loss; of the preferred answer, pieces foreseen and pieces


class PreferenceFitting(Fitting[Row]):
    """A preference tuning while it runs."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._beta = float(recipe.options.get("beta") or BETA)
        self._reference = Reader(self.base_model())
        self._training = _Pairs(self.training, self.reader, self._reference)
        self._validation = _Pairs(self.validation, self.reader, self._reference) if self.validation else None

    def step(self, step: int, batch: list[int]) -> Row:
        room = max(8, PIECES_READ // self.steps)
        chosen = self._training.some(batch, room)
        measured = [self._measure(pair, room) for pair in chosen]
        for pair, (loss, _, _) in zip(chosen, measured, strict=True):
            slope = 1 - exp(-loss)  # of the loss, without beta: how wrong the model still is
            self.reader.learn(pair.chosen, self.weight * (slope + ANCHOR), self.chance, 0, room)
            self.reader.unlearn(pair.rejected, self.weight * slope, 0, room)
        valid: tuple[float, float] | tuple[None, None] = (None, None)
        if self._validation:
            size = min(self.recipe.batch_size, len(self._validation.examples))
            numbers = self.chance.sample(range(len(self._validation.examples)), size)
            valid = self._check(self._validation, numbers, max(8, PIECES_CHECKED // self.steps))
        return Row(step, *_means(measured), *valid)

    def end_epoch(self, row: Row) -> Row:
        if self._validation is None:
            return row
        room = max(1_000, PIECES_CHECKED // self.recipe.epochs)
        loss, accuracy = self._check(self._validation, list(range(len(self._validation.examples))), room)
        return row._replace(full_valid_loss=loss, full_valid_accuracy=accuracy)

    def count_tokens(self) -> int:
        """The prompt counts with each of its two answers."""

        def count(number: int) -> int:
            asked, answered = self.training.pair_texts(number)
            return 2 * tokens_of(asked) + tokens_of(answered)

        return self.reckoned(count)

    def _check(self, pairs: _Pairs, numbers: list[int], room: int) -> tuple[float, float]:
        return _means([self._measure(pair, room) for pair in pairs.some(numbers, room)])

    def _measure(self, pair: _Pair, room: int) -> _Measured:
        chosen = self.reader.measure(pair.chosen, 0, room)
        rejected = self.reader.measure(pair.rejected, 0, room)
        reference = pair.reference(room)
        margin = self._beta * (rejected.loss - chosen.loss - reference)
        return _softplus(-margin), chosen.right, chosen.pieces


class _Pair:
    """Two answers as the model reads them, and what the reference made of them."""

    def __init__(self, chosen: Turn, rejected: Turn, reference: Reader, texts: Pair) -> None:
        self.chosen = chosen
        self.rejected = rejected

        @cache
        def margin(room: int) -> float:
            read = (reference.turn(texts.prompt, text) for text in texts[1:])
            preferred, refused = (reference.measure(turn, 0, room) for turn in read)
            return refused.loss - preferred.loss

        self.reference = margin


class _Pairs:
    """A file's pairs, each made ready when it is first needed."""

    def __init__(self, examples: Examples, reader: Reader, reference: Reader) -> None:
        self.examples = examples
        self._reader = reader
        self._reference = reference
        self._ready: dict[int, _Pair] = {}

    def some(self, numbers: list[int], room: int) -> list[_Pair]:
        """The first pairs, enough to fill the room and one at least; a longer answer is read in part."""
        found: list[_Pair] = []
        for number in numbers:
            pair = self._pair(number)
            found.append(pair)
            room -= len(pair.chosen.said) + len(pair.rejected.said)
            if room <= 0:
                break
        return found

    def _pair(self, number: int) -> _Pair:
        ready = self._ready.get(number)
        if ready is None:
            texts = self.examples.pair(number)
            chosen, rejected = (self._reader.turn(texts.prompt, text) for text in texts[1:])
            ready = self._ready[number] = _Pair(chosen, rejected, self._reference, texts)
        return ready


def _softplus(value: float) -> float:
    return value + log1p(exp(-value)) if value > 0 else log1p(exp(value))


def _means(measured: list[_Measured]) -> tuple[float, float]:
    pieces = max(sum(one[2] for one in measured), 1)
    loss = sum(one[0] for one in measured) / max(len(measured), 1)
    return float(f"{loss:.6g}"), round(sum(one[1] for one in measured) / pieces, 5)
