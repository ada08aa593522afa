"""What a declaration leaves alone (`ignoreDrift`): there the live value stays, whatever is declared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ftctl.core.digest import digest
from ftctl.core.model import Live, Wanted

Place = tuple[str, ...]
"""A field, or a field and a key of the map that it is: `("tags", "owner")`."""


def left_alone(wanted: Wanted, live: Live) -> Wanted:
    """The same with the live value wherever that is to stay: what an update sends, and is compared with."""
    fields = dict(wanted.fields)
    for field, *keys in sorted(wanted.ignored):
        inner = live.fields.get(field)
        fields[field] = _with(fields[field], inner, keys[0]) if keys else inner
    return replace(wanted, fields=fields)


def _with(declared: Any, live: Any, key: str) -> Any:
    rest = {name: value for name, value in (declared or {}).items() if name != key}
    return {**rest, key: live[key]} if isinstance(live, Mapping) and key in live else rest


def without(fields: Mapping[str, Any], ignored: Iterable[Place]) -> dict[str, Any]:
    """The fields that are not left alone."""
    kept = dict(fields)
    for field, *keys in sorted(ignored):
        value = kept.pop(field, None)
        if keys and isinstance(value, Mapping):
            kept[field] = {name: inner for name, inner in value.items() if name != keys[0]}
    return kept


def is_ignored(path: str, ignored: Iterable[Place]) -> bool:
    """Whether a dotted path leads to, or into, what is left alone."""
    return any(f"{path}.".startswith(f"{'.'.join(place)}.") for place in ignored)


def applied(wanted: Wanted) -> str:
    """The digest of a declaration, as the mark of its last apply has it. What is left alone is no part of it."""
    return digest(without(wanted.fields, wanted.ignored))


def was_applied(wanted: Wanted, live: Live) -> bool:
    """Whether `live` has the mark of this very declaration, `ignoreDrift` apart: so a difference came from outside."""
    return bool(live.applied) and any(one.startswith(live.applied) for one in (applied(wanted), digest(wanted.fields)))
