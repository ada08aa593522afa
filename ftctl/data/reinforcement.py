"""One reinforcement example: a prompt and what graders hold the answer against, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from ftctl.core.suggest import did_you_mean
from ftctl.data.fault import Fault, meant
from ftctl.data.messages import roles_of, shared_faults

KEYS = frozenset({"messages", "tools", "parallel_tool_calls"})

_SAMPLE = ("output_text", "output_json", "output_tools", "choices")
_BRACES = re.compile(r"\{\{(.*?)(\}\}|\Z)", re.DOTALL)
_PATH = re.compile(r"(item|sample)\.([A-Za-z0-9_-]+)(?:\.[A-Za-z0-9_-]+)*")


def faults(example: Any) -> Iterator[Fault]:
    """Everything wrong with one example."""
    if not isinstance(example, dict):
        yield Fault("FT1311", "the example is not an object")
        return
    yield from shared_faults(example)
    messages = example.get("messages")
    if "messages" not in example:
        yield Fault("FT1312", "messages is missing", meant("messages", example))
    elif isinstance(messages, list) and messages and roles_of(messages)[-1] != "user":
        yield Fault("FT1328", f"messages[{len(messages) - 1}] is the last message and not the user's")


def item_keys(example: dict[str, Any]) -> Iterator[str]:
    """What graders know as `item.*`: the keys of a sound example that are not its prompt's."""
    return (key for key in example if key not in KEYS)


def template_faults(template: str, item_keys: Collection[str]) -> Iterator[Fault]:
    """What is wrong with the references in a grader's template; `item_keys` are the data's. The template is no data."""
    for found in _BRACES.finditer(template):
        inside, closed = found.groups()
        if not closed:
            yield Fault("FT1329", f"the template's {{{{ at character {found.start() + 1} is not closed")
        elif wrong := _reference(inside, item_keys):
            yield wrong


def references(template: str) -> Iterator[str]:
    """The item keys that a template names, each as often as it does; what is no reference is left out."""
    paths = (_PATH.fullmatch(found[1]) for found in _BRACES.finditer(template))
    return (path[2] for path in paths if path and path[1] == "item")


def _reference(inside: str, item_keys: Collection[str]) -> Fault | None:
    shown = "{{" + inside[:60] + "}}"
    path = _PATH.fullmatch(inside)
    if path is None:
        tight = re.sub(r"\s+", "", inside)
        hint = f"Write {{{{{tight}}}}}." if _PATH.fullmatch(tight) else ""
        return Fault("FT1329", f"{shown} is neither {{{{item.name}}}} nor {{{{sample.name}}}}", hint)
    space, name = path.groups()
    known = item_keys if space == "item" else _SAMPLE
    if name in known:
        return None
    return Fault(
        "FT1330", f"{shown} names what no {'example' if space == 'item' else 'sample'} has", did_you_mean(name, known)
    )
