"""Variables: `${name}` in values, replaced on the tree so that every value keeps its place.

In order: --var, FTCTL_VAR_name, the chosen environment's variables (merged over the file before), `variables:`; and for
a name in capitals that is none of these the process environment. Who gives no value there, must give one elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ftctl.core.errors import Problem
from ftctl.core.sensitive import SHORTEST, Secrets
from ftctl.core.suggest import did_you_mean
from ftctl.spec.environments import SECTION as ENVIRONMENTS
from ftctl.spec.scalars import Scalar, core_scalar
from ftctl.spec.tree import Document, Mark, Node
from ftctl.spec.words import problem, shown

SECTION = "variables"
PREFIX = "FTCTL_VAR_"
MAX_TEXT = 1_000_000
"""How many characters variables inside text may make: a few that double each other make billions."""
NAME = "[A-Za-z_][A-Za-z0-9_]*"

TELLING = re.compile(r"(?i)key|secret|token|password|sas")
"""Names whose values are hidden unless the file declares the variable otherwise."""

_USE = re.compile(r"\$\$\{|\$\{(?P<name>" + NAME + r")\}|\$\{")


@dataclass(frozen=True, slots=True)
class Substituted:
    """A document without variables, and what was learned on the way.

    `used` are the names that were declared or asked for, `unresolved` the places whose variable has no value,
    `secrets` the values that came from the process environment, by the name to show instead, `hidden` those that are
    never shown.
    """

    document: Document
    problems: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    unresolved: set[Mark] = field(default_factory=set)
    secrets: dict[str, str] = field(default_factory=dict)
    hidden: Secrets = field(default_factory=lambda: Secrets({}))


def substitute(document: Document, arguments: Mapping[str, str], process: Mapping[str, str]) -> Substituted:
    """Replace every variable in the document, but for `environments`, which stay as they were written."""
    lookup = _Lookup(document, arguments, process)
    root = document.root
    items = root.value if isinstance(root.value, dict) else {}
    done = {key: lookup.top(key, node) for key, node in items.items()}
    lookup.result.used.update(lookup.declared)
    return replace(lookup.result, document=Document(document.path, replace(root, value=done)))


@dataclass(frozen=True, slots=True)
class _Value:
    """What a variable stands for: its value, and its text for use inside other text."""

    value: Scalar
    text: str


class _Lookup:
    def __init__(self, document: Document, arguments: Mapping[str, str], process: Mapping[str, str]) -> None:
        section = document.root.child(SECTION)
        self.declared: Mapping[str, Node] = section.value if section and isinstance(section.value, dict) else {}
        self.result = Substituted(document)
        self._arguments = arguments
        self._process = process
        self._cycles: set[frozenset[str]] = set()
        self._known: dict[str, _Value | None] = {}
        self._room = MAX_TEXT
        self._full = False

    def top(self, key: str, node: Node) -> Node:
        """A top-level value. In `variables` each is looked up by its name, since it may be overridden."""
        if key == ENVIRONMENTS:
            return node
        if key != SECTION or not isinstance(node.value, dict):
            return self.tree(node)
        self._refuse_in_keys(node)
        return replace(node, value={name: self._own(name, inner) for name, inner in node.value.items()})

    def tree(self, node: Node) -> Node:
        """The same tree with its variables replaced."""
        match node.value:
            case dict() as items:
                self._refuse_in_keys(node)
                return replace(node, value={key: self.tree(inner) for key, inner in items.items()})
            case list() as nodes:
                return replace(node, value=[self.tree(inner) for inner in nodes])
            case str() as text if "${" in text:
                return self._replaced(node, self._expand(node, ()))
        return node

    def _own(self, name: str, node: Node) -> Node:
        if isinstance(node.value, dict | list):
            return self.tree(node)
        return self._replaced(node, self._value(name, node.mark, ()))

    def _replaced(self, node: Node, found: _Value | None) -> Node:
        if found is None:
            self.result.unresolved.add(node.mark)
            return node
        return replace(node, value=found.value)

    def _expand(self, node: Node, trail: tuple[str, ...]) -> _Value | None:
        """A scalar with its variables replaced; None when one of them has no value."""
        text = node.value
        if not isinstance(text, str) or "${" not in text:
            return _Value(None if isinstance(text, dict | list) else text, node.text)
        if (whole := _USE.fullmatch(text)) and whole["name"]:
            return self._use(whole, node.mark, trail)
        parts: list[_Value | None] = []
        end = 0
        for use in _USE.finditer(text):
            parts += [_literal(text[end : use.start()]), self._use(use, node.mark, trail)]
            end = use.end()
        found = [part.text for part in (*parts, _literal(text[end:])) if part is not None]
        return self._join(found, node.mark) if len(found) > len(parts) else None

    def _join(self, parts: list[str], mark: Mark) -> _Value | None:
        self._room -= sum(map(len, parts))
        if self._room > 0:
            return _literal("".join(parts))
        if not self._full:
            self._full = True
            self._report("FT1046", mark, f"variables up to here make more than {MAX_TEXT:,} characters of text")
        return None

    def _use(self, use: re.Match[str], mark: Mark, trail: tuple[str, ...]) -> _Value | None:
        if name := use["name"]:
            return self._value(name, mark, trail)
        if use[0] == "$${":
            return _literal("${")
        self._report("FT1042", mark, "${ begins a variable and no name with a closing } follows")
        return None

    def _value(self, name: str, mark: Mark, trail: tuple[str, ...]) -> _Value | None:
        self.result.used.add(name)
        declared = self.declared.get(name)
        if name in self._arguments:
            return self._outside(name, self._arguments[name], mark)
        if (text := self._process.get(PREFIX + name)) is not None:
            return self._secret(name, self._outside(name, text, mark))
        if declared is not None and declared.value is not None and not is_secret(declared):
            return self._declared(name, declared, trail)
        if name.isupper() and name in self._process:
            return self._secret(name, self._outside(name, self._process[name], mark, literal=True))
        self._unknown(name, declared.mark if declared else mark)
        return None

    def _declared(self, name: str, node: Node, trail: tuple[str, ...]) -> _Value | None:
        if name in trail:
            self._cycle((*trail[trail.index(name) :], name), node.mark)
            return None
        if name not in self._known:
            is_scalar = not isinstance(node.value, dict | list)
            self._known[name] = self._expand(node, (*trail, name)) if is_scalar else None
        return self._known[name]

    def _outside(self, name: str, text: str, mark: Mark, *, literal: bool = False) -> _Value:
        """A value that is not the file's. What is declared secret is text, and too long to be taken for other text."""
        declared = self.declared.get(name)
        sure = declared is not None and is_secret(declared)
        if sure and len(text) < SHORTEST:
            what = f"the secret {shown(name)} has fewer than {SHORTEST} characters"
            self._report("FT3114", declared.mark if declared else mark, what)
        found = _literal(text) if sure or literal else _given(text)
        if sure or (declared is None and TELLING.search(name) and len(found.text) >= SHORTEST):
            self.result.hidden.names[found.text] = name
        return found

    def _secret(self, name: str, found: _Value) -> _Value:
        self.result.secrets[found.text] = name
        return found

    def _cycle(self, names: tuple[str, ...], mark: Mark) -> None:
        if frozenset(names) not in self._cycles:
            self._cycles.add(frozenset(names))
            self._report("FT1041", mark, f"variables go in a circle: {' → '.join(names)}")

    def _unknown(self, name: str, mark: Mark) -> None:
        given = (key.removeprefix(PREFIX) for key in self._process if key.startswith(PREFIX))
        hint = did_you_mean(name, [*self.declared, *self._arguments, *given])
        process = f", or set {name} itself" if name.isupper() else ""
        ways = f"Declare it under `variables`, give --var {name}=…, set {PREFIX}{name}{process}."
        state = "is declared without a value" if name in self.declared else "is not known"
        self._report("FT1040", mark, f"the variable {shown(name)} {state}", fix=(hint, ways))

    def _refuse_in_keys(self, node: Node) -> None:
        for key, mark in node.keys.items():
            if "${" in key:
                self._report("FT1043", mark, f"the key {shown(key)} holds a variable")

    def _report(self, code: str, mark: Mark, what: str, *, fix: Iterable[str] = ()) -> None:
        where = Document(self.result.document.path, Node(None, mark)).where()
        found = problem(code, where, what, fix=fix)
        if found not in self.result.problems:
            self.result.problems.append(found)


def is_secret(node: Node) -> bool:
    """Whether a variable is declared as `{secret: true}`."""
    return isinstance(node.value, dict) and "secret" in node.value


def _literal(text: str) -> _Value:
    return _Value(text, text)


def _given(text: str) -> _Value:
    """A value from a command line: read as YAML reads a plain scalar, or as text where it stands in quotes."""
    for quote in "'\"":
        if len(text) > 1 and text[0] == text[-1] == quote:
            return _literal(text[1:-1])
    return _Value(core_scalar(text), text) if text else _literal(text)
