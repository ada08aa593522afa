"""`moved` and `removed`: which declarations had other names before, and which may go without being deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ftctl.core.errors import Problem
from ftctl.core.model import Address, Resource
from ftctl.core.suggest import did_you_mean
from ftctl.spec.declaration import GROUP, sections
from ftctl.spec.resources import ACCOUNT, declarations
from ftctl.spec.tree import Document, Node, Path
from ftctl.spec.words import listed, problem

_STACK = "stack"
_FOLLOWS = {"gate": "deployment", "pick": "job"}
"""What has no section of its own, and the kind whose names it has."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, with where it stands; `to` is None for what was removed."""

    path: Path
    source: Address
    to: Address | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Renames:
    """The former names of each thing, and what stays in Azure though it goes, its former names included."""

    formerly: Mapping[Address, tuple[str, ...]] = field(default_factory=dict)
    kept: tuple[Address, ...] = ()
    problems: tuple[Problem, ...] = ()


def renames(document: Document) -> Renames:
    """What the two lists of a file say, whose shape has been checked; or all that is wrong with them."""
    entries = list(_entries(document))
    if not entries:
        return Renames()
    if found := list(_problems(document, entries)):
        return Renames(problems=tuple(found))
    moves = {one.source: one.to for one in entries if one.to}
    formerly: dict[Address, tuple[str, ...]] = {}
    for source in reversed(moves):
        *_, last = _chain(source, moves)
        formerly[last] = (*formerly.get(last, ()), source.name)
    kept = [one.source for one in entries if one.keep]
    before = [Address(one.kind, name) for one in kept for name in formerly.get(one, ())]
    return Renames(formerly, (*kept, *before))


def named(resources: Iterable[Resource], found: Renames) -> tuple[Resource, ...]:
    """The declarations with the names that they had before; a gate has those of its deployment."""
    return tuple(replace(one, formerly=found.formerly.get(_source(one.address), ())) for one in resources)


def _source(address: Address) -> Address:
    return Address(_FOLLOWS.get(address.kind, address.kind), address.declared.name)


def _chain(source: Address, moves: Mapping[Address, Address]) -> Iterator[Address]:
    """Where a name leads, step by step; a circle ends where it began."""
    seen = {source}
    at = source
    while at in moves and (at := moves[at]) not in seen:
        seen.add(at)
        yield at


def _entries(document: Document) -> Iterator[Entry]:
    for path, node in _items(document, "moved"):
        yield Entry(path, _address(node, "from"), _address(node, "to"))
    for path, node in _items(document, "removed"):
        keep = node.child("keep")
        yield Entry(path, _address(node, "from"), keep=bool(keep and keep.value))


def _items(document: Document, section: str) -> Iterator[tuple[Path, Node]]:
    block = document.root.child(section)
    for index, node in enumerate(block.value if block and isinstance(block.value, list) else []):
        yield (section, index), node


def _address(node: Node, key: str) -> Address:
    child = node.child(key)
    return Address.parse(str(child.value) if child else "")


# --- what can be wrong


def _problems(document: Document, entries: list[Entry]) -> Iterator[Problem]:
    declared = {address: one.node for address, one in declarations(document).items()}
    for one in entries:
        if wrong := _misplaced(document, one):
            yield wrong
        else:
            yield from _unfit(document, one, entries, declared)
    yield from _circles(document, entries)


def _misplaced(document: Document, one: Entry) -> Problem | None:
    """What speaks against the kinds of an entry, whatever is declared."""
    for key, address in _ends(one):
        where = document.where((*one.path, key))
        if address.kind == _STACK:
            return problem(
                "FT1447", where, f"{one.path[0]} names {address}, and a stack keeps its name", subject=str(address)
            )
        kinds = [kind.name for kind in sections().values()]
        allowed = kinds if one.to else [*kinds, GROUP]
        if address.kind not in allowed:
            what = f"{address} is not among what can be {one.path[0]}"
            fix = (_other(address), did_you_mean(address.kind, allowed), f"Kinds: {listed(allowed)}.")
            return problem("FT1445", where, what, fix=fix, subject=str(address))
    if one.to and one.to.kind != one.source.kind:
        what = f"{one.source} cannot have become {one.to}: they are of different kinds"
        return problem("FT1442", document.where((*one.path, "to")), what, subject=str(one.to))
    return None


def _other(address: Address) -> str:
    follows = _FOLLOWS.get(address.kind)
    return f"A {address.kind} moves with its {follows}: name that." if follows else ""


def _unfit(document: Document, one: Entry, entries: list[Entry], declared: Mapping[Address, Node]) -> Iterator[Problem]:
    """What speaks against an entry in the light of what is declared and of the other entries."""
    place = document.where((*one.path, "from"))
    source = str(one.source)
    if one.source in declared and not (one.to is None and _only_read(one.source, declared[one.source])):
        yield problem("FT1441", place, f"{source} is {one.path[0]}, and still declared", subject=source)
    first = next(other for other in entries if other.source == one.source)
    if first is not one:
        yield problem("FT1446", place, f"{source} is named at {document.where(first.path)} already", subject=source)
    if one.to is None:
        return
    if any(other.to == one.to for other in entries[: entries.index(one)]):
        what = f"{one.to} cannot have been two things: {source} is one of them"
        yield problem("FT1443", document.where((*one.path, "to")), what, subject=str(one.to))
    if one.to not in declared and all(other.source != one.to for other in entries):
        known = [address.name for address in declared if address.kind == one.to.kind]
        told = f"Declared: {listed(known)}." if known else f"Declare {one.to}, or take the entry out."
        fix = (did_you_mean(one.to.name, known), told)
        yield problem("FT1440", document.where((*one.path, "to")), f"no stack declares {one.to}", fix=fix)


def _only_read(address: Address, node: Node) -> bool:
    """Whether it is declared as somebody else's, so that this stack may forget it and go on to use it."""
    manage = node.child("manage")
    return address.kind == ACCOUNT and manage is not None and manage.value == "reference"


def _circles(document: Document, entries: list[Entry]) -> Iterator[Problem]:
    moves = {one.source: one.to for one in entries if one.to}
    told: set[Address] = set()
    for one in entries:
        way = [one.source, *_chain(one.source, moves)]
        if one.source not in told and moves.get(way[-1]) == one.source:
            told.update(way)
            circle = " → ".join(map(str, (*way, one.source)))
            yield problem(
                "FT1444", document.where(one.path), f"names go in a circle: {circle}", subject=str(one.source)
            )


def _ends(one: Entry) -> Collection[tuple[str, Address]]:
    return [("from", one.source), *([("to", one.to)] if one.to else [])]
