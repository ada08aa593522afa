"""Graphs as SVG: from left to right, readable on light and on dark ground, in print, and without a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from ftctl.core.graph import Graph
from ftctl.core.model import Address
from ftctl.render.graph import words
from ftctl.render.look import clean

_WIDE, _HIGH = 190, 46  # of a box
_ACROSS, _DOWN = 70, 18  # between boxes
_EDGE, _HEAD = 20, 34  # around a graph, and above it where its name stands
_LETTERS = 24  # of a name that fit into a box
_SWEEPS = 4  # there and back, to bring what belongs together side by side

STYLE = """\
.graph { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --box: #f6f8fa; --line: #afb8c1; --change: #b8560b;
  --grave: #b3261e }
@media (prefers-color-scheme: dark) { .graph { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --box: #151b23;
  --line: #4a5361; --change: #f0a050; --grave: #ff8a80 } }
@media print { .graph { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --box: #ffffff; --line: #8c959f } }
.graph .ground { fill: var(--ground) } .graph text { fill: var(--ink); font: 13px system-ui, sans-serif }
.graph .small { fill: var(--soft); font-size: 11px } .graph .title { font-weight: 600; font-size: 14px }
.graph .box { fill: var(--box); stroke: var(--line) }
.graph .edge { fill: none; stroke: var(--line); stroke-width: 1.5 }
.graph .tip { fill: var(--line) } .graph .change { stroke: var(--change); stroke-width: 2 }
.graph .grave { stroke: var(--grave); stroke-width: 2.5 }"""

_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
)

Point = tuple[float, float]


def svg(graphs: Sequence[Graph], marks: Mapping[Address, tuple[str, str]] | None = None, *, style: bool = True) -> str:
    """The picture by itself; without its style for a page that has it already.

    `marks` says of a thing what happens to it and how grave that is: a word, and `change`, `grave` or nothing.
    """
    places = [_placed(graph) for graph in graphs]
    sizes = [_size(one) for one in places]
    width = max((wide for wide, _ in sizes), default=0) + 2 * _EDGE
    height = sum(high + _HEAD + _EDGE for _, high in sizes) + _EDGE
    sizing = f'viewBox="0 0 {width:.0f} {height:.0f}"' + (
        f' width="{width:.0f}" height="{height:.0f}"' if style else ""
    )
    told = _text(_told(graphs))
    names = ", ".join(graph.stack for graph in graphs)
    lines = [
        f'<svg class="graph" xmlns="http://www.w3.org/2000/svg" {sizing} role="img" aria-label="{told}">',
        f"<title>{_text(f'What needs what in {names}')}</title>",
        *([f"<style>\n{STYLE}\n</style>"] if style else []),
        _TIP,
        f'<rect class="ground" width="{width:.0f}" height="{height:.0f}"/>',
    ]
    top = float(_EDGE)
    for graph, where, (_, high) in zip(graphs, places, sizes, strict=True):
        lines += _drawn(graph, where, top, marks or {})
        top += high + _HEAD + _EDGE
    return "\n".join([*lines, "</svg>"]) + "\n"


def _placed(graph: Graph) -> dict[Address, Point]:
    """Where each box stands, from the graph's own corner."""
    layers = [list(layer) for layer in graph.layers()]
    before, after = graph.around()
    for sweep in range(_SWEEPS):
        beside = after if sweep % 2 else before
        for layer in reversed(layers) if sweep % 2 else layers:
            rank = {node: place for one in layers for place, node in enumerate(one)}
            means = {node: _mean([rank[other] for other in beside[node]], rank[node]) for node in layer}
            layer.sort(key=means.__getitem__)
    tallest = max((len(layer) for layer in layers), default=0)
    return {
        node: (x * (_WIDE + _ACROSS), ((tallest - len(layer)) / 2 + y) * (_HIGH + _DOWN))
        for x, layer in enumerate(layers)
        for y, node in enumerate(layer)
    }


def _mean(places: Sequence[int], otherwise: int) -> float:
    return sum(places) / len(places) if places else float(otherwise)


def _size(places: Mapping[Address, Point]) -> Point:
    right = max((x for x, _ in places.values()), default=0) + _WIDE
    return right, max((y for _, y in places.values()), default=0) + _HIGH


def _drawn(
    graph: Graph, places: Mapping[Address, Point], top: float, marks: Mapping[Address, tuple[str, str]]
) -> Iterator[str]:
    yield f'<text class="title" x="{_EDGE}" y="{top + 14:.0f}">{_text(graph.stack)}</text>'
    at = {node: (x + _EDGE, y + top + _HEAD) for node, (x, y) in places.items()}
    for source, to in graph.edges:
        yield _edge(at[source], at[to])
    for node in graph.nodes:
        yield from _box(node, at[node], *marks.get(node, ("", "")))


def _edge(source: Point, to: Point) -> str:
    (x, y), (end, other) = (source[0] + _WIDE, source[1] + _HIGH / 2), (to[0], to[1] + _HIGH / 2)
    bend = _ACROSS / 2
    return (
        f'<path class="edge" marker-end="url(#tip)" d="M{x:.0f} {y:.1f}C{x + bend:.0f} {y:.1f}'
        f' {end - bend:.0f} {other:.1f} {end - 1:.0f} {other:.1f}"/>'
    )


def _box(node: Address, at: Point, word: str, weight: str) -> Iterator[str]:
    x, y = at
    name = clean(node.name)
    short = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
    below = f"{words(node.kind)}: {word}" if word else words(node.kind)
    yield f"<g><title>{_text(f'{node}: {word}' if word else str(node))}</title>"
    shape = f"box {weight}".strip()
    yield f'<rect class="{shape}" x="{x:.0f}" y="{y:.1f}" width="{_WIDE}" height="{_HIGH}" rx="8"/>'
    yield f'<text x="{x + 12:.0f}" y="{y + 20:.1f}">{_text(short)}</text>'
    yield f'<text class="small" x="{x + 12:.0f}" y="{y + 36:.1f}">{_text(below)}</text></g>'


def _told(graphs: Sequence[Graph]) -> str:
    """The picture in words, for those who cannot see it."""
    return " ".join(f"{to} needs {source}." for graph in graphs for source, to in graph.edges)


def _text(text: str) -> str:
    return escape(clean(text), {'"': "&quot;"})
