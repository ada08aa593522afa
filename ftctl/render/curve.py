"""Curves in a terminal: training as a line of braille dots, validation as marks, so that no colour is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ftctl.render.curve_scale import Scale, label, scale_of, steps_scale
from ftctl.render.look import Look, Style, width_of
from ftctl.results import columns
from ftctl.results.curve import Span, buckets, span, thinned
from ftctl.results.numbers import number
from ftctl.results.run import Run
from ftctl.results.table import Series

_ROWS = 12
_APART = 3  # columns between two marks of a series that was measured at each step
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille character, row by row
_HALVES = {1: "'", 2: ".", 3: ":"}  # the same with two dots one above the other, in ASCII
_LINES, _MARKS = Style.CYAN, Style.YELLOW
Points = list[tuple[int, float]]


@dataclass(slots=True)
class _Canvas:
    """Characters and the dots below them; `fine` dots wide and high is one character."""

    across: int
    rows: int
    unicode: bool
    dots: dict[tuple[int, int], int] = field(default_factory=dict)
    marks: dict[tuple[int, int], tuple[str, Style]] = field(default_factory=dict)

    @property
    def fine(self) -> tuple[int, int]:
        return (2, 4) if self.unicode else (1, 2)

    def dot(self, x: int, y: int) -> None:
        """A dot, counted from the left and from the top."""
        (column, right), (row, down) = divmod(x, self.fine[0]), divmod(y, self.fine[1])
        bit = _DOTS[down][right] if self.unicode else 1 << down
        self.dots[row, column] = self.dots.get((row, column), 0) | bit

    def mark(self, across: float, up: float, char: str, style: Style) -> None:
        """A character at shares of the width and of the height."""
        self.marks[round((1 - up) * (self.rows - 1)), round(across * (self.across - 1))] = char, style

    def letter(self, across: float, up: float, char: str, style: Style) -> None:
        """A letter of one of several curves: a capital stands before a small one, a star for two that meet."""
        place = round((1 - up) * (self.rows - 1)), round(across * (self.across - 1))
        known = self.marks.get(place, (char, style))[0]
        meets = known != char and (known.isupper() or known == "*") == char.isupper()
        self.marks[place] = "*" if meets else char, style

    def line(self, shares: Iterable[tuple[float, float]]) -> None:
        """Dots from one place to the next, without gaps."""
        wide, high = self.across * self.fine[0] - 1, self.rows * self.fine[1] - 1
        places = [(round(x * wide), round((1 - y) * high)) for x, y in shares]
        if len(places) == 1:
            self.dot(*places[0])
        for (x0, y0), (x1, y1) in pairwise(places):
            length = max(abs(x1 - x0), abs(y1 - y0), 1)
            for part in range(length + 1):
                self.dot(x0 + round((x1 - x0) * part / length), y0 + round((y1 - y0) * part / length))

    def row(self, number: int, look: Look) -> str:
        return "".join(self._cell(number, column, look) for column in range(self.across)).rstrip()

    def _cell(self, row: int, column: int, look: Look) -> str:
        if found := self.marks.get((row, column)):
            return look.paint(*found)
        bits = self.dots.get((row, column), 0)
        if not bits:
            return " "
        return look.paint(chr(0x2800 + bits) if self.unicode else _HALVES[bits], _LINES)


def curve_lines(run: Run, look: Look) -> list[str]:
    """The chart of one training: its loss or its reward by step."""
    names = chart_columns(run)
    train, valid, full = (run.table.get(name).finite() for name in names)
    drawn = [thinned(series, 400) for series in (train, valid, full)]
    if not any(drawn):
        return []
    shown = span(_values(drawn[0]), _values(drawn[2]))
    frame = _Frame.of([run], shown, look)
    x, y = frame.steps, frame.values
    canvas = _Canvas(frame.across, _ROWS, look.unicode)
    canvas.line(_shares(thinned(train, 2 * frame.across), x, y))
    small, big = look.pick("○", "o"), look.pick("●", "@")
    for step, value in _spaced(valid, x, frame.across):
        canvas.mark(x.place(step), y.place(value), small, _MARKS)
    for step, value in drawn[2]:
        canvas.mark(x.place(step), y.place(value), big, Style.BOLD)
    served = [run.choice.step] if run.choice else []
    keys = [(look.pick("⣀⡠⠔", ".:'"), names[0]), (small, names[1]), (big, names[2])]
    legend = [f"{mark} {columns.title(name)}" for (mark, name), points in zip(keys, drawn, strict=True) if points]
    legend += [f"{look.pick('▲', '^')} checkpoint to serve"] if served else []
    legend += [_cut(shown, look)] if shown.cut is not None else []
    return [*frame.lines(canvas, look, served), *_legend(legend, look)]


def compared_lines(runs: Sequence[Run], look: Look) -> list[str]:
    """The charts of several trainings in one: a letter for each, small for training and capital for validation."""
    drawn = []
    for run in runs:
        train, _, full = (run.table.get(name).finite() for name in chart_columns(run))
        drawn.append((train, thinned(full, 60)))
    if not any(len(train) or full for train, full in drawn):
        return []
    shown = span(
        [value for train, _ in drawn for value in _values(thinned(train, 400))],
        [value for _, full in drawn for value in _values(full)],
    )
    frame = _Frame.of(runs, shown, look)
    canvas = _Canvas(frame.across, _ROWS, look.unicode)
    for letter, (train, _) in zip(letters(len(runs)), drawn, strict=True):
        for step, value in _spaced(train, frame.steps, frame.across):
            canvas.letter(frame.steps.place(step), frame.values.place(value), letter.lower(), _LINES)
    for letter, (_, evaluations) in zip(letters(len(runs)), drawn, strict=True):
        for step, value in evaluations:
            canvas.letter(frame.steps.place(step), frame.values.place(value), letter, Style.BOLD)
    legend = [
        "a, b: training",
        "A, B: full validation",
        "*: several",
        *([_cut(shown, look)] if shown.cut is not None else []),
    ]
    return [*frame.lines(canvas, look, []), *_legend(legend, look)]


def chart_columns(run: Run) -> tuple[str, str, str]:
    """What is drawn of a training: its loss, or its reward."""
    return columns.LOSSES if run.table.has(*columns.LOSSES) else columns.REWARDS


def letters(count: int) -> list[str]:
    """A, B, C …, and from the 27th on A again."""
    return [chr(ord("A") + number % 26) for number in range(count)]


@dataclass(frozen=True, slots=True)
class _Frame:
    """The axes around a canvas."""

    steps: Scale
    values: Scale
    labels: dict[int, str]
    across: int

    @classmethod
    def of(cls, runs: Sequence[Run], shown: Span, look: Look) -> _Frame:
        scale = scale_of(shown)
        ticks = scale.ticks(5)
        labels = {round((1 - scale.place(tick)) * (_ROWS - 1)): label(tick, ticks) for tick in ticks}
        room = look.width - 2 - max(map(len, labels.values()), default=0) - 2
        tables = [run.table for run in runs]
        steps = steps_scale((one.first_step for one in tables), (one.steps for one in tables))
        return cls(steps, scale, labels, room)

    def lines(self, canvas: _Canvas, look: Look, served: Sequence[int]) -> Iterable[str]:
        column = max(map(len, self.labels.values()), default=0)
        tick, bar = look.pick("┤", "|"), look.pick("│", "|")
        for row in range(_ROWS):
            text = self.labels.get(row, "")
            yield f"  {text:>{column}} {tick if text else bar}{canvas.row(row, look)}".rstrip()
        ticks, numbers = self._below(look, served)
        yield f"  {' ' * column} {look.pick('└', '+')}{ticks}"
        log = "logarithmic" if self.values.log else ""
        yield f"  {log[:column] if len(log) <= column else '':>{column}}  {numbers}".rstrip()

    def _below(self, look: Look, served: Sequence[int]) -> tuple[str, str]:
        """The axis of the steps: its line, and the numbers below it."""
        line = [look.pick("─", "-")] * self.across
        numbers = [" "] * self.across
        end = 0
        for tick in [self.steps.low, *self.steps.ticks(6)]:
            place = round(self.steps.place(tick) * (self.across - 1))
            text = f"{tick:,.0f}"
            start = max(0, min(place - len(text) // 2, self.across - len(text) - 5))
            if start < end:
                continue
            line[place] = look.pick("┴", "+")
            numbers[start : start + len(text)] = text
            end = start + len(text) + 2
        numbers[-5:] = " step"
        for step in served:
            line[round(self.steps.place(step) * (self.across - 1))] = look.pick("▲", "^")
        return "".join(line), "".join(numbers).rstrip()


def _shares(points: Points, steps: Scale, values: Scale) -> list[tuple[float, float]]:
    return [(steps.place(step), values.place(value)) for step, value in points]


def _values(points: Points) -> list[float]:
    return [value for _, value in points]


def _cut(shown: Span, look: Look) -> str:
    return f"{look.pick('↑', 'above:')} up to {number(shown.cut or 0)}"


def _spaced(series: Series, steps: Scale, across: int) -> list[tuple[float, float]]:
    """The mean of each few columns."""
    found = buckets(series, steps.low, steps.high + 1, max(across // _APART, 1)) if len(series) else []
    return [(one.step, one.mean) for one in found if one]


def _legend(parts: Sequence[str], look: Look) -> list[str]:
    """The parts of a legend, in as many lines as they need."""
    lines = [""]
    for part in parts:
        if lines[-1] and width_of(lines[-1]) + 3 + width_of(part) > look.width:
            lines.append("")
        lines[-1] += f"{'   ' if lines[-1] else '  '}{part}"
    return lines
