"""What is wrong with one example, before it has a place in a file, and how a key of the data may be named in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# Data may hide in keys as well. Letters alone spell a word, and hold no number, address, token or hash.
_NAMEABLE = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem before it has a place in a file. `what` never quotes the data; `fix` replaces the code's own."""

    code: str
    what: str
    fix: str = ""


def named(key: Any, place: str = "") -> str:
    """The place of a key's value: with the key where that may be said, else with a star."""
    shown = key if isinstance(key, str) and _NAMEABLE.fullmatch(key) else "*"
    return f"{place}.{shown}" if place else shown


def meant(key: str, keys: Iterable[Any]) -> str:
    """Ask whether one of `keys` was meant to be `key`, or say nothing."""
    from ftctl.core.suggest import closest  # noqa: PLC0415  only needed when something is wrong

    found = closest(key, [other for other in keys if isinstance(other, str) and _NAMEABLE.fullmatch(other)])
    return f'Did you mean "{key}" by "{found}"?' if found else ""
