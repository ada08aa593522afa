"""Curves as SVG, readable on light and on dark ground, in print, and without seeing their colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ftctl.render.curve import letters
from ftctl.render.curve_scale import Scale, label, scale_of, steps_scale
from ftctl.render.look import clean
from ftctl.results import columns
from ftctl.results.curve import smoothed, span, thinned
from ftctl.results.numbers import number
from ftctl.results.run import Run
from ftctl.results.table import Table
from ftctl.results.verdict import Outcome

_POINTS, _SMOOTH = 1_200, 60  # of a line: as it was measured, and its means
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 18, 40, 46
_LEGEND, _GLYPH = 18, 5.9  # pixels of a legend's row, and about of a character
_LINES = 6  # that can be told apart

STYLE = """\
.curve { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --grid: #e4e8ec; --l0: #1f6fbf; --l1: #b8560b;
  --l2: #7a3db8; --l3: #14805e; --l4: #b3261e; --l5: #5d6570; --warn: #fff3d6 }
@media (prefers-color-scheme: dark) { .curve { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --grid: #262c36;
  --l0: #62a8ee; --l1: #f0a050; --l2: #c59bff; --l3: #4cc9a0; --l4: #ff8a80; --l5: #a8b0ba; --warn: #221c0e } }
@media print { .curve { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --grid: #e4e8ec; --l0: #1f6fbf;
  --l1: #b8560b; --l2: #7a3db8; --l3: #14805e; --l4: #b3261e; --l5: #5d6570; --warn: #fff3d6 } }
.curve .ground { fill: var(--ground) } .curve .warn { fill: var(--warn) }
.curve text { fill: var(--ink); font: 12px system-ui, sans-serif } .curve .small { fill: var(--soft); font-size: 11px }
.curve .title { font-weight: 600; font-size: 14px } .curve .grid { stroke: var(--grid) }
.curve .axis { stroke: var(--soft) } .curve .mark { stroke: var(--soft); stroke-dasharray: 2 3 }
.curve .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
.curve .raw { stroke-width: 1; opacity: .25 } .curve .broken { stroke-dasharray: 7 4 }
.curve .dotted { stroke-dasharray: 1 4 } .curve .dot { stroke: var(--ground); stroke-width: 1.5 }
""" + "\n".join(
    f".curve .l{n} {{ stroke: var(--l{n}) }} .curve .dot.l{n}, .curve .end.l{n} {{ fill: var(--l{n}) }}"
    for n in range(_LINES)
)


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: its name, its points, its colour's number, and how it is drawn: `solid`, `broken`, `dotted` or `dots`.

    `raw` are the points as measured, drawn faintly below their means; `tag` stands at the end.
    """

    name: str
    points: Sequence[tuple[float, float]]
    colour: int
    form: str = "solid"
    raw: Sequence[tuple[float, float]] = ()
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of curves: `served` and `since` are steps to mark, `told` is said to those who cannot see it."""

    title: str
    lines: Sequence[Line]
    told: str
    served: int | None = None
    since: int | None = None
    size: tuple[int, int] = (860, 400)
    name: str = "curve"


def run_plot(
    run: Run, group: Sequence[str], title: str, name: str = "curve", size: tuple[int, int] = (860, 400)
) -> Plot:
    """The curves of some columns of a training."""
    lines = [line for n, one in enumerate(group) for line in _lines(run.table, one, n)]
    main = set(group) & {*columns.LOSSES, *columns.REWARDS}
    since = run.verdict.since if main and run.verdict.outcome is Outcome.OVERFITTING else None
    told = " ".join(_told(line) for line in lines)
    if main:
        told += f" Verdict: {run.verdict.title}. {run.verdict.seen}"
    served = run.choice.step if run.choice and main else None
    return Plot(title, lines, told, served, since, size, name)


def compared_plot(runs: Sequence[Run], names: Sequence[str], title: str, name: str = "curve") -> Plot:
    """One measure of several trainings: of each run the column that `names` says."""
    lines, tags = [], letters(len(runs))
    for n, (run, column) in enumerate(zip(runs, names, strict=True)):
        evaluated = column not in {columns.TRAIN_LOSS, columns.TRAIN_REWARD} and len(run.table.get(column)) <= _SMOOTH
        form = "dots" if evaluated else ("solid", "broken", "dotted")[n % 3]
        called, tag = f"{tags[n]} {clean(run.name)}", tags[n]
        lines += [Line(called, one.points, n % _LINES, form, tag=tag) for one in _lines(run.table, column, n)]
    return Plot(title, lines, " ".join(_told(line) for line in lines), name=name)


def svg(plot: Plot, *, style: bool = True) -> str:
    """The picture by itself; without its style for a page that has it already."""
    width, height = plot.size
    ids = f"{plot.name}-title", f"{plot.name}-told"
    sizes = f'viewBox="0 0 {width} {height}"' + (f' width="{width}" height="{height}"' if style else "")
    parts = [
        f'<svg class="curve" xmlns="http://www.w3.org/2000/svg" {sizes} role="img" aria-labelledby="{" ".join(ids)}">',
        f'<title id="{ids[0]}">{_text(plot.title)}</title><desc id="{ids[1]}">{_text(plot.told)}</desc>',
        *([f"<style>\n{STYLE}\n</style>"] if style else []),
        f'<rect class="ground" width="{width}" height="{height}"/>',
        f'<text class="title" x="{_LEFT}" y="22">{_text(plot.title)}</text>',
        *_drawn(plot),
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _lines(table: Table, name: str, colour: int) -> Iterable[Line]:
    series = table.get(name).finite()
    if not len(series):
        return
    raw = thinned(series, _POINTS)
    title = clean(columns.title(name))
    colour %= _LINES
    if len(series) <= _SMOOTH:
        yield Line(title, raw, colour, "dots" if len(series) <= _SMOOTH // 2 or colour > 1 else "solid")
    else:
        yield Line(title, smoothed(series, _SMOOTH), colour, "broken" if colour % 2 else "solid", raw)


def _drawn(plot: Plot) -> Iterable[str]:
    shown = [line for line in plot.lines if line.points]
    if not shown:
        yield f'<text class="small" x="{_LEFT}" y="{_TOP}">Nothing was measured.</text>'
        return
    means = [value for line in shown for _, value in line.points]
    peaks = [value for line in shown for _, value in line.raw]
    needed = [value for line in shown if line.form == "dots" for _, value in line.points]
    ends = span(peaks or means, needed)
    y = scale_of(ends)
    steps = [round(step) for line in shown for step, _ in line.raw or line.points]
    places = list(_legend_places(shown, plot.size[0]))
    area = _Area(steps_scale([min(steps)], [max(steps)]), y, plot.size, places[-1][1] + 20)
    yield from _warned(plot, area)
    yield from _axes(area, ends.cut)
    for line in shown:
        yield from _curve(line, area)
    yield from _marks(plot, area)
    for line, place in zip(shown, places, strict=True):
        yield from _key(line, *place)


@dataclass(frozen=True, slots=True)
class _Area:
    """Where steps and values stand in the picture."""

    steps: Scale
    values: Scale
    size: tuple[int, int]
    top: float

    @property
    def right(self) -> int:
        return self.size[0] - _RIGHT

    @property
    def base(self) -> int:
        return self.size[1] - _BOTTOM

    def x(self, step: float) -> float:
        return _LEFT + self.steps.place(step) * (self.right - _LEFT)

    def y(self, value: float) -> float:
        return self.base - self.values.place(value) * (self.base - self.top)


def _warned(plot: Plot, area: _Area) -> Iterable[str]:
    if plot.since is not None:
        x = area.x(plot.since)
        yield (
            f'<rect class="warn" x="{x:.1f}" y="{area.top:.0f}" width="{area.right - x:.1f}"'
            f' height="{area.base - area.top:.0f}"><title>overfitting since step {plot.since:,}</title></rect>'
        )


def _axes(area: _Area, cut: float | None) -> Iterable[str]:
    ticks = area.values.ticks(5)
    for tick in ticks:
        y = area.y(tick)
        yield f'<line class="grid" x1="{_LEFT}" x2="{area.right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="small" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label(tick, ticks)}</text>'
    yield f'<line class="axis" x1="{_LEFT}" x2="{area.right}" y1="{area.base}" y2="{area.base}"/>'
    most = 8 if area.size[0] > 600 else 4  # noqa: PLR2004  a small picture has room for fewer
    for tick in [area.steps.low, *(t for t in area.steps.ticks(most) if area.x(t) - _LEFT > 24)]:  # noqa: PLR2004  pixels
        x = area.x(tick)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{area.base}" y2="{area.base + 4}"/>'
        yield f'<text class="small" x="{x:.1f}" y="{area.base + 18}" text-anchor="middle">{tick:,.0f}</text>'
    middle = (_LEFT + area.right) / 2
    words = "step, values on a logarithmic scale" if area.values.log else "step"
    yield f'<text class="small" x="{middle:.0f}" y="{area.base + 36}" text-anchor="middle">{words}</text>'
    if cut is not None:
        text = f"↑ cut off: up to {number(cut)}"
        yield f'<text class="small" x="{area.right}" y="22" text-anchor="end">{text}</text>'


def _curve(line: Line, area: _Area) -> Iterable[str]:
    if line.raw:
        yield f'<path class="line raw l{line.colour}" d="{_path(line.raw, area)}"/>'
    form = f" {line.form}" if line.form in {"broken", "dotted"} else ""
    yield f'<path class="line{form} l{line.colour}" d="{_path(line.points, area)}"/>'
    if line.tag:
        step, value = line.points[-1]
        yield f'<text x="{area.x(step) + 7:.1f}" y="{area.y(value) + 4:.1f}">{line.tag}</text>'
    if line.form == "dots":
        for step, value in line.points:
            yield (
                f'<circle class="dot l{line.colour}" cx="{area.x(step):.1f}" cy="{area.y(value):.1f}" r="4.5">'
                f"<title>{_text(line.name)} at step {step:,.0f}: {number(value)}</title></circle>"
            )


def _path(points: Sequence[tuple[float, float]], area: _Area) -> str:
    return "M" + " ".join(f"{area.x(step):.1f} {area.y(value):.1f}" for step, value in points)


def _marks(plot: Plot, area: _Area) -> Iterable[str]:
    if plot.served is None:
        return
    x = area.x(plot.served)
    text = f"serve step {plot.served:,}"
    side = -1 if x + 8 + len(text) * _GLYPH > area.right else 1
    anchor = "end" if side < 0 else "start"
    yield f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{area.top:.0f}" y2="{area.base}"/>'
    yield f'<text class="small" x="{x + 6 * side:.1f}" y="{area.top + 14:.0f}" text-anchor="{anchor}">{text}</text>'


def _legend_places(lines: Sequence[Line], width: int) -> Iterable[tuple[float, float]]:
    """Where each line's key stands, in as many rows as they need."""
    x, y = float(_LEFT), float(_TOP)
    for line in lines:
        wide = 34 + len(line.name) * _GLYPH
        if x + wide > width and x > _LEFT:
            x, y = float(_LEFT), y + _LEGEND
        yield x, y
        x += wide + 14


def _key(line: Line, x: float, y: float) -> Iterable[str]:
    form = f" {line.form}" if line.form in {"broken", "dotted"} else ""
    yield f'<path class="line{form} l{line.colour}" d="M{x:.0f} {y:.0f} h22"/>'
    if line.form == "dots":
        yield f'<circle class="dot l{line.colour}" cx="{x + 11:.0f}" cy="{y:.0f}" r="4.5"/>'
    yield f'<text class="small" x="{x + 28:.0f}" y="{y + 4:.0f}">{_text(line.name)}</text>'


def _told(line: Line) -> str:
    if not line.points:
        return ""
    (first, begun), (last, ended) = line.points[0], line.points[-1]
    return f"{line.name}: {number(begun)} at step {first:,.0f}, {number(ended)} at step {last:,.0f}."


def _text(text: str) -> str:
    return escape(clean(text))
