"""results.csv read by its header: a series of steps and values for each column, whatever columns there are."""

from __future__ import annotations

import base64
import binascii
import csv
import io
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any

from ftctl.core.errors import FtctlError, Problem
from ftctl.results.columns import KNOWN, STEP, normal

_BOM = b"\xef\xbb\xbf"
_SHOWN = 60  # characters of a header that an error quotes
_LONGEST = 1 << 27  # of one cell; csv's own limit is shorter than what a broken file may hold
_LARGEST = 1e100  # what is beyond it is as good as infinite, and nothing can be reckoned with it
_MOST_STEPS = 1 << 62
_PIECE = 4096  # rows


@dataclass(frozen=True, slots=True)
class Series:
    """What was measured of one column, in order of steps. What was not measured is not in it; NaN was measured."""

    name: str
    steps: Sequence[int] = field(default_factory=lambda: array("q"), repr=False)
    values: Sequence[float] = field(default_factory=lambda: array("d"), repr=False)

    def __len__(self) -> int:
        return len(self.steps)

    def finite(self) -> Series:
        """The part that is numbers."""
        if all(map(_is_number, self.values)):
            return self
        pairs = [(step, value) for step, value in zip(self.steps, self.values, strict=True) if _is_number(value)]
        return Series(self.name, array("q", (step for step, _ in pairs)), array("d", (value for _, value in pairs)))

    def broken(self) -> int | None:
        """Where it ends in values that are no numbers: the step of the first of those."""
        found = None
        for step, value in zip(reversed(self.steps), reversed(self.values), strict=True):
            if _is_number(value):
                break
            found = step
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """A job's measures. `columns` are as written, without the step's; `words` the cells that are no numbers, by step.

    `notes` say what was odd about the file, for people.
    """

    columns: tuple[str, ...]
    series: Mapping[str, Series]
    words: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    steps: int = 0
    first_step: int = 0
    notes: tuple[str, ...] = ()

    def get(self, name: str) -> Series:
        """A column by its normal name; an empty series where there is none."""
        return self.series.get(name) or Series(name)

    def has(self, *names: str) -> bool:
        """Whether any of the columns has a value."""
        return any(len(self.get(name)) for name in names)

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(name for name in map(normal, self.columns) if name not in KNOWN)


def read(content: bytes, *, growing: bool = False) -> Table:
    """The table of a file's bytes; of a `growing` file the last line may be cut, and is left out.

    Raises FT6103 for what is no results file.
    """
    text = _text(content)
    notes: list[str] = []
    if growing and text and not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
        notes.append("The last line is still being written and was left out.")
    csv.field_size_limit(_LONGEST)
    rows = csv.reader(io.StringIO(text, newline=""))
    header = next(rows, [])
    reading = _Reading(header)
    try:
        reading.add_all(rows)
    except csv.Error as error:
        raise _no_results(f"line {rows.line_num} is no CSV ({error})") from None
    return reading.table(notes)


def of_events(events: Iterable[Mapping[str, Any]]) -> Table:
    """What a job's events tell of its steps, the oldest first: every tenth, where there is no results.csv."""
    measured = [event["data"] for event in events if event.get("type") == "metrics" and event.get("data")]
    names = list(dict.fromkeys(name for one in measured for name in one if name != STEP))
    reading = _Reading([STEP, *names])
    for one in measured:
        reading.add(["" if one.get(name) is None else str(one[name]) for name in (STEP, *names)])
    return reading.table(["Read from the job's events, which tell of some steps only: there is no results.csv."])


def as_csv(tables: Mapping[str, Table]) -> str:
    """Tables as one CSV with normal names: a line for each step that has a value, blank where nothing was measured.

    With several tables the first column says whose line it is.
    """
    names = list(dict.fromkeys(name for table in tables.values() for name in table.series))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    many = len(tables) > 1
    writer.writerow([*(["job"] if many else []), STEP, *names])
    for job, table in tables.items():
        cells: dict[int, dict[str, str]] = {}
        for name, series in table.series.items():
            for step, value in zip(series.steps, series.values, strict=True):
                cells.setdefault(step, {})[name] = repr(value)
        for name, words in table.words.items():
            for step, word in words.items():
                cells.setdefault(step, {})[name] = word
        for step in sorted(cells):
            writer.writerow([*([job] if many else []), step, *(cells[step].get(name, "") for name in names)])
    return out.getvalue()


def _is_number(value: float) -> bool:
    return -_LARGEST < value < _LARGEST


class _Reading:
    """A table while it is read, a row at a time."""

    def __init__(self, header: Sequence[str]) -> None:
        if not any(normal(name) in KNOWN for name in header):
            raise _no_results(f'its first line is "{_shortened(",".join(header))}"')
        self._written = [name.strip() for name in header]
        self._names: list[str] = []
        for name in self._written:
            # Of two spellings of one column the first is known by the normal name, the other by its own.
            self._names.append(normal(name) if normal(name) not in self._names else name)
        self._step = self._names.index(STEP) if STEP in self._names else None
        self._cells = [
            (place, name, array("q"), array("d"))
            for place, name in enumerate(self._names)
            if place != self._step and name
        ]
        self._words: dict[str, dict[int, str]] = {}
        self._last = 0
        self._first: int | None = None
        self._short = self._lost = 0
        self._again: list[tuple[int, int]] = []

    def add_all(self, rows: Iterator[list[str]]) -> None:
        """Rows in pieces: a piece that is as it should be is read by columns, which is several times as fast."""
        while piece := list(islice(rows, _PIECE)):
            if not self._add_columns(piece):
                for row in piece:
                    self.add(row)

    def _add_columns(self, piece: list[list[str]]) -> bool:
        if self._step is None or any(len(row) != len(self._names) for row in piece):
            return False
        columns = list(zip(*piece, strict=True))
        try:
            steps = array("q", map(int, columns[self._step]))
        except (ValueError, OverflowError):
            return False
        last = -1 if self._first is None else self._last
        if any(before >= after for before, after in pairwise((last, *steps))):
            return False
        for place, name, known, values in self._cells:
            try:
                numbers = array("d", map(float, columns[place]))
            except ValueError:
                for step, cell in zip(steps, columns[place], strict=True):
                    if cell:
                        self._put(name, known, values, step, cell)
            else:
                known.extend(steps)
                values.extend(numbers)
        self._first = steps[0] if self._first is None else min(self._first, steps[0])
        self._last = steps[-1]
        return True

    def add(self, row: list[str]) -> None:
        if not any(row):
            return
        step = self._step_of(row)
        if step is None:
            self._lost += 1
            return
        if step < self._last:
            self._restart(step)
        self._first = step if self._first is None else min(self._first, step)
        self._last = step
        self._short += len(row) < len(self._names)
        width = len(row)
        for place, name, steps, values in self._cells:
            if place < width and row[place]:
                self._put(name, steps, values, step, row[place])

    def _put(self, name: str, steps: array[int], values: array[float], step: int, cell: str) -> None:
        try:
            value = float(cell)
        except ValueError:
            if cell.strip():
                self._words.setdefault(name, {})[step] = cell
            return
        if steps and steps[-1] == step:
            values[-1] = value
        else:
            steps.append(step)
            values.append(value)

    def _step_of(self, row: list[str]) -> int | None:
        """The row's step; without such a column, or in it, the row's number."""
        if self._step is None:
            return self._last + 1
        try:
            step = int(float(row[self._step]))
        except (IndexError, ValueError, OverflowError):
            return None
        return step if 0 <= step < _MOST_STEPS else None

    def _restart(self, step: int) -> None:
        """The service tried again from an earlier step: what it had measured from there on counts no more."""
        self._again.append((self._last, step))
        for _, _, steps, values in self._cells:
            while steps and steps[-1] >= step:
                steps.pop()
                values.pop()
        for words in self._words.values():
            for one in [one for one in words if one >= step]:
                del words[one]

    def table(self, notes: Iterable[str]) -> Table:
        told = [*notes, *self._told()]
        series = {name: Series(name, steps, values) for _, name, steps, values in self._cells}
        columns = tuple(name for place, name in enumerate(self._written) if place != self._step and name)
        return Table(columns, series, self._words, self._last, self._first or 0, tuple(told))

    def _told(self) -> Iterable[str]:
        for last, step in self._again[:3]:
            yield f"After step {last:,} the training began again at step {step:,}; what it had measured is replaced."
        if self._lost:
            yield f"{self._lost:,} lines have no step and were left out."
        if self._short:
            yield f"{self._short:,} lines are shorter than the header; what they lack counts as not measured."
        for name, words in self._words.items():
            if name in KNOWN:
                yield f"{len(words):,} values of {name} are no numbers and were left out."


def _text(content: bytes) -> str:
    """The file's text; old api versions give a file's content in base64, which has none of a header's commas."""
    content = content.removeprefix(_BOM)
    head = content.lstrip()[:4096].split(b"\n", 1)[0]
    if b"," not in head and head.strip().lower() not in {b"step", b""}:
        content = _decoded(content)
    try:
        return content.removeprefix(_BOM).decode()
    except UnicodeDecodeError:
        raise _no_results("it is no UTF-8 text") from None


def _decoded(content: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(content.strip().strip(b'"').split()), validate=True)
    except (binascii.Error, ValueError):
        return content


def _no_results(why: str) -> FtctlError:
    return FtctlError(Problem("FT6103", "this is no results.csv of a training", why=f"{why[0].upper()}{why[1:]}."))


def _shortened(text: str) -> str:
    text = "".join(char if char.isprintable() else " " for char in text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
