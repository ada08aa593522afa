"""A document against the schema: every error that the check finds, put into words at its place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ftctl.core.errors import Problem, Where
from ftctl.core.suggest import did_you_mean
from ftctl.spec.declaration import declaration, sections
from ftctl.spec.environments import SECTION as ENVIRONMENTS
from ftctl.spec.schema import validator
from ftctl.spec.tree import Document, Path
from ftctl.spec.variables import SECTION as VARIABLES
from ftctl.spec.words import dotted, either, kind_of, problem, shown

Error = Any
"""A jsonschema ValidationError, whose every attribute is typed as "or not set yet"."""

_TYPES: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "string": ("text", str),
    "integer": ("a whole number", int),
    "number": ("a number", (int, float)),
    "boolean": ("true or false", bool),
    "array": ("a list", list),
    "object": ("a map", dict),
    "null": ("nothing", type(None)),
}
_RANGES = {
    "minimum": "less than {}",
    "maximum": "more than {}",
    "exclusiveMinimum": "not more than {}",
    "exclusiveMaximum": "not less than {}",
    "multipleOf": "no multiple of {}",
    "minLength": "shorter than {} characters",
    "maxLength": "longer than {} characters",
    "minItems": "a list of fewer than {} values",
    "maxItems": "a list of more than {} values",
    "minProperties": "a map of fewer than {} keys",
    "maxProperties": "a map of more than {} keys",
}


def check(document: Document) -> list[Problem]:
    """Everything in the document that the schema refuses; its variables are replaced already."""
    values = document.root.plain()
    if _fits(values):
        return []
    checker: Any = validator()
    reader = _Reader(document, checker.schema["$defs"])
    errors = list(checker.iter_errors(values))
    merged = [found for error in errors if not _in_environment(error) for found in reader.problems(error)]
    told = {(found.where, found.code) for found in merged}  # the chosen environment's are found in the merged file too
    blocks = [found for error in errors if _in_environment(error) for found in reader.problems(error)]
    return merged + [found for found in blocks if (found.where, found.code) not in told]


def _fits(values: Any) -> bool:
    """Whether the types that the schema is made of take the document: then there is nothing for the schema to refuse.

    That is known in a hundredth of the time. Of environments only the schema says what they may hold.
    """
    import msgspec  # noqa: PLC0415  30 ms, though the kinds have paid it by now

    if ENVIRONMENTS in values:
        return False
    try:
        msgspec.convert(values, declaration())
    except msgspec.ValidationError:
        return False
    return True


def _in_environment(error: Error) -> bool:
    return list(error.absolute_path)[:1] == [ENVIRONMENTS]


@dataclass(frozen=True, slots=True)
class _Reader:
    document: Document
    definitions: Mapping[str, Any]
    told: set[Path] = field(default_factory=set)

    def problems(self, error: Error, others: Iterable[str] = ()) -> Iterator[Problem]:
        """What one error means; `others` are the forms that would be right as well."""
        path = tuple(error.absolute_path)
        if "propertyNames" in error.absolute_schema_path:
            yield self._bad_name(path, str(error.instance))
            return
        match error.validator:
            case "additionalProperties":
                yield from self._unknown_keys(path, error)
            case "required":
                yield from self._missing_keys(path, error)
            case "anyOf":
                yield from self._union(path, error)
            case "type":
                types = error.validator_value
                names = [types] if isinstance(types, str) else types
                yield self._wrong_type(path, error.instance, [*_words({"type": name} for name in names), *others])
            case "enum" | "const":
                yield self._not_allowed(path, error, list(others))
            case "pattern":
                what = f"{_named(path)}: {self._found(path, error.instance)} has the wrong form"
                yield self._at(path, "FT1104", what, fix=f"It must match {error.validator_value}")
            case str() as rule if rule in _RANGES:
                limit = _RANGES[rule].format(error.validator_value)
                yield self._at(path, "FT1105", f"{_named(path)}: {self._found(path, error.instance)} is {limit}")
            case rule:
                yield self._at(path, "FT1107", f"{_named(path)} breaks the schema's rule {shown(str(rule))}")

    def _unknown_keys(self, path: Path, error: Error) -> Iterator[Problem]:
        allowed = list(error.schema.get("properties", ()))
        for key in error.instance:
            if key not in allowed:
                where = self.document.where_key((*path, key))
                fix = (did_you_mean(key, allowed), f"Allowed here: {', '.join(allowed)}.")
                what = f"unknown key {shown(key)} in {_named(path)}"
                yield problem("FT1100", where, what, fix=fix, subject=_subject(path))

    def _missing_keys(self, path: Path, error: Error) -> Iterator[Problem]:
        """The check tells of each missing key alone without naming it, so all are told at the first."""
        if path in self.told:
            return
        self.told.add(path)
        for key in error.validator_value:
            if key not in error.instance:
                about = error.schema["properties"].get(key, {}).get("description", "")
                where = self.document.where_key(path)
                what = f"the key {shown(key)} is missing in {_named(path)}"
                yield problem("FT1101", where, what, fix=("Add it.", about), subject=_subject(path))

    def _bad_name(self, path: Path, name: str) -> Problem:
        fix = "Use letters, digits and `_`, and begin with no digit." if path == (VARIABLES,) else ""
        where = self.document.where_key((*path, name))
        what = f"{shown(name)} cannot be a name in {_named(path)}"
        return problem("FT1106", where, what, fix=fix, subject=_subject(path))

    def _union(self, path: Path, error: Error) -> Iterator[Problem]:
        """The errors of the branch that fits best: of those that take the value's type, the one with the fewest."""
        branches = [self._resolved(branch) for branch in error.validator_value]
        causes: dict[int, list[Error]] = defaultdict(list)
        for cause in error.context or ():
            causes[int(cause.relative_schema_path[0])].append(cause)
        fitting = [index for index, branch in enumerate(branches) if _takes(branch, error.instance)]
        if (tags := error.schema.get("discriminator")) and isinstance(error.instance, dict):
            named = str(error.instance.get(tags["propertyName"]))
            chosen = tags["mapping"].get(named)
            fitting = [index for index in fitting if error.validator_value[index].get("$ref") == chosen] or fitting
        if not fitting:
            yield self._wrong_type(path, error.instance, _words(branches))
            return
        best = min(fitting, key=lambda index: len(causes[index]))
        others = _words(branch for index, branch in enumerate(branches) if index != best)
        for cause in causes[best]:
            yield from self.problems(cause, others)

    def _resolved(self, schema: Any) -> Any:
        while isinstance(schema, Mapping) and "$ref" in schema:
            schema = self.definitions[schema["$ref"].rpartition("/")[2]]
        return schema

    def _not_allowed(self, path: Path, error: Error, others: list[str]) -> Problem:
        allowed = error.validator_value if error.validator == "enum" else [error.validator_value]
        names = [str(value) for value in allowed]
        found = error.instance if isinstance(error.instance, str) else ""
        what = f"{_named(path)}: {self._found(path, error.instance)} is none of the allowed values"
        fix = (did_you_mean(found, names), f"Allowed: {either([*names, *others])}.")
        return self._at(path, "FT1103", what, fix=fix)

    def _wrong_type(self, path: Path, found: Any, expected: list[str]) -> Problem:
        words = [word for word in dict.fromkeys(expected) if word != "nothing"] or ["nothing"]
        value = kind_of(found)
        if isinstance(found, str | int | float):
            value += f" ({self._found(path, found)})"
        what = f"{_named(path)}: {value} stands where {either(words)} belongs"
        return self._at(path, "FT1102", what, fix=_type_fix(found, self._text(path), words))

    def _text(self, path: Path) -> str:
        return self.document.root.find(path).text

    def _found(self, path: Path, value: Any) -> str:
        """A scalar as it was written (a variable by its name, never by its value), anything else by what it is."""
        if value is None or isinstance(value, dict | list):
            return kind_of(value)
        text = self._text(path)
        return shown(text) if isinstance(value, str) else text

    def _at(self, path: Path, code: str, what: str, *, fix: Iterable[str] | str = ()) -> Problem:
        where: Where = self.document.where(path)
        return problem(code, where, what, fix=fix, subject=_subject(path))


def _takes(schema: Any, value: Any) -> bool:
    """Whether a branch is for values of this type at all."""
    if not isinstance(schema, Mapping):
        return False
    if "enum" in schema:
        return any(type(value) is type(allowed) for allowed in schema["enum"])
    types = schema.get("type", [])
    names = [types] if isinstance(types, str) else types
    of_type = [isinstance(value, _TYPES[name][1]) for name in names if not _is_bool_as_number(name, value)]
    return any(of_type) or not names


def _is_bool_as_number(name: str, value: Any) -> bool:
    return name != "boolean" and isinstance(value, bool)


def _words(schemas: Iterable[Any]) -> list[str]:
    """What each of the schemas asks for."""
    words: list[str] = []
    for schema in schemas:
        if isinstance(schema, Mapping) and "enum" in schema:
            words += [str(value) for value in schema["enum"]]
        elif isinstance(schema, Mapping) and schema.get("type") in _TYPES:
            words.append(_TYPES[schema["type"]][0])
    return [word for word in words if word != "nothing"]


def _type_fix(found: Any, text: str, expected: list[str]) -> str:
    if found is None:
        return "The key has no value: write one, or take the key out."
    if "text" in expected and isinstance(found, bool | int | float):
        return f'Put it in quotes: "{text}".' if "${" not in text else "Give the variable a value in quotes."
    if "a list" in expected and not isinstance(found, dict):
        return f"Write a list, of one value if need be: [{text}]." if "${" not in text else "Write a list: [value]."
    if isinstance(found, str) and text.isdecimal() and {"a number", "a whole number"} & set(expected):
        return "Take the quotes off."
    return f"Write {either(expected)}."


def _subject(path: Path) -> str:
    """The address of the declaration that a path leads into."""
    kind = sections().get(str(path[0])) if len(path) > 1 else None
    return f"{kind.name}/{path[1]}" if kind else ""


def _named(path: Path) -> str:
    """What a path leads to, for people."""
    if declared := _subject(path):
        return dotted(path[2:]) or declared
    return dotted(path) or "the stack"
