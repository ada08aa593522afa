"""The local Azure beside recordings and published schemas of the real one.

Where they differ, the difference is meant and says why in `meant_differences.yaml`, or it is a fault of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

import pytest

from tests.local import objects, replays, schemas, walks
from tests.local.shapes import REFERENCE, Meant, differences

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not REFERENCE.is_dir(), reason="the recordings are not beside the project"),
]

_COGNITIVE = "Microsoft.CognitiveServices/accounts"
_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
_READER = {
    "properties": {
        "roleDefinitionId": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "principalId": "00000000-0000-4000-8000-000000008002",
        "principalType": "User",
    }
}
_RESOURCES = (
    ("cognitiveservices_2025-06-01", _COGNITIVE, walks.ACCOUNT),
    ("cognitiveservices_2026-07-01", _COGNITIVE, walks.ACCOUNT),
    ("cognitiveservices_2025-06-01", f"{_COGNITIVE}/deployments", walks.DEPLOYMENT),
    ("cognitiveservices_2026-07-01", f"{_COGNITIVE}/deployments", walks.DEPLOYMENT),
    ("authorization_2022-04-01", _ASSIGNMENT, _READER),
)


def replayed(replay) -> Iterator[str]:
    with replays.lab() as arm:
        for pair in replay(arm):
            yield from differences(*pair)


@cache
def walked(walk) -> tuple[schemas.Called, ...]:
    with replays.lab() as arm:
        return tuple(walk(arm))


def arm_operations() -> Iterator[str]:
    yield from schemas.operations("pandora_cognitive_2026-03-01.json", walked(walks.arm_walk))


def role_operations() -> Iterator[str]:
    yield from schemas.operations("pandora_authorization_roleassignments_2022-04-01.json", walked(walks.role_walk))


def data_plane() -> Iterator[str]:
    yield from schemas.data_plane("azure_openai_authoring_2024-03-01-preview.yml", walked(walks.data_walk))


def resource_bodies(spec: str, name: str) -> Iterator[str]:
    """Every answer that is such a resource."""
    bicep = schemas.Bicep(f"bicep_{spec}_types.json")
    calls = (*walked(walks.arm_walk), *walked(walks.role_walk))
    bodies = [one.body for one in calls if one.body and one.body.get("type") == name and "id" in one.body]
    assert bodies
    for body in bodies:
        yield from bicep.fits(f"{spec} {name.rpartition('/')[2]}", body, bicep.resource(name))


def _checks() -> Iterator[tuple[str, Callable[[], Iterator[str]]]]:
    for replay in (*replays.ALL, *objects.ALL):
        yield replay.__name__, partial(replayed, replay)
    for check in (arm_operations, role_operations, data_plane):
        yield check.__name__, check
    for spec, name, body in _RESOURCES:
        short = f"{spec} {name.rpartition('/')[2]}"
        bicep = partial(schemas.Bicep, f"bicep_{spec}_types.json")
        yield f"{short} bodies", partial(resource_bodies, spec, name)
        for rule in (walks.required, walks.read_only):
            if REFERENCE.is_dir():
                yield f"{short} {rule.__name__}", partial(rule, short, bicep(), name, body)


CHECKS = dict(_checks())


@cache
def found(name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(CHECKS[name]()))


@pytest.mark.parametrize("name", CHECKS)
def test_differences_are_meant(name):
    assert Meant.read().unexpected(found(name)) == []


def test_every_meant_difference_is_still_there():
    meant = Meant.read()
    for name in CHECKS:
        meant.unexpected(found(name))
    assert meant.unused() == []
