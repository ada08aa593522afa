"""Why a field has the value that a plan gives it: where it was declared, or what it follows from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ftctl.core.diff import unknowns_in
from ftctl.core.errors import Where
from ftctl.core.model import Resource, Wanted
from ftctl.core.noise import Noise

Spelled = Mapping[str, tuple[str, ...]]
"""Of a field its path in the spec, where that is another than its name, and then the paths that it follows from."""


class Source(StrEnum):
    """What a value comes from."""

    DECLARED = "declared"
    FOLLOWS = "follows"
    DEFAULT = "default"
    UNKNOWN = "unknown"
    AUTO = "auto"
    SERVICE = "service-default"


@dataclass(frozen=True, slots=True)
class Why:
    """`where` is the place in the spec, None where nothing was written. `upstream` is what a value follows from, or
    comes to be known after: an address (`job/tone`), or another key of the same declaration (`name`).
    """

    source: Source
    where: Where | None = None
    upstream: str = ""


def reasons(
    resource: Resource, wanted: Wanted, values: Mapping[str, Any], spelled: Spelled, *, new: bool
) -> dict[str, Why]:
    """For each of `values`, by path. Of a new thing there are those beside it that the service will choose."""
    found = {path: why(path, value, resource, spelled) for path, value in values.items()}
    for name, noise in wanted.left.items() if new else ():
        path, _ = declared_at(name, resource, spelled)
        source = Source.AUTO if noise == Noise.AUTO else Source.SERVICE
        found.setdefault(name, Why(source, resource.places.get(path) if path else None))
    return found


def why(path: str, value: Any, resource: Resource, spelled: Spelled) -> Why:
    """Why the field at `path` is `value`."""
    where, name = declared_at(path, resource, spelled)
    place = resource.places.get(where) if where else None
    if unknown := next(unknowns_in(value), None):
        return Why(Source.UNKNOWN, place, str(unknown.source))
    if where and (named := _named(name, resource)):
        return Why(Source.FOLLOWS, place, named)
    if not where:
        return Why(Source.DEFAULT)
    own = name == spelled.get(path.partition(".")[0], (name,))[0]
    return Why(Source.DECLARED, place) if own else Why(Source.FOLLOWS, place, name)


def declared_at(path: str, resource: Resource, spelled: Spelled) -> tuple[str, str]:
    """The path in the spec that says most of a field, and the key of it or that it follows from; empty for none."""
    field, _, inner = path.partition(".")
    for name in spelled.get(field, (field,)):
        if name in resource.places:
            whole = f"{name}.{inner}"
            return (whole if inner and whole in resource.places else name), name
    return "", ""


def _named(name: str, resource: Resource) -> str:
    """The other declaration that a key names, itself or in what is below it."""
    return next((str(one) for path, one in resource.named.items() if f"{path}.".startswith(f"{name}.")), "")
