"""What comes again: the same example, the same question with another answer, training examples among validation's.

Sets and dicts of many integers are large, so hashes are looked at in shares by their value, one after the other.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest

from ftctl.data.report import Index

_SHARE = 1 << 16
NAMED = 3

Pair = tuple[int, int]
"""A line, and the earlier one (or the other file's) that it goes with."""


@dataclass(slots=True)
class Repeats:
    """How many examples repeat an earlier one, how many answer an earlier one's question otherwise, and the first."""

    duplicates: int = 0
    contradictions: int = 0
    copies: list[Pair] = field(default_factory=list)
    others: list[Pair] = field(default_factory=list)


def repeats(index: Index) -> Repeats:
    """Equal examples have equal questions, so one pass over each share of the questions finds both."""
    found = Repeats()
    for share in _shares(index.questions):
        asked = Counter(map(index.questions.__getitem__, share))
        if len(asked) < len(share):
            _compare(index, [at for at in share if asked[index.questions[at]] > 1], found)
    return found


def distinct(hashes: array[int]) -> int:
    return sum(len({hashes[at] for at in share}) for share in _shares(hashes))


def common(train: Index, valid: Index) -> tuple[int, list[Pair]]:
    """How many of the training examples stand in the validation file, and the first, with their lines in both."""
    number, first = 0, list[Pair]()
    parts = max(len(train.keys), len(valid.keys)) // _SHARE + 1
    for mine, theirs in zip(_split(train.keys, parts), _split(valid.keys, parts), strict=True):
        places: dict[int, int] = {}
        for at in theirs:
            places.setdefault(valid.keys[at], at)
        shared = [(train.lines[at], valid.lines[places[train.keys[at]]]) for at in mine if train.keys[at] in places]
        number += len(shared)
        first = nsmallest(NAMED, first + shared)
    return number, first


def _compare(index: Index, share: Sequence[int], found: Repeats) -> None:
    keys, questions, lines = index.keys, index.questions, index.lines
    asked: dict[int, int] = {}
    seen: dict[int, int] = {}
    copies: list[Pair] = []
    others: list[Pair] = []
    for at in share:
        key = keys[at]
        if key in seen:
            copies.append((lines[at], lines[seen[key]]))
            continue
        seen[key] = at
        if (first := asked.setdefault(questions[at], at)) != at:
            others.append((lines[at], lines[first]))
    found.duplicates += len(copies)
    found.contradictions += len(others)
    found.copies = nsmallest(NAMED, found.copies + copies)
    found.others = nsmallest(NAMED, found.others + others)


def _shares(hashes: array[int]) -> Iterator[Sequence[int]]:
    return _split(hashes, len(hashes) // _SHARE + 1)


def _split(hashes: array[int], parts: int) -> Iterator[Sequence[int]]:
    """The places of hashes in shares by their value, each in order."""
    if parts == 1:
        yield range(len(hashes))
        return
    shares = [array("I") for _ in range(parts)]
    for at, value in enumerate(hashes):
        shares[value % parts].append(at)
    while shares:
        yield shares.pop()
