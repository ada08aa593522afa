"""The language model behind a fine-tuned deployment: small, real, fitted to the user's own examples.

Text is cut into pieces (a word with the blank before it, up to three digits, some signs). The probability of the next
piece of an assistant turn is built up from the general to the particular; each level falls back on the one before it as
far as it has learned little, or many different things (the way of Witten and Bell):

    any piece at all, or one of the prompt's own → this piece → after the last one → after the last two
    → after the last six, in the trained turns whose prompts are most like this one (the memory of examples)

Learning a piece adds the step to its weight on every level, so that a level's distribution p moves to
(1 - r) p + r (this piece) with r = step / (weight + step): a natural-gradient step with a falling rate. Seeing the same
examples in further epochs takes trust from the levels below: the training loss goes on falling, and the loss on other
text rises once the model trusts its examples more than they deserve.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from dataclasses import dataclass
from math import log
from operator import itemgetter
from random import Random
from typing import NamedTuple

import msgspec

POSSIBLE_PIECES = 65_536  # what "any piece at all" is drawn from, evenly
COPYING = 0.5  # how much of what was never learned is expected to repeat a piece of the prompt
DROPOUT = 0.1  # the share of pieces that a training step passes over, as the seed decides
ANY_PIECE = (1.0 - COPYING) / POSSIBLE_PIECES
NEIGHBOURS = 2
TELLING_WORDS = 16  # of a prompt, the rarest: what it is looked up by
MEMORY_TRUST = 6.0  # how much the memory of a like prompt weighs against a plain count
POSTINGS = 200  # prompts kept for one word: bounds the search among very many examples

_END = 1
_TRIES = 8  # draws for a first piece
_ALIKE = 16  # prompts of which, where they are equally like, the most learned answers count
_SHIFT = 24
_LAST_ONE, _LAST_TWO = (1 << _SHIFT) - 1, (1 << 2 * _SHIFT) - 1
_FADE, _SPREAD, _TRAIL = 10, 0x9E3779B97F4A7C15, (1 << 60) - 1
_PIECES = re.compile(r" ?[^\W\d_]{1,24}| ?\d{1,3}| ?[^\w\s]{1,3}|_|\s+")
_WORDS = re.compile(r"[^\W_]+")


def pieces(text: str) -> list[str]:
    """`text` cut up; joined again it is `text`."""
    return _PIECES.findall(text)


def words(text: str) -> tuple[str, ...]:
    return tuple(sorted(set(_WORDS.findall(text.lower()))))


Recalled = tuple[dict[int, int], float]  # what follows what in a turn that was trained, and how far it is trusted


class Context(msgspec.Struct, array_like=True):
    """What was learned to come next somewhere: the weight of each piece, their sum, and the heaviest one."""

    weights: dict[int, float] = msgspec.field(default_factory=dict)
    total: float = 0.0
    best: int = _END


class Score(NamedTuple):
    """What a model makes of some pieces: the sum of their negative log-likelihoods in nats, and how many it foresaw."""

    loss: float = 0.0
    right: int = 0
    pieces: int = 0

    def __add__(self, other: object) -> Score:
        assert isinstance(other, Score)
        return Score(self.loss + other.loss, self.right + other.right, self.pieces + other.pieces)


@dataclass(slots=True)
class Turn:
    """One assistant turn, ready for the model. `keys` holds for each piece the three before it."""

    words: tuple[str, ...]
    copied: dict[int, float]  # piece of the prompt → how likely it comes up again
    said: list[int]
    keys: list[int]
    trails: list[int]
    place: int | None = None  # in the model's memory


class Remembered(msgspec.Struct, array_like=True):
    words: tuple[str, ...]
    said: list[int]
    weight: float


class TextModel(msgspec.Struct):
    """Everything that was learned: weights by the last none, one or two pieces, and a memory of the trained turns."""

    vocabulary: list[str] = msgspec.field(default_factory=lambda: ["", ""])  # the start and end marks have no text
    alone: Context = msgspec.field(default_factory=Context)
    pairs: dict[int, Context] = msgspec.field(default_factory=dict)
    triples: dict[int, Context] = msgspec.field(default_factory=dict)
    memory: list[Remembered] = msgspec.field(default_factory=list)


class Reader:
    """A model at work: what it makes of a turn, what it would answer, and how it learns."""

    def __init__(self, model: TextModel | None = None) -> None:
        self.model = model or TextModel()
        self._ids = {piece: number for number, piece in enumerate(self.model.vocabulary) if piece}
        self._followers: dict[int, dict[int, int]] = {}
        self._postings: dict[str, list[int]] = {}
        for place, known in enumerate(self.model.memory):
            self._post(known.words, place)

    def turn(self, prompt: str, answer: str) -> Turn:
        said = [*map(self._id, pieces(answer)), _END]
        return Turn(words(prompt), self._copied(prompt), said, *_walk(said))

    def asked(self, prompt: str) -> Turn:
        """A prompt, as something said."""
        said = [*map(self._id, pieces(prompt))]
        return Turn((), {}, said, *_walk(said))

    def _id(self, piece: str) -> int:
        known = self._ids.get(piece)
        if known is None:
            known = self._ids[piece] = len(self.model.vocabulary)
            self.model.vocabulary.append(piece)
        return known

    def _copied(self, prompt: str) -> dict[int, float]:
        counted = Counter(map(self._id, pieces(prompt)))
        share = COPYING / max(counted.total(), 1)
        return {piece: share * times for piece, times in counted.items()}

    # -- reading -------------------------------------------------------------------------------------------------------

    def measure(self, turn: Turn, start: int = 0, stop: int | None = None) -> Score:
        """How the model does on a turn, or on the pieces of it from `start` to `stop`."""
        recalled, copied = self._recall(turn.words), turn.copied
        said = turn.said[start:stop]
        loss, right = 0.0, 0
        for piece, key, trail in zip(said, turn.keys[start:stop], turn.trails[start:stop], strict=True):
            contexts = self._contexts(key, trail, recalled)
            likely = _likelihood(piece, contexts, copied)
            loss -= log(likely)
            if likely > 0.5:  # noqa: PLR2004  more than half is more than any other piece has
                right += 1
            elif any(context.best == piece for context in contexts):
                right += _favourite(contexts, copied) == piece
        return Score(loss, right, len(said))

    def answer(self, prompt: str, limit: int) -> tuple[str, int, bool]:
        """The likeliest continuation, piece by piece: its text, how many pieces, and whether it came to its end."""
        recalled, copied = self._recall(words(prompt)), self._copied(prompt)
        said: list[int] = []
        key = trail = 0
        while len(said) < limit:
            piece = _favourite(self._contexts(key, trail, recalled), copied)
            if piece == _END:
                return self._text(said), len(said), True
            said.append(piece)
            key, trail = _next(key, trail, piece)
        return self._text(said), len(said), False

    def sample(self, prompt: str, limit: int, chance: Random) -> tuple[str, int, bool]:
        """Like `answer`, but drawn: each piece as often as the model expects it. It begins with something said."""
        recalled, copied = self._recall(words(prompt)), self._copied(prompt)
        said: list[int] = []
        key = trail = 0
        while len(said) < limit:
            piece = _drawn(self._contexts(key, trail, recalled), copied, chance)
            for _ in range(_TRIES if not said else 0):
                if piece != _END:
                    break
                piece = _drawn(self._contexts(key, trail, recalled), copied, chance)
            if piece == _END:
                return self._text(said), len(said), True
            said.append(piece)
            key, trail = _next(key, trail, piece)
        return self._text(said), len(said), False

    def _text(self, said: list[int]) -> str:
        return "".join(self.model.vocabulary[piece] for piece in said)

    def _contexts(self, key: int, trail: int, recalled: list[Recalled]) -> list[Context]:
        """What bears on the piece after `key`, from the general to the particular."""
        contexts = [self.model.alone]
        if pair := self.model.pairs.get(key & _LAST_ONE):
            contexts.append(pair)
            if triple := self.model.triples.get(key):
                contexts.append(triple)
        for followers, trust in recalled:
            if (piece := followers.get(trail)) is not None:
                contexts.append(Context({piece: trust}, trust, piece))
        return contexts

    def _recall(self, asked: tuple[str, ...]) -> list[Recalled]:
        """The turns in memory with prompts most like this one, the nearest last."""
        near = []
        for place, likeness in self._nearest(asked):
            known = self.model.memory[place]
            followers = self._followers.get(place)
            if followers is None:
                followers = self._followers[place] = dict(zip(_walk(known.said)[1], known.said, strict=True))
            near.append((followers, MEMORY_TRUST * known.weight * likeness))
        return near[::-1]

    def _nearest(self, asked: tuple[str, ...]) -> list[tuple[int, float]]:
        """Places in memory, most alike first, with how much of what is rare in the prompt they share (0 to 1)."""
        rare = sorted((len(self._postings.get(word, ())), word) for word in asked)[:TELLING_WORDS]
        known = len(self.model.memory)
        shared: dict[int, float] = {}
        whole = 0.0
        for found, word in rare:
            weight = log(1.0 + known / (1 + found))
            whole += weight
            for place in self._postings.get(word, ()):
                shared[place] = shared.get(place, 0.0) + weight
        best = heapq.nlargest(_ALIKE, shared.items(), key=itemgetter(1))
        best.sort(key=lambda one: (-one[1], -self.model.memory[one[0]].weight))
        best = best[:NEIGHBOURS]
        return [(place, weight / whole) for place, weight in best]

    # -- learning ------------------------------------------------------------------------------------------------------

    def learn(
        self,
        turn: Turn,
        step: float,
        chance: Random,
        start: int = 0,
        stop: int | None = None,
        *,
        remember: bool = True,
    ) -> None:
        """Move towards what the turn says, and remember it as the answer to its prompt."""
        model, draw = self.model, chance.random
        for piece, key in zip(turn.said[start:stop], turn.keys[start:stop], strict=True):
            if draw() < DROPOUT:
                continue
            for context in (
                model.alone,
                model.pairs.get(key & _LAST_ONE) or model.pairs.setdefault(key & _LAST_ONE, Context()),
                model.triples.get(key) or model.triples.setdefault(key, Context()),
            ):
                weights = context.weights
                weight = weights[piece] = weights.get(piece, 0.0) + step
                context.total += step
                if weight > weights.get(context.best, 0.0):
                    context.best = piece
        if not remember:
            return
        if turn.place is None:
            turn.place = len(model.memory)
            model.memory.append(Remembered(turn.words, turn.said, 0.0))
            self._post(turn.words, turn.place)
        model.memory[turn.place].weight += step

    def unlearn(self, turn: Turn, step: float, start: int = 0, stop: int | None = None) -> None:
        """Move away from what the turn says, as far as it was ever learned after the same pieces or as an answer."""
        model = self.model
        for piece, key in zip(turn.said[start:stop], turn.keys[start:stop], strict=True):
            for context in (model.pairs.get(key & _LAST_ONE), model.triples.get(key)):
                if context is not None and piece in context.weights:
                    _lessen(context, piece, step)
        if turn.place is not None:
            known = model.memory[turn.place]
            known.weight = max(0.0, known.weight - step)

    def _post(self, known: tuple[str, ...], place: int) -> None:
        for word in known:
            postings = self._postings.setdefault(word, [])
            if len(postings) < POSTINGS:
                postings.append(place)


def _lessen(context: Context, piece: int, step: float) -> None:
    left = context.weights[piece] - step
    if left > 0:
        context.weights[piece] = left
        context.total -= step
    else:
        context.total = max(0.0, context.total - context.weights.pop(piece))
    if context.best == piece:
        context.best = max(context.weights, key=context.weights.__getitem__, default=_END)


def _drawn(contexts: list[Context], copied: dict[int, float], chance: Random) -> int:
    """A piece as `_likelihood` has it; the end stands for what is no known piece."""
    for context in reversed(contexts):
        kinds = len(context.weights)
        if kinds and chance.random() * (context.total + kinds) < context.total:
            return chance.choices([*context.weights], [*context.weights.values()])[0]
    if copied and chance.random() < COPYING:
        return chance.choices([*copied], [*copied.values()])[0]
    return _END


def _next(key: int, trail: int, piece: int) -> tuple[int, int]:
    """The last two pieces, and a mark of the last six, once `piece` is said."""
    return (key << _SHIFT | piece) & _LAST_TWO, (trail << _FADE) + piece * _SPREAD & _TRAIL


def _walk(said: list[int]) -> tuple[list[int], list[int]]:
    keys, trails, key, trail = [], [], 0, 0
    for piece in said:
        keys.append(key)
        trails.append(trail)
        key, trail = _next(key, trail, piece)
    return keys, trails


def _likelihood(piece: int, contexts: list[Context], copied: dict[int, float]) -> float:
    likely = copied.get(piece, 0.0) + ANY_PIECE
    for context in contexts:
        if kinds := len(context.weights):
            likely = (context.weights.get(piece, 0.0) + kinds * likely) / (context.total + kinds)
    return likely


def _favourite(contexts: list[Context], copied: dict[int, float]) -> int:
    """The likeliest piece among each context's own first choice."""
    guesses = sorted({context.best for context in contexts})
    return guesses[0] if len(guesses) == 1 else max(guesses, key=lambda piece: _likelihood(piece, contexts, copied))
