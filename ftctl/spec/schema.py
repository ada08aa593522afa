"""The JSON Schema of a stack file: made from the kinds, committed, and what every spec is checked against."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftctl.spec.variables import NAME as VARIABLE

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

NAME = "ftctl.v1.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PACKAGE = Path(__file__).parent.parent
_FOLDERS = (_PACKAGE / "schemas", _PACKAGE.parent / "schemas")  # in a wheel, in a checkout

# A value may be a variable in the file and never after substitution: the two are cut out for the check at run time.
_VARIABLE = "#/$defs/variable"
_TEMPLATE = "#/$defs/template"
_VARIABLES = {
    "variable": {"type": "string", "pattern": rf"^\$\{{{VARIABLE}\}}$", "description": "A variable: ${name}."},
    "template": {"type": "string", "pattern": rf"\$\{{{VARIABLE}\}}", "description": "Text with variables: ${name}."},
}
_ABOUT = {"description", "default"}
_RULES_OF_TEXT = {"enum", "const", "pattern", "minLength", "maxLength", "format"}


def generate() -> dict[str, Any]:
    """The schema that the kinds make now."""
    import msgspec  # noqa: PLC0415  only where a schema is made

    from ftctl.spec.declaration import declaration  # noqa: PLC0415  imports every kind

    (top,), parts = msgspec.json.schema_components([declaration()], ref_template="#/$defs/{name}")
    definitions = {name: _opened(_tagged(part)) for name, part in sorted(parts.items())}
    stack = definitions.pop(top["$ref"].rpartition("/")[2])
    about = {"$schema": DIALECT, "$id": f"urn:ftctl:{NAME}", "title": "An ftctl stack"}
    return {**about, **{k: v for k, v in stack.items() if k != "title"}, "$defs": {**definitions, **_VARIABLES}}


def _tagged(schema: dict[str, Any]) -> dict[str, Any]:
    """A struct whose `type` says which of several it is, with a description for that as well."""
    tag = schema.get("properties", {}).get("type", {})
    if tag.keys() != {"enum"}:
        return schema
    properties = {**schema["properties"], "type": {"description": "Which of the types this is.", **tag}}
    return {**schema, "properties": properties}


def text(schema: Mapping[str, Any]) -> str:
    """The schema as the file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def load_schema(name: str = NAME) -> dict[str, Any]:
    """The committed schema."""
    path = next(path for folder in _FOLDERS if (path := folder / name).is_file())
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


@cache
def validator() -> Draft202012Validator:
    """Checks a document whose variables are replaced against the committed schema."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415  90 ms, and only where a spec is checked

    return Draft202012Validator(closed(load_schema()))


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema for a document without variables."""
    return {**schema, "$defs": {**schema["$defs"], **dict.fromkeys(_VARIABLES, False)}}


# --- letting variables in


def _opened(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema, in which every scalar that is not just text may be a variable too."""
    schema = {key: _inside(key, value) for key, value in schema.items()}
    if "anyOf" in schema:
        return _opened_union(schema)
    if isinstance(schema.get("type"), list):
        return schema
    return _with_variable(schema)


def _inside(key: str, value: Any) -> Any:
    if key in {"properties", "$defs"}:
        return {name: _opened(part) for name, part in value.items()}
    if key in {"items", "additionalProperties"} and isinstance(value, dict):
        return _opened(value)
    if key == "anyOf":
        return [_opened(part) for part in value]
    return value


def _with_variable(schema: dict[str, Any]) -> dict[str, Any]:
    extra = _variable_for(schema)
    if extra is None:
        return schema
    outside = {key: value for key, value in schema.items() if key in _ABOUT}
    inside = {key: value for key, value in schema.items() if key not in _ABOUT}
    return {**outside, "anyOf": [inside, {"$ref": extra}]}


def _variable_for(schema: Mapping[str, Any]) -> str | None:
    """Which kind of variable a scalar may be: text with a rule may hold one anywhere, others are one as a whole."""
    of_text = schema.get("type") == "string" or all(isinstance(v, str) for v in schema.get("enum", [0]))
    if of_text:
        return _TEMPLATE if _RULES_OF_TEXT & set(schema) else None
    return _VARIABLE if schema.get("type") in {"integer", "number", "boolean"} or "enum" in schema else None


def _opened_union(schema: dict[str, Any]) -> dict[str, Any]:
    """One flat union: unions inside it are lifted out, the variable stands once and last."""
    flat = [inner for part in schema["anyOf"] for inner in (part["anyOf"] if _is_bare_union(part) else [part])]
    refs = {part.get("$ref") for part in flat} & {_VARIABLE, _TEMPLATE}
    branches = [part for part in flat if part.get("$ref") not in refs]
    plain_text = any(part.get("type") == "string" and not _RULES_OF_TEXT & set(part) for part in branches)
    last = _TEMPLATE if _TEMPLATE in refs else _VARIABLE
    described = {**schema, "anyOf": branches + ([{"$ref": last}] if refs and not plain_text else [])}
    return _hoisted(described)


def _is_bare_union(part: Mapping[str, Any]) -> bool:
    return "anyOf" in part and not set(part) - {"anyOf", "description"}


def _hoisted(schema: dict[str, Any]) -> dict[str, Any]:
    """A union's description on the union itself, where editors look for it."""
    about = [part["description"] for part in schema["anyOf"] if "description" in part]
    return {**schema, "description": about[0]} if len(about) == 1 and "description" not in schema else schema


def write(folder: Path, say: Callable[[str], object] = print) -> None:
    """Write the schemas: of a stack, of a line of `--json`, and of lineage."""
    from ftctl.render import lines  # noqa: PLC0415  only where schemas are written
    from ftctl.results import lineage  # noqa: PLC0415  the same

    for name, schema in ((NAME, generate()), (lines.NAME, lines.schema()), (lineage.NAME, lineage.schema())):
        (folder / name).write_text(text(schema), "utf-8")
        say(f"wrote {folder / name}")


if __name__ == "__main__":
    write(_PACKAGE.parent / "schemas")
