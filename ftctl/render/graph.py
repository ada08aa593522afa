"""Graphs as text for others to draw: Mermaid, which GitHub and GitLab show, and Graphviz's dot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from ftctl.core.graph import Graph
from ftctl.core.model import Address
from ftctl.render.look import clean

_ALIKE = str.maketrans({'"': "'", "#": "＃", "<": "‹", ">": "›", "&": "＆"})


def mermaid(graphs: Sequence[Graph]) -> str:
    """A flowchart; several stacks stand in boxes of their own."""
    lines = ["flowchart LR"]
    for number, graph in enumerate(graphs):
        inner = "    " if len(graphs) > 1 else "  "
        lines += [f'  subgraph s{number}["{_label(graph.stack)}"]', "    direction LR"] if len(graphs) > 1 else []
        ids = _ids(graph, number)
        lines += [f'{inner}{ids[node]}["{_label(str(node))}"]' for node in graph.nodes]
        lines += [f"{inner}{ids[source]} --> {ids[to]}" for source, to in graph.edges]
        lines += ["  end"] if len(graphs) > 1 else []
    return "\n".join(lines) + "\n"


def dot(graphs: Sequence[Graph]) -> str:
    """A digraph; several stacks are clusters."""
    lines = ["digraph ftctl {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    for number, graph in enumerate(graphs):
        inner = "    " if len(graphs) > 1 else "  "
        head = [f"  subgraph cluster_{number} {{", f"    label={_quoted(graph.stack)};"]
        lines += head if len(graphs) > 1 else []
        lines += [f"{inner}{line}" for line in _dot_lines(graph, f"{graph.stack}/" if len(graphs) > 1 else "")]
        lines += ["  }"] if len(graphs) > 1 else []
    return "\n".join([*lines, "}"]) + "\n"


def _dot_lines(graph: Graph, prefix: str) -> Iterator[str]:
    """The nodes, told apart by `prefix` from those of other stacks."""
    for node in graph.nodes:
        yield f"{_quoted(f'{prefix}{node}')} [label={_quoted(str(node))}];"
    for source, to in graph.edges:
        yield f"{_quoted(f'{prefix}{source}')} -> {_quoted(f'{prefix}{to}')};"


def _ids(graph: Graph, number: int) -> dict[Address, str]:
    """Mermaid's ids: words in names, `end` among them, would mean something to it."""
    return {node: f"n{number}_{index}" for index, node in enumerate(graph.nodes)}


def _label(text: str) -> str:
    """A label for Mermaid, which decodes entities in some places only: what would end it or mean HTML looks alike."""
    return clean(text).translate(_ALIKE)


def _quoted(text: str) -> str:
    return json.dumps(clean(text), ensure_ascii=False)


def words(kind: str) -> str:
    """A kind's name as people write it: `roleAssignment` is a role assignment."""
    return "".join(_split(kind))


def _split(kind: str) -> Iterable[str]:
    return (f" {one.lower()}" if one.isupper() else one for one in kind)
