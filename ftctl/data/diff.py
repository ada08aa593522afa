"""What changed between two data files: examples added, removed and edited, and what that does to the figures."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import compress, islice

from ftctl.data.report import Checked, Index, Report, System

MOST_LINES = 20  # of each sort are told
_PART = 1 << 14  # examples that are compared at once, about


@dataclass(frozen=True, slots=True)
class Names:
    """Names or lines that came and went, with the number of examples (or calls) of each."""

    added: Mapping[str, int]
    removed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Systems:
    """Distinct system messages that came and went, by where they stand first in their own file."""

    added: tuple[System, ...] = ()
    removed: tuple[System, ...] = ()


@dataclass(frozen=True, slots=True)
class Examples:
    """How the examples differ, whatever their order. An edited one answers the same question otherwise.

    Equal examples are counted as often as they stand there. Of each sort the first lines are told, in their own
    file; of what was edited as (before, after). `reordered` says that the examples that stayed changed places.
    """

    kept: int
    added: int
    removed: int
    edited: int
    reordered: bool = False
    added_lines: tuple[int, ...] = ()
    removed_lines: tuple[int, ...] = ()
    edited_lines: tuple[tuple[int, int], ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing but their order may differ."""
        return not (self.added or self.removed or self.edited)


@dataclass(frozen=True, slots=True)
class Diff:
    """Everything that differs between two files: their reports hold the figures of each."""

    before: Report
    after: Report
    examples: Examples
    tools: Names
    systems: Systems

    @property
    def same_content(self) -> bool:
        return bool(self.after.sha256) and self.before.sha256 == self.after.sha256


def diff(before: Checked, after: Checked) -> Diff:
    """Compare two checked files. It takes memory for a few bytes an example, and for a part of them at once."""
    if before.report.sha256 and before.report.sha256 == after.report.sha256:
        examples = Examples(kept=len(after.index.keys), added=0, removed=0, edited=0)
    else:
        examples = _examples(before.index, after.index)
    return Diff(
        before.report,
        after.report,
        examples,
        _names(before.report.tools, after.report.tools),
        _systems(before.report, after.report),
    )


def shared(train: Index, valid: Index) -> int:
    """How many examples of one file stand in the other as well."""
    parts = zip(
        *(_parted(index.keys, range(len(index.keys)), _mask(train, valid)) for index in (train, valid)), strict=True
    )
    number = 0
    for mine, theirs in parts:
        others = {valid.keys[position] for position in theirs}
        number += sum(train.keys[position] in others for position in mine)
    return number


def _examples(before: Index, after: Index) -> Examples:
    kept_before, kept_after = _same(before, after)
    gone = array("I", (position for position, kept in enumerate(kept_before) if not kept))
    fresh = array("I", (position for position, kept in enumerate(kept_after) if not kept))
    olds, news = _paired(before, gone, after, fresh)
    moved = any(
        a != b for a, b in zip(compress(before.keys, kept_before), compress(after.keys, kept_after), strict=True)
    )
    pairs = nsmallest(MOST_LINES, zip(news, olds, strict=True))
    for flags, positions in ((kept_before, olds), (kept_after, news)):
        for position in positions:
            flags[position] = 1  # told of as edited
    return Examples(
        kept=len(after.keys) - len(fresh),
        added=len(fresh) - len(news),
        removed=len(gone) - len(olds),
        edited=len(news),
        reordered=moved,
        added_lines=_first(after.lines, kept_after),
        removed_lines=_first(before.lines, kept_before),
        edited_lines=tuple((before.lines[old], after.lines[new]) for new, old in pairs),
    )


def _first(lines: Sequence[int], told: bytearray) -> tuple[int, ...]:
    return tuple(islice(compress(lines, (not one for one in told)), MOST_LINES))


def _same(before: Index, after: Index) -> tuple[bytearray, bytearray]:
    """For each example of either file, 1 where the other one has it too; of equal ones the first are matched."""
    flags = bytearray(len(before.keys)), bytearray(len(after.keys))
    mask = _mask(before, after)
    olds, news = (_parted(index.keys, range(len(index.keys)), mask) for index in (before, after))
    for old, new in zip(olds, news, strict=True):
        counts = Counter(before.keys[position] for position in old) & Counter(after.keys[position] for position in new)
        _mark(flags[0], before.keys, old, counts)
        _mark(flags[1], after.keys, new, counts)
    return flags


def _mark(flags: bytearray, keys: Sequence[int], positions: Iterable[int], counts: Mapping[int, int]) -> None:
    left = dict(counts)
    for position in positions:
        if left.get(keys[position], 0):
            left[keys[position]] -= 1
            flags[position] = 1


def _paired(before: Index, gone: Sequence[int], after: Index, fresh: Sequence[int]) -> tuple[array[int], array[int]]:
    """The positions before and after of examples whose question stayed; several of one question in their order."""
    olds, news = array("I"), array("I")
    mask = _mask(before, after)
    parts = zip(_parted(before.questions, gone, mask), _parted(after.questions, fresh, mask), strict=True)
    for old, new in parts:
        waiting: defaultdict[int, list[int]] = defaultdict(list)
        for position in reversed(old):
            waiting[before.questions[position]].append(position)
        for position in new:
            if same := waiting.get(after.questions[position]):
                olds.append(same.pop())
                news.append(position)
    return olds, news


def _mask(first: Index, second: Index) -> int:
    """The bits of a hash that say which part an example is compared in, so that parts are small."""
    parts = max(len(first.keys), len(second.keys)) // _PART
    return int((1 << parts.bit_length()) - 1)


def _parted(hashes: Sequence[int], positions: Iterable[int], mask: int) -> list[array[int]]:
    parts = [array("I") for _ in range(mask + 1)]
    for position in positions:
        parts[hashes[position] & mask].append(position)
    return parts


def _names(before: Mapping[str, int], after: Mapping[str, int]) -> Names:
    return Names(_only(after, before), _only(before, after))


def _only(mine: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    return {name: number for name, number in sorted(mine.items()) if name not in other}


def _systems(before: Report, after: Report) -> Systems:
    """Nothing is said of those that would have to be looked for among the other side's further, unlisted ones."""
    added = () if before.more_systems else tuple(_fresh(after.systems, before.systems))
    return Systems(added, () if after.more_systems else tuple(_fresh(before.systems, after.systems)))


def _fresh(mine: Iterable[System], other: Iterable[System]) -> Iterator[System]:
    known = {one.key for one in other}
    return (one for one in mine if one.key not in known)
