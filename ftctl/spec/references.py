"""References: which declared things a declaration names, found by the marks on its kind's fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ftctl.core.model import Address
from ftctl.spec.tree import Path

if TYPE_CHECKING:
    from msgspec import Struct
    from msgspec.inspect import Type

REFERENCE = "reference"
FILE = "file"


@dataclass(frozen=True, slots=True)
class Marked:
    """A value whose field carries a mark: where it is inside its declaration, and what the mark says."""

    path: Path
    mark: str
    says: Any
    value: Any


def marked(spec: type[Struct], value: Any) -> Iterator[Marked]:
    """Every marked value of a declaration that fits `spec`, in the order of its fields; null counts as left out."""
    return _walk(_type_of(spec), value, ())


def names(found: Marked) -> Iterator[tuple[Path, Address]]:
    """The things that a reference names: one, or one for each item of a list."""
    values = list(enumerate(found.value)) if isinstance(found.value, list) else [(None, found.value)]
    for index, value in values:
        if isinstance(value, str):
            yield (*found.path, *(() if index is None else (index,))), Address(found.says, value)


def cycles(edges: Mapping[Address, Sequence[Address]]) -> Iterator[tuple[Address, ...]]:
    """Each circle once, from its first member in the order of `edges` back to it."""
    done: set[Address] = set()
    for start in edges:
        yield from _circles(start, edges, done)


def _circles(
    start: Address, edges: Mapping[Address, Sequence[Address]], done: set[Address]
) -> Iterator[tuple[Address, ...]]:
    """Depth first without recursion: a chain may be as long as the file."""
    trail: list[tuple[Address, Iterator[Address]]] = []
    depth: dict[Address, int] = {}

    def enter(address: Address) -> None:
        depth[address] = len(trail)
        trail.append((address, iter(edges.get(address, ()))))

    if start not in done:
        enter(start)
    while trail:
        here, ahead = trail[-1]
        following = next(ahead, None)
        if following is None:
            done.add(here)
            trail.pop()
            del depth[here]
        elif following in depth:
            yield (*(address for address, _ in trail[depth[following] :]), following)
        elif following not in done:
            enter(following)


@cache
def _type_of(spec: type[Struct]) -> Type:
    from msgspec.inspect import type_info  # noqa: PLC0415  10 ms that only a loaded spec needs

    return type_info(spec)


@cache
def _types() -> Any:
    from msgspec import inspect  # noqa: PLC0415  the same

    return inspect


def _walk(kind: Type, value: Any, path: Path) -> Iterator[Marked]:
    if value is None:
        return
    types = _types()
    match kind:
        case types.Metadata():
            for mark, says in (kind.extra or {}).items():
                yield Marked(path, mark, says, value)
            yield from _walk(kind.type, value, path)
        case types.UnionType():
            for option in kind.types:
                yield from _walk(option, value, path)
        case types.StructType() if isinstance(value, dict):
            for field in kind.fields:
                yield from _walk(field.type, value.get(field.encode_name), (*path, field.encode_name))
        case types.DictType() if isinstance(value, dict):
            for key, inner in value.items():
                yield from _walk(kind.value_type, inner, (*path, key))
        case types.ListType() | types.VarTupleType() if isinstance(value, list):
            for index, inner in enumerate(value):
                yield from _walk(kind.item_type, inner, (*path, index))
        case _:
            return
