"""A document's declarations as typed resources, and what is wrong with them beyond their shape."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ftctl.core.errors import Problem
from ftctl.core.model import Address, Resource
from ftctl.core.suggest import did_you_mean
from ftctl.kinds import kinds
from ftctl.kinds.contract import Kind
from ftctl.spec.declaration import GROUP, sections
from ftctl.spec.references import REFERENCE, cycles, marked, names
from ftctl.spec.tree import Document, Mark, Node, Path
from ftctl.spec.words import completed, dotted, listed, problem, shown

ACCOUNT = "account"
_COMPARED = 200  # names that a mistyped one is compared with: enough for people, and no quadratic time for others
RESOURCE = "resource"
"""The field that names the account, which may be left out where there is one."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One declaration as it stands in the document."""

    address: Address
    kind: Kind
    path: Path
    node: Node


def declarations(document: Document) -> dict[Address, Declared]:
    """Everything that is declared, in the order in which a stack is built up."""
    by_kind = {kind.name: section for section, kind in sections().items()}
    found: dict[Address, Declared] = {}
    for name, kind in kinds().items():
        for path, address, node in _of_kind(document, name, by_kind.get(name)):
            found[address] = Declared(address, kind, path, node)
    return found


def _of_kind(document: Document, kind: str, section: str | None) -> Iterator[tuple[Path, Address, Node]]:
    if section:
        block = document.root.child(section)
        items = block.value if block and isinstance(block.value, dict) else {}
        for name, node in items.items():
            yield (section, name), Address(kind, name), node
    elif kind == GROUP:
        azure = document.root.child("azure")
        group = azure.child(GROUP) if azure else None
        name_node = group.child("name") if group else None
        if group and name_node and isinstance(name_node.value, str):
            yield ("azure", GROUP), Address(GROUP, name_node.value), group


def build(
    document: Document, untyped: Collection[Address], unresolved: Collection[Mark]
) -> tuple[tuple[Resource, ...], list[Problem]]:
    """The resources; of `untyped` declarations, whose shape is wrong, only the names they use are checked.

    A value at an `unresolved` place is a variable without a value, and taken for nothing.
    """
    declared = declarations(document)
    builder = _Builder(document, declared, unresolved)
    found = [builder.resource(one, untyped=address in untyped) for address, one in declared.items()]
    builder.refuse_cycles()
    typed: Sequence[Resource] = [one for one in found if one is not None]
    for kind in kinds().values() if not builder.problems else ():
        typed = kind.derive(typed)
    return tuple(typed), builder.problems


class _Builder:
    def __init__(self, document: Document, declared: Mapping[Address, Declared], unresolved: Collection[Mark]) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._declared = declared
        self._unresolved = unresolved
        self._accounts = [address for address in declared if address.kind == ACCOUNT]
        self._named: dict[Address, list[tuple[Path, Address]]] = {}

    def resource(self, one: Declared, *, untyped: bool) -> Resource | None:
        """The typed declaration; None where it has none, or is a group that exists already."""
        value = one.node.plain()
        marks = marked(one.kind.Spec, value)
        self._named[one.address] = [at for found in marks if found.mark == REFERENCE for at in names(found)]
        self._refuse_dangling(one)
        spec = None if untyped else self._spec(one, value)
        if spec is None:
            return None
        for flaw in one.kind.check(spec):
            place = self._document.where((*one.path, *_parts(flaw.path))) if flaw.path else self._where(one)
            placed = replace(flaw.problem, where=flaw.problem.where or place)
            self.problems.append(completed(placed.about(one.address)))
        if one.address.kind == GROUP and not value.get("create"):
            return None
        named = {dotted(path): address for path, address in self._named[one.address]}
        references = tuple(dict.fromkeys((*self._implied_account(one, spec), *named.values())))
        return Resource(one.address, spec, references, self._places(one), named=named)

    def refuse_cycles(self) -> None:
        edges = {source: [address for _, address in named] for source, named in self._named.items()}
        for circle in cycles(edges):
            last, first = circle[-2], circle[-1]
            path = next((path for path, address in self._named[last] if address == first), ())
            what = f"declarations go in a circle: {' → '.join(map(str, circle))}"
            self._report(self._declared[last], "FT1202", what, path)

    def _spec(self, one: Declared, value: Any) -> Any:
        import msgspec  # noqa: PLC0415  30 ms, though the kinds have paid it by now

        try:
            return msgspec.convert(value, one.kind.Spec)
        except msgspec.ValidationError as error:
            reason, _, at = str(error).partition(" - at `$")
            what = f"{one.address} does not fit its kind: {reason}"
            self._report(one, "FT1107", what, _parts(at.strip("`.").replace("[", ".").replace("]", "")))
            return None

    def _refuse_dangling(self, one: Declared) -> None:
        for path, address in self._named[one.address]:
            node = one.node.find(path)
            if address not in self._declared and node.mark not in self._unresolved:
                known = [other.name for other in self._declared if other.kind == address.kind]
                section = kinds()[address.kind].section if address.kind in kinds() else address.kind
                all_known = f"Declared: {listed(known)}." if known else f"Declare it under `{section}`."
                what = f"{dotted(path)}: no {address.kind} is called {shown(node.text)}"
                self._report(one, "FT1201", what, path, fix=(did_you_mean(address.name, known[:_COMPARED]), all_known))

    def _implied_account(self, one: Declared, spec: Any) -> tuple[Address, ...]:
        """The stack's only account, for what lives in one and does not say which."""
        given = any(path == (RESOURCE,) for path, _ in self._named[one.address])
        if given or not one.kind.needs_account(spec):
            return ()
        if len(self._accounts) > 1:
            known = listed([account.name for account in self._accounts])
            what = f"{one.address} does not say in which account it lives"
            self._report(one, "FT1203", what, fix=(f"Add `{RESOURCE}:` with one of {known}.",))
        elif not self._accounts:
            self._report(one, "FT1204", f"{one.address} lives in an account, and the stack declares none")
        return tuple(self._accounts) if len(self._accounts) == 1 else ()

    def _places(self, one: Declared) -> dict[str, Any]:
        inside = (path for path, _ in one.node.walk() if path)
        places = {dotted(path): self._document.where((*one.path, *path)) for path in inside}
        return {"": self._where(one), **places}

    def _where(self, one: Declared) -> Any:
        return self._document.where_key(one.path)

    def _report(self, one: Declared, code: str, what: str, path: Path = (), *, fix: tuple[str, ...] = ()) -> None:
        where = self._document.where((*one.path, *path)) if path else self._where(one)
        self.problems.append(problem(code, where, what, fix=fix, subject=str(one.address)))


def _parts(path: str) -> Path:
    """A dotted path's parts; figures are a list's indexes."""
    return tuple(int(part) if part.isdecimal() else part for part in path.split(".") if part)
