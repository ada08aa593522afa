"""How alike two texts are, from 0 to 1, by the published measures that text graders name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from math import exp, log

_WORDS = re.compile(r"\w+|[^\w\s]")
_MOST = 4  # the longest n-grams of BLEU and GLEU


def words(text: str) -> list[str]:
    """Words and signs in lower case."""
    return _WORDS.findall(text.lower())


def fuzzy_match(said: str, reference: str) -> float:
    """Share of both texts' characters in their longest common subsequence (normalised insert-delete similarity)."""
    whole = len(said) + len(reference)
    return 2 * common(said, reference) / whole if whole else 1.0


def bleu(said: str, reference: str) -> float:
    """BLEU of one sentence (Papineni et al. 2002): n-grams to four, n over one smoothed by one (Lin and Och 2004)."""
    ours, theirs = words(said), words(reference)
    if not ours or not theirs:
        return float(ours == theirs)
    total = 0.0
    for n in range(1, _MOST + 1):
        matched, possible = _overlap(ours, theirs, n), max(len(ours) - n + 1, 0)
        if n > 1:
            matched, possible = matched + 1, possible + 1
        if not matched:
            return 0.0
        total += log(matched / possible)
    return exp(total / _MOST + min(0.0, 1 - len(theirs) / len(ours)))


def gleu(said: str, reference: str) -> float:
    """Google's BLEU (Wu et al. 2016): the lesser of precision and recall over all n-grams to four."""
    ours, theirs = words(said), words(reference)
    matched = sum(_overlap(ours, theirs, n) for n in range(1, _MOST + 1))
    most = max(_count(ours), _count(theirs))
    return matched / most if most else 1.0


def meteor(said: str, reference: str) -> float:
    """METEOR (Banerjee and Lavie 2005) by exact words alone, without stems and synonyms, aligned from the left."""
    ours, theirs = words(said), words(reference)
    places = _align(ours, theirs)
    matched = [place for place in places if place is not None]
    if not matched:
        return float(ours == theirs)
    precision, recall = len(matched) / len(ours), len(matched) / len(theirs)
    mean = 10 * precision * recall / (recall + 9 * precision)
    chunks = sum(
        place is not None and (not at or places[at - 1] is None or places[at - 1] != place - 1)
        for at, place in enumerate(places)
    )
    return mean * (1 - 0.5 * (chunks / len(matched)) ** 3)


def rouge(said: str, reference: str, n: int) -> float:
    """ROUGE-N (Lin 2004): the harmonic mean of precision and recall of n-grams."""
    ours, theirs = words(said), words(reference)
    return _harmonic(_overlap(ours, theirs, n), max(len(ours) - n + 1, 0), max(len(theirs) - n + 1, 0))


def rouge_l(said: str, reference: str) -> float:
    """ROUGE-L (Lin 2004): the same of the longest common subsequence of words."""
    ours, theirs = words(said), words(reference)
    return _harmonic(common(ours, theirs), len(ours), len(theirs))


def _rouge(n: int) -> Callable[[str, str], float]:
    return lambda said, reference: rouge(said, reference, n)


MEASURES: dict[str, Callable[[str, str], float]] = {
    "fuzzy_match": fuzzy_match,
    "bleu": bleu,
    "gleu": gleu,
    "meteor": meteor,
    **{f"rouge_{n}": _rouge(n) for n in range(1, 6)},
    "rouge_l": rouge_l,
}


def common(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """The length of the longest common subsequence, a row of the table at a time as bits of a number (Hyyrö 2004)."""
    masks: dict[Hashable, int] = {}
    for place, item in enumerate(one):
        masks[item] = masks.get(item, 0) | 1 << place
    every = (1 << len(one)) - 1
    row = every
    for item in other:
        matched = row & masks.get(item, 0)
        row = (row + matched | row - matched) & every
    return len(one) - row.bit_count()


def _grams(items: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(items[first:] for first in range(n)), strict=False))


def _overlap(ours: list[str], theirs: list[str], n: int) -> int:
    return (_grams(ours, n) & _grams(theirs, n)).total()


def _count(items: list[str]) -> int:
    return sum(max(len(items) - n + 1, 0) for n in range(1, _MOST + 1))


def _harmonic(matched: int, ours: int, theirs: int) -> float:
    return 2 * matched / (ours + theirs) if ours and theirs else float(ours == theirs)


def _align(ours: list[str], theirs: list[str]) -> list[int | None]:
    """For each of our words the place of its match: the one right after the last match, or else the first free one."""
    free: dict[str, list[int]] = {}
    for place, word in enumerate(theirs):
        free.setdefault(word, []).append(place)
    places: list[int | None] = []
    for word in ours:
        left = free.get(word, [])
        last = places[-1] if places else None
        after = last + 1 if last is not None and last + 1 in left else None
        chosen = after if after is not None else (left[0] if left else None)
        if chosen is not None:
            left.remove(chosen)
        places.append(chosen)
    return places
