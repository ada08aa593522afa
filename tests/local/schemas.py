"""The published schemas of `../shared/azure/specs` beside what the local Azure takes and answers.

A walk through every operation collects calls; each is looked up in the schemas, and what does not fit is a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

import yaml
from jsonschema import Draft4Validator

from tests.local.shapes import REFERENCE

SPECS = REFERENCE / "specs"
_COMMON = {"SystemData", "SystemAndUserAssignedIdentityMap", "Tags", "Zones"}
_REQUIRED, _READ_ONLY = 1, 2


class Called(NamedTuple):
    """One call of the walk that was answered well."""

    method: str
    path: str
    status: int
    body: Any


@cache
def _read(name: str) -> Any:
    text = (SPECS / name).read_text("utf-8")
    return yaml.safe_load(text) if name.endswith("yml") else json.loads(text)


# --- Pandora: operations with their status codes, models with their fields


def operations(name: str, calls: Iterable[Called]) -> Iterator[str]:
    calls = list(calls)
    for service, parts in _read(name)["services"].items():
        ids = {key.partition("-")[2]: part["id"] for key, part in parts.items() if key.startswith("ResourceId-")}
        for operation in (part for key, part in parts.items() if key.startswith("Operation-")):
            about = f"{service} {operation['name']}"
            path = ids.get(operation.get("resourceIdName") or "", "") + (operation.get("uriSuffix") or "")
            pattern = re.compile(_pattern(path), re.IGNORECASE)
            answers = [one for one in calls if one.method == operation["httpMethod"] and pattern.fullmatch(one.path)]
            if not answers:
                yield f"{about}: missing {operation['httpMethod']} {path}"
            for one in answers:
                if one.status not in operation["expectedStatusCodes"]:
                    yield f"{about}: other status {operation['expectedStatusCodes']} -> {one.status}"
                yield from sorted(set(_answered(about, one.body, operation, parts)))


def _pattern(path: str) -> str:
    """A path of the schema as an expression; a scope may be of several parts."""
    if path == "/{scope}":  # an assignment by its whole id
        path += "/providers/Microsoft.Authorization/roleAssignments/{name}"
    parts = re.split(r"(\{\w+\})", path.rstrip("/"))
    return "".join((".+" if "cope" in one else "[^/]+") if one.startswith("{") else re.escape(one) for one in parts)


def _answered(about: str, body: Any, operation: dict[str, Any], parts: dict[str, Any]) -> Iterator[str]:
    expected = operation.get("responseObject")
    if not expected or body is None:
        return
    if "fieldContainingPaginationDetails" in operation:
        for item in body["value"]:
            yield from _fits(about, item, expected, parts, "value.#")
        return
    yield from _fits(about, body, expected, parts, "")


def _fits(about: str, value: Any, expected: dict[str, Any], parts: dict[str, Any], path: str) -> Iterator[str]:
    name, kind = expected.get("referenceName"), expected["type"]
    match kind:
        case "Reference" if f"Constant-{name}" in parts:
            words = {one["value"] for one in parts[f"Constant-{name}"]["values"]}
            if value not in words:
                yield f"{about}: other {path} one of {name} -> {value}"
        case "Reference" if f"Model-{name}" in parts:
            fields = {one["jsonName"]: one for one in parts[f"Model-{name}"]["fields"]}
            for key, inner in value.items():
                if key not in fields:
                    yield f"{about}: more {path}.{key} in {name}"
                elif inner is not None:
                    yield from _fits(about, inner, fields[key]["objectDefinition"], parts, f"{path}.{key}")
        case "List":
            for one in value:
                yield from _fits(about, one, expected["nestedItem"], parts, f"{path}.#")
        case "Dictionary":
            for one in value.values():
                yield from _fits(about, one, expected["nestedItem"], parts, f"{path}.*")
        case _ if not _is(kind, value):
            yield f"{about}: other {path} {kind} -> {type(value).__name__}"


def _is(kind: str, value: Any) -> bool:
    match kind:
        case "Boolean":
            return isinstance(value, bool)
        case "Integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "Float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "String" | "Location" | "DateTime":
            return isinstance(value, str)
        case _:
            return isinstance(value, dict) and kind in _COMMON


# --- Bicep: resources with what is required, read-only or one of some words


class Bicep:
    """The types of one file, by the resource that they are for."""

    def __init__(self, name: str) -> None:
        self.types: list[dict[str, Any]] = _read(name)

    def resource(self, name: str) -> dict[str, Any]:
        return next(one for one in self.types if one["$type"] == "ObjectType" and one["name"] == name)

    def of(self, property_: dict[str, Any]) -> dict[str, Any]:
        return self.types[int(property_["type"]["$ref"].rpartition("/")[2])]

    def words(self, type_: dict[str, Any]) -> set[str] | None:
        """The only texts that a type allows; none where any text will do."""
        if type_["$type"] == "StringLiteralType":
            return {type_["value"]}
        if type_["$type"] != "UnionType":
            return None
        parts = [self.types[int(one["$ref"].rpartition("/")[2])] for one in type_["elements"]]
        literal = all(one["$type"] == "StringLiteralType" for one in parts)
        return {one["value"] for one in parts} if literal else None

    def fits(self, about: str, value: Any, type_: dict[str, Any], path: str = "") -> Iterator[str]:
        words = self.words(type_)
        if words is not None and value not in words:
            yield f"{about}: other {path} one of {sorted(words)} -> {value}"
        match type_["$type"]:
            case "ObjectType" if not isinstance(value, dict):
                yield f"{about}: other {path} object -> {type(value).__name__}"
            case "ObjectType":
                yield from self._object(about, value, type_, path)
            case "ArrayType":
                inner = self.types[int(type_["itemType"]["$ref"].rpartition("/")[2])]
                for one in value:
                    yield from self.fits(about, one, inner, f"{path}.#")
            case "StringType" | "IntegerType" | "BooleanType" as kind:
                if not _is(kind.removesuffix("Type"), value):
                    yield f"{about}: other {path} {kind} -> {type(value).__name__}"

    def _object(self, about: str, value: dict[str, Any], type_: dict[str, Any], path: str) -> Iterator[str]:
        known = type_["properties"]
        for key, inner in value.items():
            if key in known:
                if inner is not None:
                    yield from self.fits(about, inner, self.of(known[key]), f"{path}.{key}")
            elif "additionalProperties" not in type_:
                yield f"{about}: more {path}.{key} in {type_['name']}"

    def marked(self, value: dict[str, Any], type_: dict[str, Any], flag: int) -> Iterator[tuple[str, ...]]:
        """Paths in a body of properties with a flag, those of lists by their first item."""
        for key, one in type_["properties"].items():
            if one["flags"] & flag:
                yield (key,)
            inner, item = self.of(one), value.get(key)
            if inner["$type"] == "ArrayType" and isinstance(item, list) and item and isinstance(item[0], dict):
                inner = self.types[int(inner["itemType"]["$ref"].rpartition("/")[2])]
                item = item[0]
            if inner["$type"] == "ObjectType" and isinstance(item, dict):
                yield from ((key, *rest) for rest in self.marked(item, inner, flag))

    def required(self, value: dict[str, Any], type_: dict[str, Any]) -> list[tuple[str, ...]]:
        return list(self.marked(value, type_, _REQUIRED))

    def read_only(self, type_: dict[str, Any]) -> dict[str, dict[str, Any]]:
        return {key: self.of(one) for key, one in type_["properties"].items() if one["flags"] & _READ_ONLY}


# --- OpenAPI: the data plane's dated route


def data_plane(name: str, calls: Iterable[Called]) -> Iterator[str]:
    spec, calls = _read(name), list(calls)
    for path, methods in spec["paths"].items():
        pattern = re.compile("/openai" + _pattern(path.replace("-", "_")).replace("_", "[-_]"))
        for method, operation in methods.items():
            about = f"data {operation['operationId']}"
            answers = [one for one in calls if one.method == method.upper() and pattern.fullmatch(one.path)]
            if not any(one.status < 400 for one in answers):
                yield f"{about}: missing {method.upper()} {path}"
            for one in answers:
                yield from sorted(set(_response(about, one, operation, spec)))


def _response(about: str, one: Called, operation: dict[str, Any], spec: dict[str, Any]) -> Iterator[str]:
    response = operation["responses"].get(str(one.status))
    if response is None and one.status < 400:
        yield f"{about}: other status {sorted(operation['responses'])} -> {one.status}"
    schema = (response or operation["responses"]["default"]).get("schema")
    if schema and schema.get("type") != "file":
        validator = Draft4Validator({**schema, "definitions": spec["definitions"]})
        for error in validator.iter_errors(one.body):
            place = ".".join("#" if isinstance(part, int) else part for part in error.absolute_path)
            yield f"{about}: other {one.status} {place}: {error.message[:100]}"
