"""Noise: differences between what is declared and what is live that are none, each with the rule that says so. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ftctl.core.diff import FieldChange, differences, has_unknown
from ftctl.core.ignored import is_ignored
from ftctl.core.model import Live, Unreadable, Wanted


class Noise(StrEnum):
    """Why a difference is none."""

    CASE = "letter-case"
    REGION = "region-spelling"
    RECIPE = "same-recipe"
    CONTENT = "same-identity"
    AUTO = "auto"
    SERVICE = "service-default"
    UNREADABLE = "not-readable"
    AZURE = "only-in-azure"
    IGNORED = "ignoreDrift"


@dataclass(frozen=True, slots=True)
class Rule:
    """Two values are the same to `noise` where `normal` makes them equal."""

    noise: Noise
    normal: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One hidden difference. A `live` of None beside AZURE is a value that is not shown."""

    path: str
    live: Any
    declared: Any
    rule: Noise


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides with all that was decided on them: `shown` is what is not hidden.

    `beyond` is what Azure has of the thing, and ftctl has no field for. `same` says that it is known by its content,
    so that no field of it can differ in earnest.
    """

    live: Live
    wanted: Wanted
    rules: Mapping[str, Rule]
    shown: tuple[FieldChange, ...] = ()
    beyond: Mapping[str, Any] = field(default_factory=dict)
    same: bool = False


def suppressed(one: Comparison) -> tuple[Suppressed, ...]:
    """All that differs and is not shown, by path."""
    found = [*_decided(one), *_one_sided(one.live.fields, one.wanted)]
    found += [Suppressed(path, value, None, Noise.AZURE) for path, value in one.beyond.items()]
    return tuple(sorted(found, key=lambda hidden: hidden.path))


def _decided(one: Comparison) -> Iterator[Suppressed]:
    """Fields that both sides have."""
    shown = {change.path for change in one.shown}
    for change in differences(one.live.fields, one.wanted.fields):
        if change.path not in shown and not has_unknown(change.after):
            yield Suppressed(change.path, change.before, change.after, _rule(one, change.path))
    for name, value in one.live.fields.items():
        if value is Unreadable.UNREADABLE and name in one.wanted.fields:
            yield Suppressed(name, None, one.wanted.fields[name], Noise.UNREADABLE)


def _rule(one: Comparison, path: str) -> Noise:
    name = path.partition(".")[0]
    if is_ignored(path, one.wanted.ignored):
        return Noise.IGNORED
    if name in one.rules:
        return one.rules[name].noise
    assert one.same, f"nothing hides {path}, and it is not shown"
    return Noise.CONTENT if name in one.live.fields else Noise.UNREADABLE


def _one_sided(live: Mapping[str, Any], wanted: Wanted) -> Iterator[Suppressed]:
    """What is live alone: fields that are left to the service, and keys that others put into a declared map."""
    for name, value in live.items():
        declared = wanted.fields.get(name)
        if name not in wanted.fields and value is not None:
            yield Suppressed(name, value, None, Noise(wanted.left.get(name, Noise.AZURE)))
        elif isinstance(value, Mapping) and isinstance(declared, Mapping):
            for key in value:
                if key not in declared:
                    yield Suppressed(f"{name}.{key}", value[key], None, Noise.AZURE)
