"""A YAML file that is not a stack, read key by key: what is not known, or of another type, is told at its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftctl.core.errors import FtctlError, Problem, Severity, Where
from ftctl.core.suggest import did_you_mean
from ftctl.spec.tree import Document, Node
from ftctl.spec.tree import Path as Place
from ftctl.spec.words import dotted, kind_of, problem, shown
from ftctl.spec.yamltree import MAX_BYTES, parse


@dataclass(slots=True)
class Reader:
    """One file, and what was found in it so far."""

    document: Document
    problems: list[Problem] = field(default_factory=list)

    def find(self, *place: str | int) -> Node | None:
        """The node at a place; None where there is none, or nothing stands there."""
        node: Node | None = self.document.root
        for part in place:
            node = node.child(part) if node else None
        return node if node and node.value is not None else None

    def report(
        self, code: str, place: Place, what: str, *, key: bool = False, fix: str = "", fatal: bool = False
    ) -> None:
        """A problem at a value, or at its key; what is not fatal is a warning."""
        where = self.document.where_key(place) if key else self.document.where(place)
        severity = Severity.ERROR if fatal else Severity.WARNING
        found = problem(code, where, what, fix=fix)
        self.problems.append(Problem(code, what, where, found.why, found.fix, severity=severity))

    def wrong(self, place: Place, what: str) -> None:
        self.report("FT1463", place, what, fatal=True)

    def map(self, place: Place, known: Collection[str] | None = None) -> dict[str, Node]:
        """The values of a map by their keys; keys beside the `known` ones are told and left out."""
        node = self.document.root.find(place)
        if not isinstance(node.value, dict):
            self.wrong(place, f"{dotted(place) or 'the file'} is {kind_of(node.value)}, where a map belongs")
            return {}
        for key in node.value if known is not None else ():
            if key not in (known or ()):
                self.unknown((*place, key), known or ())
        return {key: one for key, one in node.value.items() if known is None or key in known}

    def unknown(self, place: Place, known: Collection[str]) -> None:
        fix = did_you_mean(str(place[-1]), known)
        inside = f" in {dotted(place[:-1])}" if place[1:] else ""
        self.report("FT1460", place, f"azd knows no key {shown(str(place[-1]))}{inside}", key=True, fix=fix)

    def text(self, place: Place) -> str:
        """A text; empty, and told, where it is none."""
        node = self.document.root.find(place)
        if isinstance(node.value, str) and node.value:
            return node.value
        self.wrong(place, f"{dotted(place)} is {kind_of(node.value)}, where text belongs")
        return ""

    def done(self) -> list[Problem]:
        """The warnings; raises where anything was worse than that."""
        if any(one.severity is Severity.ERROR for one in self.problems):
            raise FtctlError.all(self.problems)
        return self.problems


def opened(path: Path) -> Reader:
    """A file's tree; raises with all that is wrong with its YAML."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        what = f"{path} cannot be read: {(error.strerror or 'error').lower()}"
        raise FtctlError(problem("FT1000", Where(str(path)), what)) from None
    document, problems = parse(data, str(path))
    if document is None or problems:
        raise FtctlError.all(problems)
    return Reader(document)


def plain(nodes: Mapping[str, Node]) -> dict[str, Any]:
    return {key: node.plain() for key, node in nodes.items()}
