"""`ftctl graph`: what needs what in a stack."""

from __future__ import annotations

from pathlib import Path

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.streams import emit
from ftctl.core.graph import graph_of


@click.command(name="graph")
@options.paths
@options.selection
@options.output("mermaid", "dot", "svg")
def command(paths: tuple[Path, ...], environment: str | None, variables: dict[str, str], output: str) -> None:
    """Draw what needs what, offline: an arrow leads to what comes later.

    PATH is a stack's file or a folder of them, specs/ if left out. GitHub
    and GitLab draw Mermaid in Markdown; dot is for Graphviz, SVG for pages.
    """
    from ftctl.kinds import kinds  # noqa: PLC0415  help needs none
    from ftctl.render import graph, svg_graph  # noqa: PLC0415  the same

    stacks = workflow.read(options.request(paths, environment, variables))
    after = {kind.name: kind.after for kind in kinds().values()}
    graphs = [graph_of(stack.name, stack.resources, after) for stack in stacks]
    render = {"mermaid": graph.mermaid, "dot": graph.dot, "svg": svg_graph.svg}[output]
    emit(render(graphs).rstrip("\n"))
