"""CEL at one seam: expressions are checked when they are read, and one that fails is never taken for true."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ftctl.core.errors import FtctlError, Problem
from ftctl.core.suggest import did_you_mean

_AT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_STATUS = re.compile(r"^[A-Z_]+: ")
_QUOTED = re.compile(r'"""(?s:.*?)"""|\'\'\'(?s:.*?)\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*')
_FIELDS = r"(?<![\w.])({})((?:\s*\.\s*[A-Za-z_]\w*)+)(\s*\()?"

Schema = Mapping[str, Any]


class Fault(Exception):
    """What is wrong with an expression, at a line and column of it; both count from 1."""

    def __init__(self, what: str, line: int = 1, column: int = 1, fix: str = "") -> None:
        super().__init__(what)
        self.what, self.line, self.column, self.fix = what, line, column, fix


@dataclass(frozen=True, slots=True)
class Expression:
    """One that was checked: `text`, and the engine's own form of it."""

    text: str
    program: Any

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether it is true of `facts`. Raises Fault where it is neither true nor false."""
        try:
            value = self.program.eval(data=facts)
        except (RuntimeError, TypeError, ValueError):  # its words may quote what is declared
            raise Fault("it is asked of a value that CEL does not have") from None
        if (kind := value.type().name()) == "ERROR":
            raise Fault(_said(str(value.value())))
        if kind != "BOOL":
            raise Fault(f"its value is neither true nor false but {kind.lower()}")
        return bool(value.value())

    def mentions(self, name: str) -> bool:
        return re.search(rf"(?<![\w.]){name}\b", _masked(self.text)) is not None


def compiled(text: str, variables: Mapping[str, str], shapes: Mapping[str, Schema]) -> Expression:
    """An expression over `variables` (of types by CEL's names); `shapes` are what is known of their fields.

    Raises Fault where it does not fit them.
    """
    try:
        program = _environment(tuple(variables.items())).compile(text)
    except RuntimeError as error:
        found = _AT.search(str(error))
        raise (Fault(found[3], int(found[1]), int(found[2])) if found else Fault(_said(str(error)))) from None
    if (kind := program.return_type().name()) not in {"BOOL", "DYN"}:
        raise Fault(f"its value is of type {kind.lower()}, and a rule is true or false")
    for fault in _unknown_fields(text, shapes):
        raise fault
    return Expression(text, program)


@cache
def _environment(variables: tuple[tuple[str, str], ...]) -> Any:
    try:
        from cel_expr_python import cel  # noqa: PLC0415  25 ms, and only where there are policies
        from cel_expr_python.ext import ext_strings  # noqa: PLC0415  the same
    except ImportError:
        raise FtctlError(Problem("FT6030", "there are policies, and what evaluates them is not installed")) from None
    dynamic = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    types = {"text": cel.Type.STRING, "map": dynamic, "list": cel.Type.List(dynamic)}
    typed = {name: types[kind] for name, kind in variables}
    return cel.NewEnv(variables=typed, extensions=[ext_strings.ExtStrings()])


def _said(text: str) -> str:
    """The engine's words on one line, without its status."""
    return " ".join(_STATUS.sub("", text.partition("\n")[0]).split())


# --- fields that there are not: the engine takes a map's keys as they come


def _masked(text: str) -> str:
    """The expression with blanks for what is quoted and for comments."""
    return _QUOTED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _unknown_fields(text: str, shapes: Mapping[str, Schema]) -> Iterator[Fault]:
    if not shapes:
        return
    for found in re.finditer(_FIELDS.format("|".join(shapes)), _masked(text)):
        path = re.findall(r"\w+", found[2])
        schema, definitions = shapes[found[1]], shapes[found[1]]["$defs"]
        for known, part in enumerate(path[: -1 if found[3] else None]):
            objects = _objects(schema, definitions)
            if not objects:
                break
            allowed = {name: inner for one in objects for name, inner in one["properties"].items()}
            if part not in allowed:
                yield _no_field(text, found.start(2), [found[1], *path[:known]], part, list(allowed))
                return
            schema = allowed[part]


def _objects(schema: Schema, definitions: Mapping[str, Schema]) -> list[Schema]:
    """The maps with known keys that a value may be; none where any key may stand in it."""
    if "$ref" in schema:
        return _objects(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return [one for part in schema["anyOf"] for one in _objects(part, definitions)]
    return [schema] if schema.get("properties") and not schema.get("additionalProperties") else []


def _no_field(text: str, start: int, path: Sequence[str], part: str, allowed: Sequence[str]) -> Fault:
    match = re.compile(rf"\b{part}\b").search(text, start)
    offset = match.start() if match else start
    line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
    fix = f"{did_you_mean(part, allowed)} There are: {', '.join(allowed)}.".strip()
    return Fault(f"{'.'.join(path)} has no field {part}", line, column, fix)
