"""Comparison of what is wanted with what is live: which fields differ, and which of them force a replacement."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftctl.core.model import Unknown, Unreadable

Normal = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs; `forces` says that it cannot change in place."""

    path: str
    before: Any
    after: Any
    forces: bool = False


def differences(
    live: Mapping[str, Any],
    wanted: Mapping[str, Any],
    *,
    normal: Normal = lambda _path, value: value,
    immutable: Collection[str] = (),
) -> tuple[FieldChange, ...]:
    """The fields of `wanted` that `live` has otherwise.

    Only what is wanted is compared: what Azure adds is no difference. A map inside a field is compared by its own
    keys in the same way, any other value as a whole.
    """
    return tuple(
        FieldChange(path, before, after, forces=name in immutable)
        for name, value in wanted.items()
        for path, before, after in _differing(name, live.get(name), value, normal)
    )


def _differing(path: str, before: Any, after: Any, normal: Normal) -> Iterator[tuple[str, Any, Any]]:
    if before is Unreadable.UNREADABLE:
        return
    if isinstance(after, Mapping) and isinstance(before, Mapping):
        before = {key: before[key] for key in after if key in before}
    if has_unknown(after) or normal(path, before) != normal(path, after):
        yield from _explained(path, before, after)


def _explained(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name the places inside a structured value where it differs."""
    if not (isinstance(before, Mapping | list) and type(before) is type(after)):
        yield path, before, after
        return
    from deepdiff import DeepDiff  # noqa: PLC0415  136 ms, and only two values that differ need it

    tree = DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0)
    for level in sorted((level for levels in tree.values() for level in levels), key=lambda level: str(level.path())):
        inner = ".".join(str(step) for step in level.path(output_format="list"))
        yield f"{path}.{inner}", _present(level.t1), _present(level.t2)


def _present(value: Any) -> Any:
    """DeepDiff marks an absent side with an object of its own."""
    return None if type(value).__name__ == "NotPresent" else value


def has_unknown(value: Any) -> bool:
    """Whether a value, or anything inside it, is not known yet."""
    return next(unknowns_in(value), None) is not None


def unknowns_in(value: Any) -> Iterator[Unknown]:
    """What is not known yet of a value."""
    match value:
        case Unknown():
            yield value
        case Mapping():
            for inner in value.values():
                yield from unknowns_in(inner)
        case list() | tuple():
            for inner in value:
                yield from unknowns_in(inner)


def leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values inside `value` with their dotted paths; what is absent or empty is left out."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(f"{path}.{key}" if path else str(key), inner)
    elif value not in (None, "", [], ()):
        yield path, value
