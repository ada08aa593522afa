"""JSON answers by a schema: the keys are given, and each value is what is said for it, read as the schema's type."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_DEEPEST = 8
_MOST = 500  # values that are asked for; what comes after them stays empty
Fields = dict[str, Any]  # a schema of an object


def fields(response_format: Any) -> Fields | None:
    """The schema of a response format `json_schema`; None for all others, and where it has none."""
    if not isinstance(response_format, dict) or response_format.get("type") != "json_schema":
        return None
    about = response_format.get("json_schema")
    schema = about.get("schema") if isinstance(about, dict) else None
    return schema if isinstance(schema, dict) and schema else None


def filled(schema: Fields, prompt: str, say: Callable[[str], str]) -> tuple[str, list[tuple[str, str]]]:
    """A JSON text by the schema, and what was said for each value: its prompt and the words."""
    said: list[tuple[str, str]] = []

    def ask(path: str) -> str:
        if len(said) >= _MOST:
            return ""
        asked = f"{prompt}\n{path}"
        said.append((asked, say(asked)))
        return said[-1][1]

    return json.dumps(_value(schema, "", ask, _DEEPEST), ensure_ascii=False), said


def _value(schema: Any, path: str, ask: Callable[[str], str], depth: int) -> Any:
    schema = schema if isinstance(schema, dict) and depth else {}
    if "const" in schema:
        return schema["const"]
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        said = ask(path).casefold()
        return next((one for one in choices if str(one).casefold() in said), choices[0])
    match _kind(schema):
        case "object":
            named = schema.get("properties")
            named = named if isinstance(named, dict) else {}
            return {name: _value(one, f"{path}.{name}".strip("."), ask, depth - 1) for name, one in named.items()}
        case "array":
            return [_value(schema.get("items"), path, ask, depth - 1)]
        case "integer" | "number" as kind:
            found = _NUMBER.search(ask(path))
            number = float(found[0]) if found else 0.0
            return int(number) if kind == "integer" else number
        case "boolean":
            return bool(re.search(r"\b(yes|true)\b", ask(path).casefold()))
        case "null":
            return None
        case _:
            return ask(path)


def _kind(schema: dict[str, Any]) -> str:
    """The type of a schema; of several the first, of a choice that of its first schema."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "string"
