"""A spec that is being written: declarations with remarks, what could not be declared, and names that are legal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAME = 63  # characters of a declaration's name
STACK = 40
_ODD = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that is left to whoever uses the spec."""

    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A declaration. `beside` has a remark for the line of a key, or of the name (`""`)."""

    name: str
    body: Mapping[str, Any]
    above: tuple[str, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A section's declarations, and remarks on what has none."""

    entries: tuple[Entry, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole spec. `notes` are what it does not say, each about one thing."""

    stack: str
    azure: Mapping[str, Any]
    sections: Mapping[str, Section]
    head: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Names:
    """The names of one section: legal, and each given once, whatever the letters' case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, wish: str, fallback: str) -> str:
        base = legal(wish) or fallback
        name, number = base, 1
        while name.lower() in self._taken:
            number += 1
            ending = f"-{number}"
            name = f"{base[: NAME - len(ending)].rstrip('-_')}{ending}"
        self._taken.add(name.lower())
        return name


def legal(wish: str, longest: int = NAME) -> str:
    """A wish as a declaration's name; empty where nothing of it is left."""
    return _ODD.sub("-", wish).strip("-_")[:longest].rstrip("-_")


def stack_name(wish: str) -> str:
    """A wish as a stack's name."""
    name = legal(wish.lower().replace("_", "-"), STACK)
    name = re.sub("-+", "-", name)
    if not name or not name[0].isalpha():
        name = f"stack-{name}".rstrip("-")[:STACK].rstrip("-")
    return name if len(name) > 1 else f"{name}-stack"
