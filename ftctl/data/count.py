"""Token counts of a file's examples: texts are gathered by the block, counted beside the reading, and added up."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from operator import add, sub
from typing import TypeVar

from ftctl.data.report import Long, Tokens
from ftctl.data.tokens import ESTIMATE, EXAMPLE, NoTokenizerError, tokenizer

A = TypeVar("A")
B = TypeVar("B")

LONGEST = 10
_AHEAD = 2  # batches that wait to be counted while another is


@dataclass(slots=True)
class Weighed:
    """An example whose texts weigh differently. What is said stands in one of three slots: 0 for what both outputs of
    a pair share, 1 and 2 for the outputs; other formats use 0 alone, or 0 and 1. `fixed` is known without counting.
    """

    line: int
    fixed: list[int] = field(default_factory=lambda: [0, 0, 0])
    estimated: list[int] = field(default_factory=lambda: [0, 0, 0])
    learned: int = 0
    texts: list[tuple[str, int, bool, bool]] = field(default_factory=list)
    """Each with its slot, whether it is learned, and whether its count is an estimate of what will be billed."""

    def guess(self, slot: int, tokens: int) -> None:
        self.fixed[slot] += tokens
        self.estimated[slot] += tokens


@dataclass(slots=True)
class Batch:
    """What a block of lines gave to count.

    An example's texts are those between the end of the one before and its own; what is learned begins at its middle.
    `calls` are the spans of texts whose count is an estimate, and `estimated` are such tokens that need no counting.
    The texts of weighed examples follow when all others are there.
    """

    texts: list[str] = field(default_factory=list)
    fixed: list[int] = field(default_factory=list)
    middles: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    calls: list[tuple[int, int]] = field(default_factory=list)
    estimated: int = 0
    weighed: list[Weighed] = field(default_factory=list)

    def add(self, asked: Sequence[str], answers: Sequence[str], fixed: int, line: int) -> None:
        """Add an example; `fixed` are its tokens that need not be counted."""
        self.texts += asked
        self.middles.append(len(self.texts))
        self.texts += answers
        self.ends.append(len(self.texts))
        self.fixed.append(fixed)
        self.lines.append(line)

    def guess(self, calls: list[str], estimated: int) -> None:
        """Add to the last example what it learns of calls, and say that so many of its fixed tokens are a guess."""
        self.estimated += estimated
        if calls:
            self.texts += calls
            self.calls.append((self.ends[-1], len(self.texts)))
            self.ends[-1] = len(self.texts)

    def all_texts(self) -> list[str]:
        return self.texts + [text for example in self.weighed for text, *_ in example.texts]


class Counting:
    """Counts batches in a thread and adds them up in the order of the file; `missing` says that it can only guess."""

    def __init__(self, encoding: str, *, pairs: bool) -> None:
        self.encoding, self.missing = encoding, False
        try:
            self.count = tokenizer(encoding) if encoding else _nothing
        except NoTokenizerError:
            self.encoding, self.missing = ESTIMATE, True
            self.count = tokenizer(ESTIMATE)
        self._pairs = pairs
        self._total: Counter[int] = Counter()
        self._assistant: Counter[int] = Counter()
        self._billed: Counter[int] = Counter()
        self._estimated = 0
        self._longest: list[tuple[int, int]] = []
        self._waiting: deque[tuple[Batch, Future[list[int]]]] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._aside: ThreadPoolExecutor | None = None

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Threads to work in, which end with the block; what they were to do is dropped when it ends early.

        One counts: reading takes longer, and two that count are in each other's way.
        """
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="tokens")
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="beside")
        try:
            yield
        finally:
            self._pool.shutdown(cancel_futures=True)
            self._aside.shutdown(cancel_futures=True)

    def beside(self, work: Callable[[A], B], lines: A) -> Future[B]:
        """Have something else done with a block of lines meanwhile."""
        assert self._aside is not None
        return self._aside.submit(work, lines)

    def put(self, batch: Batch) -> None:
        """Have a batch counted; waits when too many are waiting, so that reading stays no further ahead."""
        if not self.encoding:
            return
        assert self._pool is not None
        self._waiting.append((batch, self._pool.submit(self.count, batch.all_texts())))
        if len(self._waiting) > _AHEAD:
            self._add(*self._waiting.popleft())

    def result(self) -> Tokens | None:
        while self._waiting:
            self._add(*self._waiting.popleft())
        if not self.encoding:
            return None
        billed = self._billed if self._pairs else self._total
        return Tokens(
            encoding=self.encoding,
            total=dict(sorted(self._total.items())),
            assistant=dict(sorted(self._assistant.items())),
            billed=dict(sorted(billed.items())),
            estimated=sum(n * times for n, times in billed.items()) if self.missing else self._estimated,
            longest=tuple(Long(tokens, -line) for tokens, line in self._longest),
        )

    def _add(self, batch: Batch, counting: Future[list[int]]) -> None:
        counts = counting.result()
        if batch.ends:
            before = [0, *accumulate(counts)]
            ends = [before[at] for at in batch.ends]
            middles = [before[at] for at in batch.middles]
            total = list(map(add, batch.fixed, map(sub, ends, [0, *ends[:-1]])))
            self._total.update(total)
            self._assistant.update(map(sub, ends, middles))
            self._note(zip(total, batch.lines, strict=True))
            self._estimated += batch.estimated + sum(before[end] - before[start] for start, end in batch.calls)
        rest = iter(counts[len(batch.texts) :])
        for example in batch.weighed:
            self._weigh(example, rest)

    def _weigh(self, example: Weighed, counts: Iterator[int]) -> None:
        slots, estimated, learned = example.fixed, example.estimated, example.learned
        for _, slot, is_learned, is_estimate in example.texts:
            tokens = next(counts)
            slots[slot] += tokens
            learned += tokens if is_learned else 0
            estimated[slot] += tokens if is_estimate else 0
        total = EXAMPLE + slots[0] + max(slots[1], slots[2])
        self._total[total] += 1
        self._assistant[learned] += 1
        if self._pairs:
            self._billed[2 * (EXAMPLE + slots[0]) + slots[1] + slots[2]] += 1
        self._estimated += (1 + self._pairs) * estimated[0] + estimated[1] + estimated[2]
        self._note([(total, example.line)])

    def _note(self, found: Iterable[tuple[int, int]]) -> None:
        """Remember the longest; of two that are as long, the first."""
        least = self._longest[-1][0] if len(self._longest) == LONGEST else 0
        if more := [(tokens, -line) for tokens, line in found if tokens >= least]:
            self._longest = heapq.nlargest(LONGEST, self._longest + more)


def _nothing(texts: list[str]) -> list[int]:
    return [0] * len(texts)
