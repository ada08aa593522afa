"""A document as a tree of values that know their line and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ftctl.core.errors import Where
from ftctl.spec.scalars import Scalar

Path = tuple[str | int, ...]


class Mark(NamedTuple):
    """A place in a file; both count from 1, columns in code points."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Node:
    """One value. `text` is what a scalar was written as; `keys` say where a map's keys stand."""

    value: Scalar | dict[str, Node] | list[Node]
    mark: Mark
    text: str = ""
    keys: Mapping[str, Mark] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value without places."""
        match self.value:
            case dict() as items:
                return {key: node.plain() for key, node in items.items()}
            case list() as nodes:
                return [node.plain() for node in nodes]
            case scalar:
                return scalar

    def child(self, part: str | int) -> Node | None:
        if isinstance(self.value, dict) and isinstance(part, str):
            return self.value.get(part)
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            return self.value[part]
        return None

    def find(self, path: Iterable[str | int]) -> Node:
        """The node at `path`, or the nearest one around it."""
        node = self
        for part in path:
            inner = node.child(part)
            if inner is None:
                break
            node = inner
        return node

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """Every value, from the outside in."""
        yield path, self
        match self.value:
            case dict() as items:
                for key, node in items.items():
                    yield from node.walk((*path, key))
            case list() as nodes:
                for index, node in enumerate(nodes):
                    yield from node.walk((*path, index))


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: its path as it was given, and its tree."""

    path: str
    root: Node

    def where(self, path: Path = ()) -> Where:
        """Where the value at `path` stands."""
        return Where(self.path, *self.root.find(path).mark)

    def where_key(self, path: Path) -> Where:
        """Where the key that ends `path` stands; for an item of a list, the item."""
        mark = self.root.find(path[:-1]).keys.get(str(path[-1])) if path else None
        return Where(self.path, *mark) if mark else self.where(path)
