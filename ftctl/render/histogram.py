"""Histograms: as lines for a terminal, and as an SVG picture that reads well on light and on dark ground."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ftctl.data.stats import Bin, Spread
from ftctl.render.data import figure
from ftctl.render.look import Look, width_of

_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDEST_BAR = 40

_WIDTH, _PANEL = 720, 260  # of the picture, and the height of one histogram in it
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 24, 56, 48
_STYLE = """\
  .ground { fill: #ffffff } .bar { fill: #2f6fb3 } .axis, .mark { stroke: #59636e } .grid { stroke: #d8dee4 }
  text { fill: #1f2328; font: 12px system-ui, sans-serif } .title { font-weight: 600; font-size: 14px }
  .mark { stroke-dasharray: 3 3 } .small { fill: #59636e; font-size: 11px }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } .bar { fill: #5aa2e6 } .axis, .mark { stroke: #9198a1 } .grid { stroke: #2a313c }
    text { fill: #f0f6fc } .small { fill: #9198a1 }
  }"""


@dataclass(frozen=True, slots=True)
class Panel:
    """One histogram of a picture: its title, its bins, and the figures that are marked in it."""

    title: str
    bins: Sequence[Bin]
    spread: Spread


def histogram_lines(bins: Sequence[Bin], look: Look, indent: str) -> list[str]:
    """A line for each bin: the range, a bar, the number of examples."""
    labels = [bin_label(one, look) for one in bins]
    column = max(map(width_of, labels), default=0)
    numbers = [f"{one.examples:,}" for one in bins]
    room = look.width - len(indent) - column - 2 - max(map(len, numbers), default=0) - 1
    room = min(_WIDEST_BAR, room)
    most = max((one.examples for one in bins), default=0)
    return [
        f"{indent}{' ' * (column - width_of(label))}{label}  {_bar(one.examples, most, room, look)}{number}"
        for one, label, number in zip(bins, labels, numbers, strict=True)
    ]


def bin_label(one: Bin, look: Look) -> str:
    """`100–149`, and `1,500+` for an open end."""
    if one.stop is None:
        return f"{one.start:,}+"
    if one.stop - one.start == 1:
        return f"{one.start:,}"
    return f"{one.start:,}{look.pick('–', '-')}{one.stop - 1:,}"


def _bar(number: int, most: int, room: int, look: Look) -> str:
    """A bar whose length says `number`, and a blank after it; what is there at all is never invisible."""
    if not number:
        return ""
    eighths = max(round(number / most * room * 8), 1)
    if not look.unicode:
        return "#" * max(eighths // 8, 1) + " "
    whole, part = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[part] if part else "") + " "


def svg(title: str, panels: Sequence[Panel]) -> str:
    """A picture of one or more histograms, one below the other, with words for those who cannot see it."""
    height = _PANEL * len(panels)
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    told = " ".join(_words(panel) for panel in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(told)}</desc>',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{height}"/>',
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate(0 {number * _PANEL})">', *_panel(panel), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _words(panel: Panel) -> str:
    one = panel.spread
    return (
        f"{panel.title}: {one.examples:,} examples, from {one.least:,} to {one.most:,}, median {one.median:,.0f}, "
        f"5th percentile {one.p5:,.0f}, 95th percentile {one.p95:,.0f}."
    )


def _panel(panel: Panel) -> Iterable[str]:
    bins = panel.bins
    base, room = _PANEL - _BOTTOM, _PANEL - _BOTTOM - _TOP
    step = (_WIDTH - _LEFT - _RIGHT) / len(bins)
    top = _round_up(max(one.examples for one in bins))
    yield f'<text class="title" x="{_LEFT}" y="22">{escape(panel.title)}</text>'
    for level in (0, top // 2, top) if top > 1 else (0, top):
        y = base - level / top * room
        kind = "grid" if level else "axis"
        yield f'<line class="{kind}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="small" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{level:,}</text>'
    for index, one in enumerate(bins):
        yield from _column(one, _LEFT + index * step, step, base, one.examples / top * room)
    yield from _edges(bins, step, base)
    yield from _marks(panel, step, base)


def _column(one: Bin, x: float, step: float, base: int, height: float) -> Iterable[str]:
    if one.examples:
        label = f"{bin_label(one, Look())} tokens: {one.examples:,}"
        yield (
            f'<rect class="bar" x="{x + 1:.1f}" y="{base - height:.1f}" width="{step - 2:.1f}" height="{height:.1f}">'
            f"<title>{escape(label)}</title></rect>"
        )


def _edges(bins: Sequence[Bin], step: float, base: int) -> Iterable[str]:
    """Where the bins begin, as many of them as there is room for."""
    every = -(-len(bins) // 8)
    for index in range(0, len(bins), every):
        x = _LEFT + index * step
        yield f'<text class="small" x="{x:.1f}" y="{base + 16}" text-anchor="middle">{bins[index].start:,}</text>'
    end = bins[-1].stop
    if end is not None and len(bins) % every == 0:
        x = _LEFT + len(bins) * step
        yield f'<text class="small" x="{x:.1f}" y="{base + 16}" text-anchor="middle">{end:,}</text>'
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    more = f"; the last bar is {bins[-1].start:,} and more" if end is None else ""
    told = f"tokens; the height is the number of examples{more}"
    yield f'<text class="small" x="{middle:.0f}" y="{base + 36}" text-anchor="middle">{told}</text>'


def _marks(panel: Panel, step: float, base: int) -> Iterable[str]:
    """Lines at the 5th percentile, the median and the 95th; labels that would meet stand one above the other."""
    first = panel.bins[0]
    width = (first.stop or first.start + 1) - first.start
    right = 0.0
    for name, value in (("p5", panel.spread.p5), ("median", panel.spread.median), ("p95", panel.spread.p95)):
        x = min(_LEFT + (value - first.start) / width * step, _WIDTH - _RIGHT)
        text = f"{name} {figure(round(value, 1))}"
        y = 50 if x - len(text) * 3.2 > right else 38
        right = max(right, x + len(text) * 3.2)
        yield f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 3}" y2="{base}"/>'
        yield f'<text class="small" x="{x:.1f}" y="{y}" text-anchor="middle">{text}</text>'


def _round_up(number: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100 …: what an axis ends at, so that its half is a whole number too."""
    power = 1
    while True:
        for step in (1, 2, 4, 6, 8):
            if step * power >= number and (step * power % 2 == 0 or number <= 1):
                return step * power
        power *= 10
