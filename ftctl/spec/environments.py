"""Environments: what a spec says differently in `prod`, merged over the file."""

from __future__ import annotations

from dataclasses import replace

from ftctl.core.errors import Problem
from ftctl.core.suggest import did_you_mean
from ftctl.spec.tree import Document, Node
from ftctl.spec.words import problem, shown

SECTION = "environments"


def merge(base: Node, over: Node) -> Node:
    """`over` on top of `base`: maps merge, lists and scalars replace, null takes out. Each value keeps its place."""
    if not isinstance(over.value, dict):
        return over
    if not isinstance(base.value, dict):
        base = Node({}, over.mark)
    items, keys = dict(base.value) if isinstance(base.value, dict) else {}, dict(base.keys)
    for key, node in over.value.items():
        if node.value is None:
            items.pop(key, None)
            keys.pop(key, None)
            continue
        known = key in items
        items[key] = merge(items[key], node) if known else merge(node, node)
        if not known or not isinstance(node.value, dict):
            keys[key] = over.keys[key]
    return replace(base, value=items, keys=keys)


def choose(document: Document, environment: str | None) -> tuple[Document, list[Problem]]:
    """The document with the environment merged over it; its `environments` stay, as they were written."""
    if environment is None:
        return document, []
    declared = document.root.child(SECTION)
    names = declared.value if declared and isinstance(declared.value, dict) else {}
    block = names.get(environment)
    if block is None:
        return document, [_unknown(document, environment, list(names))]
    without = Node({key: node for key, node in _items(block).items() if key != SECTION}, block.mark, keys=block.keys)
    return Document(document.path, merge(document.root, without)), []


def _items(node: Node) -> dict[str, Node]:
    return node.value if isinstance(node.value, dict) else {}


def _unknown(document: Document, environment: str, names: list[str]) -> Problem:
    what = f"the stack has no environment {shown(environment)}"
    declared = f"Declared: {', '.join(names)}." if names else "Declare it under `environments`, or leave it out."
    where = document.where_key((SECTION,))
    return problem("FT1045", where, what, fix=(did_you_mean(environment, names), declared))
