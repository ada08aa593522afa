"""The graph of a stack: what is declared, and what has to be there before each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from ftctl.core.model import Address, Resource

Needs = Mapping[Address, tuple[Address, ...]]


@dataclass(frozen=True, slots=True)
class Graph:
    """A stack's things in the order in which they can be made, and the edges from what is needed to what needs it.

    An edge that follows from others is left out: what needs a job and its account is drawn below the job alone.
    """

    stack: str
    nodes: tuple[Address, ...]
    edges: tuple[tuple[Address, Address], ...]

    def around(self) -> tuple[dict[Address, list[Address]], dict[Address, list[Address]]]:
        """Of each node those that an edge comes from, and those that one leads to."""
        before: dict[Address, list[Address]] = {node: [] for node in self.nodes}
        after: dict[Address, list[Address]] = {node: [] for node in self.nodes}
        for source, to in self.edges:
            before[to].append(source)
            after[source].append(to)
        return before, after

    def layers(self) -> tuple[tuple[Address, ...], ...]:
        """The nodes by the longest way that leads to them."""
        before, _ = self.around()
        depth: dict[Address, int] = {}
        for node in self.nodes:
            depth[node] = max((depth[source] + 1 for source in before[node]), default=0)
        return tuple(
            tuple(node for node in self.nodes if depth[node] == layer)
            for layer in range(max(depth.values(), default=-1) + 1)
        )


def graph_of(stack: str, resources: Iterable[Resource], after: Mapping[str, Collection[str]]) -> Graph:
    """`after` says of kinds which others they wait for although no declaration names them."""
    declared = list(resources)
    return graph_by(
        stack, {one.address: tuple(_needed(one, declared, after.get(one.address.kind, ()))) for one in declared}
    )


def graph_by(stack: str, needs: Needs) -> Graph:
    """The graph of things of which it is known what each needs."""
    order = tuple(TopologicalSorter(needs).static_order())
    return Graph(stack, order, tuple(_edges(order, needs)))


def _needed(resource: Resource, declared: Iterable[Resource], after: Collection[str]) -> Iterator[Address]:
    implied = (other.address for other in declared if other.address.kind in after)
    yield from dict.fromkeys((*resource.references, *implied))


def _edges(order: Iterable[Address], needs: Needs) -> Iterator[tuple[Address, Address]]:
    above: dict[Address, set[Address]] = {}
    for node in order:
        direct = needs.get(node, ())
        implied = set().union(*(above[source] for source in direct))
        yield from ((source, node) for source in direct if source not in implied)
        above[node] = implied | set(direct)
