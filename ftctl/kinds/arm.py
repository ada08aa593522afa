"""What the kinds that live in ARM share: reading a provisioning state, and bodies for a full PUT."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Health, Home, Live
from ftctl.core.noise import Noise, Rule

_ENDED = {"succeeded": Health.READY, "failed": Health.FAILED, "canceled": Health.FAILED}


def health(state: str | None) -> Health:
    """What a `provisioningState` means; any word that is not an end is on its way."""
    return _ENDED.get((state or "succeeded").lower(), Health.PENDING)


def settable(properties: Mapping[str, Any], read_only: Collection[str]) -> dict[str, Any]:
    """Properties for a PUT: all that is live but for what Azure alone sets, so that unknown ones stay as they are."""
    return {key: value for key, value in properties.items() if key not in read_only}


def region(value: Any) -> Any:
    """A region as Azure compares it: `Sweden Central` and `swedencentral` are one."""
    return value.replace(" ", "").lower() if isinstance(value, str) else value


def lowered(value: Any) -> Any:
    """A word whose case Azure does not mind."""
    return value.lower() if isinstance(value, str) else value


CASE = Rule(Noise.CASE, lowered)
REGION = Rule(Noise.REGION, region)


def beyond(properties: Mapping[str, Any], known: Collection[str], shown: tuple[type, ...]) -> dict[str, Any]:
    """Properties that ftctl has no field for: the values of types that hold no secret there, of the rest the name."""
    return {
        f"properties.{key}": value if isinstance(value, shown) else None
        for key, value in properties.items()
        if key not in known and value not in (None, "", [], {})
    }


def refuse_foreign(live: Live, home: Home) -> None:
    """Raise where somebody made a thing of this name since the plan found none: a PUT would overwrite it."""
    if live.owner != home.stack:
        raise FtctlError(
            Problem(
                "FT3001",
                f"{live.name} was made by somebody else since the plan was made",
                why="ftctl changes and deletes only what its own stack owns.",
                fix="Plan again: the plan says how to take it over.",
            )
        )
