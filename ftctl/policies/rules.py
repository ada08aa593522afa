"""Rules from their files: everything that is wrong with one is an error at its place, before any plan is made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from ftctl.core.errors import FtctlError, Problem, Severity, Where
from ftctl.core.suggest import did_you_mean
from ftctl.kinds import kinds
from ftctl.policies.expressions import Expression, Fault, Schema, compiled
from ftctl.spec.schema import load_schema
from ftctl.spec.tree import Document, Node
from ftctl.spec.words import dotted, kind_of, problem, shown
from ftctl.spec.yamltree import parse

STACK, CHANGE = "stack", "change"
_ENDINGS = {".yaml", ".yml"}
_KEYS = ("name", "for", "when", "require", "message", "severity", "at", "why", "fix")
_NEEDED = ("name", "require", "message")
_STACK_FIELDS = ("name", "environment", "path", "subscription", "resourceGroup", "cloud")
_SEVERITIES = {"deny": Severity.ERROR, "warn": Severity.WARNING}
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Rule:
    """What has to be true (`require`) of each thing of a kind, of each change, or of a stack's plan.

    `scope` is a kind's name, `change` or `stack`; `when` says of which of them. `at` is the field that it is about.
    """

    name: str
    scope: str
    require: Expression
    message: str
    where: Where
    when: Expression | None = None
    severity: Severity = Severity.ERROR
    at: str = ""
    why: str = ""
    fix: str = ""


def load(paths: Iterable[Path]) -> tuple[Rule, ...]:
    """The rules of folders and files, each once. Raises FtctlError with all that is wrong in any of them."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    for file in dict.fromkeys(_files(paths, problems)):
        found, wrong = _read(file)
        rules += found
        problems += wrong
    problems += _same_name(rules)
    if problems:
        raise FtctlError.all(problems)
    return tuple(rules)


def _files(paths: Iterable[Path], problems: list[Problem]) -> Iterator[Path]:
    for path in dict.fromkeys(path.absolute() for path in paths):
        shortened = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        try:
            inside = sorted(shortened.iterdir()) if path.is_dir() else [shortened]
        except OSError as error:
            problems.append(_unreadable(shortened, error))
            continue
        found = [one for one in inside if one.suffix in _ENDINGS and one.name[0] != "."]
        if not found:
            problems.append(problem("FT1450", Where(str(shortened)), f"no policy stands in {shortened}"))
        yield from found


def _read(file: Path) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    try:
        return _parsed(file.read_bytes(), str(file))
    except OSError as error:
        return (), (_unreadable(file, error),)


def _unreadable(path: Path, error: OSError) -> Problem:
    return problem("FT1450", Where(str(path)), f"{path} cannot be read: {(error.strerror or 'error').lower()}")


@lru_cache(maxsize=256)  # stacks beside each other share their rules
def _parsed(data: bytes, path: str) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    document, problems = parse(data, path)
    if document is None or problems:
        return (), tuple(problems)
    listed = document.root.child("policies")
    if list(document.root.keys) != ["policies"] or not listed or not isinstance(listed.value, list) or not listed.value:
        return (), (problem("FT1451", document.where(), "a file of policies is a list under `policies`, and no more"),)
    reader = _Reader(document, data.decode("utf-8-sig").splitlines(), [])
    rules = [rule for number, node in enumerate(listed.value) if (rule := reader.rule(number, node))]
    return tuple(rules), tuple(reader.problems)


@dataclass(frozen=True, slots=True)
class _Reader:
    document: Document
    lines: list[str]
    problems: list[Problem]

    def rule(self, number: int, node: Node) -> Rule | None:
        before = len(self.problems)
        texts = self._texts(number, node)
        if len(self.problems) > before:
            return None
        scope = texts.get("for", STACK)
        when = self._expression(node, "when", scope) if "when" in texts else None
        require = self._expression(node, "require", scope)
        if require is None or len(self.problems) > before:
            return None
        more = {key: texts[key] for key in ("at", "why", "fix") if key in texts}
        where = self.document.where(("policies", number))
        severity = _SEVERITIES[texts.get("severity", "deny")]
        return Rule(texts["name"], scope, require, texts["message"], where, when, severity, **more)

    def _texts(self, number: int, node: Node) -> dict[str, str]:
        """A rule's values, all of them text; what is wrong with them is told."""
        at = ("policies", number)
        if not isinstance(node.value, dict):
            self._wrong(at, f"{kind_of(node.value)} stands where a policy belongs")
            return {}
        for key in node.value.keys() - set(_KEYS):
            fix = f"{did_you_mean(key, _KEYS)} Allowed here: {', '.join(_KEYS)}.".strip()
            self.problems.append(
                problem("FT1451", self.document.where_key((*at, key)), f"unknown key {shown(key)} in a policy", fix=fix)
            )
        for key in (key for key in _NEEDED if key not in node.value):
            self._wrong(at, f"the key {shown(key)} is missing in a policy")
        texts = {}
        for key, inner in node.value.items():
            if isinstance(inner.value, str) and inner.value.strip():
                texts[key] = inner.value
            else:
                self._wrong((*at, key), f"{dotted((key,))}: {kind_of(inner.value)} stands where text belongs")
        self._choice((*at, "for"), texts.get("for", STACK), scopes())
        self._choice((*at, "severity"), texts.get("severity", "deny"), tuple(_SEVERITIES))
        if not _NAME.fullmatch(texts.get("name", "a")):
            self._wrong((*at, "name"), "the name of a policy has small letters, digits and `-`")
        return texts

    def _choice(self, at: tuple[str | int, ...], value: str, allowed: tuple[str, ...]) -> None:
        if value not in allowed:
            hint = f"{did_you_mean(value, allowed)} Allowed: {', '.join(allowed)}.".strip()
            self._wrong(at, f"{at[-1]}: {shown(value)} is none of the allowed values", fix=hint)

    def _wrong(self, at: tuple[str | int, ...], what: str, *, fix: str = "") -> None:
        self.problems.append(problem("FT1451", self.document.where(at), what, fix=fix))

    def _expression(self, node: Node, key: str, scope: str) -> Expression | None:
        inner = node.child(key)
        assert inner is not None
        try:
            return compiled(str(inner.value), variables(scope), shapes(scope))
        except Fault as fault:
            where = self._place(inner, fault)
            self.problems.append(problem("FT1452", where, f"{key}: {fault.what}", fix=fault.fix))
            return None

    def _place(self, node: Node, fault: Fault) -> Where:
        """Where a place of an expression stands in its file; of a text that YAML folds, where it begins."""
        line, column = node.mark
        source = self.lines[line - 1][column - 1 :]
        if source.startswith("|"):
            first = self.lines[line]
            return Where(self.document.path, line + fault.line, len(first) - len(first.lstrip()) + fault.column)
        quoted = source[:1] in {'"', "'"}
        if fault.line > 1 or source.startswith(">") or fault.column > len(source) + 1:
            return Where(self.document.path, line, column)
        return Where(self.document.path, line, column + fault.column - 1 + quoted)


def _same_name(rules: Iterable[Rule]) -> Iterator[Problem]:
    first: dict[tuple[str, str], Rule] = {}
    for rule in rules:
        other = first.setdefault((str(Path(rule.where.path).parent), rule.name), rule)
        if other is not rule:
            yield problem("FT1453", rule.where, f"the policy {rule.name} stands at {other.where} already")


# --- what expressions may name


def scopes() -> tuple[str, ...]:
    """What a rule can be for."""
    return STACK, CHANGE, *(name for name, kind in kinds().items() if not kind.judges)


def variables(scope: str) -> dict[str, str]:
    """The variables of a rule's expressions, with their types."""
    found = {"plan": "map", "stack": "map", "declared": "list"}
    if scope == STACK:
        return found
    return found | {"change": "map"} | ({} if scope == CHANGE else {"resource": "map", "name": "text"})


@cache
def shapes(scope: str) -> dict[str, Schema]:
    """The fields that there are: of the plan as its published schema says them, of a declaration as the spec's does."""
    planned, declared = load_schema("ftctl.plan.v1.schema.json"), load_schema()
    known: dict[str, Schema] = {
        "plan": {"$ref": "#/$defs/plan", "$defs": planned["$defs"]},
        "change": {"$ref": "#/$defs/change", "$defs": planned["$defs"]},
        "stack": {"properties": {key: {} for key in _STACK_FIELDS}, "$defs": {}},
    }
    if scope not in {STACK, CHANGE}:
        name = kinds()[scope].Spec.__name__
        known["resource"] = {"$ref": f"#/$defs/{name}", "$defs": declared["$defs"]}
    return {name: schema for name, schema in known.items() if name in variables(scope)}
