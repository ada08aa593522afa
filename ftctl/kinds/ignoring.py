"""`ignoreDrift`: which fields of a declaration may be left alone, and what they are called in the spec."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any

from ftctl.core.suggest import did_you_mean
from ftctl.kinds.contract import Flaw, described, flaw

IgnoreDrift = Annotated[
    tuple[str, ...],
    described(
        "Fields, as they are written here, whose live value is left alone once the thing exists. What is declared of"
        " them counts at creation alone, also where it changes."
    ),
]
Known = Mapping[str, str]
"""Paths in the spec that may be left alone, and what the fields are called that are compared."""


def places(given: Sequence[str], known: Known) -> frozenset[tuple[str, ...]]:
    """What is left alone, in the words of comparison: a field, or a field and a key of the map that it is."""
    return frozenset(place for path in given for place in _places(path, known))


def _places(path: str, known: Known) -> Iterator[tuple[str, ...]]:
    for spelled, field in known.items():
        if f"{spelled}.".startswith(f"{path}."):
            yield (field,)
        elif path.startswith(f"{spelled}."):
            yield field, path.removeprefix(f"{spelled}.")


def flaws(
    given: Sequence[str], known: Known, keys: Collection[str], maps: Mapping[str, Mapping[str, Any]]
) -> Iterator[Flaw]:
    """Paths that lead nowhere, and those of fields that cannot be left alone.

    `keys` are all that a declaration may have, `maps` the fields whose keys are the user's own.
    """
    inner = [f"{name}.{key}" for name, declared in maps.items() for key in declared]
    around = {path.partition(".")[0] for path in known}
    allowed = sorted({*known, *around, *inner})
    for index, path in enumerate(given):
        if path in allowed:
            continue
        at, fix = f"ignoreDrift.{index}", f"Allowed here: {', '.join(allowed)}."
        if path.partition(".")[0] in set(keys) - around:
            yield flaw(at, "FT1431", f"{path} cannot be left alone", fix=fix)
        else:
            yield flaw(at, "FT1430", f"no field is called {path!r}", fix=f"{did_you_mean(path, allowed)} {fix}".strip())
