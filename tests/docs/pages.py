"""The pages under docs/ that are made from the code: the fields of a spec, and the error codes.

`python -m tests.docs.pages` writes them, as do the tests with FTCTL_GOLDEN=write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

from ftctl.core.codes import CODES
from ftctl.core.errors import Code, Exit
from ftctl.spec.schema import load_schema

DOCS = Path(__file__).parents[2] / "docs"
_VARIABLES = {"#/$defs/variable", "#/$defs/template"}

_SPEC = """\
# The spec, field by field

*Made from the schema by `tests/docs/pages.py`; do not edit.*

One file is one stack; a folder is as many stacks as it has `.yaml` and `.yml` files. An editor that knows
YAML completes and checks a stack with the schema that `ftctl schema` prints.

- **References are names in typed places.** `training: train` names a dataset of the same stack, and `model:
  {job: tone}` a job. Order, dangling names and cycles follow from that; there is no template language.
- **`${name}` is for variables alone**, in any value but not in keys. `--var name=value` wins over
  `FTCTL_VAR_name`, that over the chosen environment's `variables`, and those over the file's; a name in
  capitals that is none of these is looked up in the process environment. `$${` stands for the two
  characters themselves. `name: {secret: true}` under `variables` declares a [secret](plans.md#secrets).
- **An environment** (`-e prod`) is merged deep over the file: maps merge, lists and scalars replace, and a
  key whose value is `null` is taken out.
- **A job is its recipe**: model, method with all its fields, graders with their programs in full, seed,
  training type, and the content of its data. Another recipe is another training; the same one is never paid
  for again. Suffix, `onFailure`, `integrations`, [`state`, `adopt` and `keep`](jobs.md) are no part of it.
  `model: {job: NAME}` goes on from what another job trains and stands for that job's recipe, so that the plan
  is known before it is trained; the model's own id is another spelling, and another recipe. `integrations`
  has no place for a key: keys of Weights & Biases are kept in Azure.
- **A model serves where you say.** A deployment whose `resource` is another account than its job's serves
  across regions: Azure is told which account trained it, and asks that whoever applies may read that one.
- **`ignoreDrift`** lists fields of an account or a deployment whose live value is left alone once the thing
  exists, also when another value is declared later ([how](plans.md#ignoredrift)).
- **Everything declared is sent or refused.** Unknown keys are errors.
"""

_ERRORS = """\
# Error codes

*Made from `ftctl.core.codes` by `tests/docs/pages.py`; do not edit. `ftctl explain CODE` prints the same.*

Every problem has a code that stays the same over versions, what is wrong and where, why, and what to do.
When several things are wrong at once, the exit code is that of the gravest.
"""

_TITLES = {
    "FT13": "Training data",
    "FT143": "What is left alone",
    "FT144": "Names and ownership",
    "FT145": "Policies",
    "FT146": "Import",
    "FT14": "Jobs, sweeps and gates",
    "FT1": "Specs",
    "FT2": "Azure",
    "FT3": "Plan and apply",
    "FT5": "The local Azure",
    "FT6": "The command line",
}


def _groups() -> dict[str, dict[str, Code]]:
    """The codes under their titles, in the order of their numbers."""
    groups: dict[str, dict[str, Code]] = {}
    for name in sorted(CODES):
        title = next(title for start, title in _TITLES.items() if name.startswith(start))
        groups.setdefault(title, {})[name] = CODES[name]
    return groups


def spec_page() -> str:
    schema = load_schema()
    parts = [_SPEC, "## The file\n", _table(schema), *_sections(schema)]
    return "\n".join(parts) + "\n"


def _sections(schema: Mapping[str, Any]) -> Iterator[str]:
    """A heading for each section of a stack, and below it one for each map inside."""
    told: set[str] = set()
    for name, node in schema["properties"].items():
        parts = list(_parts(node, schema))
        if not parts or name in {"variables", "environments"}:
            continue
        yield f"\n## `{name}`\n"
        for part in _with_inner(parts, schema):
            if part not in told:
                told.add(part)
                yield from _part(part, schema, titled=part not in parts)


def _part(name: str, schema: Mapping[str, Any], *, titled: bool) -> Iterator[str]:
    definition = schema["$defs"][name]
    if titled:
        yield f"\n### {_title(name)}\n"
    yield f"{definition['description']}\n"
    yield _table(definition)


def _with_inner(parts: list[str], schema: Mapping[str, Any]) -> Iterator[str]:
    for part in parts:
        yield part
        inner = [name for node in schema["$defs"][part]["properties"].values() for name in _parts(node, schema)]
        yield from _with_inner(inner, schema)


def _parts(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """The definitions that a field's value, or a declaration in its section, may be."""
    for branch in [node, *node.get("anyOf", ())]:
        below = (branch.get("additionalProperties"), branch.get("items"))
        references = (branch, *(one for one in below if isinstance(one, dict)))
        for reference in references:
            if "$ref" in reference and reference["$ref"] not in _VARIABLES:
                yield reference["$ref"].rpartition("/")[2]


def _title(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("Spec"))
    return words[0] + words[1:].lower()


def _table(definition: Mapping[str, Any]) -> str:
    required = set(definition.get("required", ()))
    rows = ["| key | value | if left out | |", "| --- | --- | --- | --- |"]
    for name, node in definition["properties"].items():
        left_out = "*required*" if name in required else _default(node)
        rows.append(f"| `{name}` | {_form(node)} | {left_out} | {_about(node)} |")
    return "\n".join(rows)


def _about(node: Mapping[str, Any]) -> str:
    text = str(node.get("description", ""))
    return re.sub(r"^Not supported yet: ", "*Not supported yet.* ", text).replace("|", "\\|")


def _default(node: Mapping[str, Any]) -> str:
    value = node.get("default")
    return "" if value in (None, "", {}) else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _form(node: Mapping[str, Any]) -> str:
    branches = node.get("anyOf", [node])
    forms = [form for branch in branches if branch.get("$ref") not in _VARIABLES and (form := _branch(branch))]
    return " or ".join(dict.fromkeys(forms))


def _branch(node: Mapping[str, Any]) -> str:
    """One form that a value may have, in words."""
    match node:
        case {"$ref": reference}:
            title = _title(reference.rpartition("/")[2]).lower()
            return f"a map, [{title}](#{title.replace(' ', '-')})"
        case {"enum": values}:
            return ", ".join(f"`{value}`" for value in values)
        case {"type": "string"}:
            return "text"
        case {"type": "integer" | "number" as kind}:
            return ("a whole number" if kind == "integer" else "a number") + _range(node)
        case {"type": "boolean"}:
            return "`true` or `false`"
        case {"type": "array", "items": {"$ref": _} as item}:
            return _branch(item).replace("a map", "a list of maps", 1)
        case {"type": "array"}:
            return "a list"
        case {"type": "object", "additionalProperties": {"$ref": _}}:
            return "a map of declarations by name"
        case {"type": "object"}:
            return "a map"
    return ""


def _range(node: Mapping[str, Any]) -> str:
    low, high, above = (node.get(rule) for rule in ("minimum", "maximum", "exclusiveMinimum"))
    if above is not None:
        return f" above {above}" + (f", up to {high}" if high is not None else "")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" from {low}" if low is not None else ""


def errors_page() -> str:
    parts = [_ERRORS]
    for title, group in _groups().items():
        parts.append(f"## {title}\n")
        parts += [_code(name, code) for name, code in group.items()]
    return "\n".join(parts).rstrip() + "\n"


def _code(name: str, code: Code) -> str:
    lines = [f"### {name}: {code.title}", "", *_wrapped(code.why), "", *_wrapped(f"**What to do:** {code.fix}"), ""]
    return "\n".join([*lines, f"Exit code {int(code.exit)}, {_EXITS[code.exit]}.", ""])


def _wrapped(text: str) -> list[str]:
    return wrap(_angled(text), 108, break_long_words=False, break_on_hyphens=False)


def _angled(text: str) -> str:
    """`<<` outside of code would be taken for HTML."""
    pieces = text.split("`")
    return "`".join(piece if index % 2 else piece.replace("<", "&lt;") for index, piece in enumerate(pieces))


_EXITS = {
    Exit.DONE: "done",
    Exit.ERROR: "an error",
    Exit.CHANGES: "changes",
    Exit.PENDING: "work goes on in Azure",
    Exit.GATE: "a smoke test failed",
    Exit.BLOCKED: "blocked",
    Exit.PERMISSION: "sign-in or permission",
    Exit.STALE: "a stale plan",
    Exit.PARTIAL: "partly applied",
    Exit.USAGE: "usage",
    Exit.DATA: "a bad spec or bad data",
    Exit.INTERRUPTED: "interrupted",
}

PAGES = {"spec.md": spec_page, "errors.md": errors_page}

if __name__ == "__main__":
    for page, make in PAGES.items():
        (DOCS / page).write_text(make(), "utf-8")
