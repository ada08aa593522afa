"""The top of a stack file as types: what stands beside the kinds' own sections."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Literal

import msgspec

from ftctl.kinds import kinds
from ftctl.kinds.contract import Declaration, Kind, described
from ftctl.spec.variables import NAME as VARIABLE

GROUP = "resourceGroup"
"""The kind that is declared under `azure` instead of a section of its own."""

_STACK = "^(?!.*--)[a-z][a-z0-9-]{0,38}[a-z0-9]$"
_DECLARED = "^(?!.*--)[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"

_ADDRESS = r"^[A-Za-z]+/[^/\s]+$"
_TRUE = {"const": True}

DeclaredName = Annotated[str, msgspec.Meta(pattern=_DECLARED)]
VariableName = Annotated[str, msgspec.Meta(pattern=f"^{VARIABLE}$")]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Profile(Declaration, frozen=True):
    """A cloud of own endpoints. It holds no secrets; sign-in is the environment's."""

    resource_manager: Annotated[str, described("Azure Resource Manager's endpoint.", pattern="^https://")]
    authority: Annotated[str, described("Where tokens are signed for.", pattern="^https://")]
    name: Annotated[str, described("What to call the cloud.")] = "own"
    graph: Annotated[str, described("Microsoft Graph's endpoint.", pattern="^https://")] = "https://graph.microsoft.com"
    resource_manager_scope: Annotated[str, described("The token scope of Azure Resource Manager.")] = ""
    data_scope: Annotated[str, described("The token scope of the data plane.")] = ""
    graph_scope: Annotated[str, described("The token scope of Microsoft Graph.")] = ""
    data_suffix: Annotated[str, described("What an account's host name ends in.")] = ""
    retail_prices: Annotated[str, described("The retail prices endpoint.")] = ""
    ca_file: Annotated[str, described("Certificates to trust instead of the system's.")] = ""
    poll_seconds: Annotated[float, described("How long to wait between two looks.", gt=0)] = 15.0


Addressed = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]+/[^/\s]+$")]


class Secret(Declaration, frozen=True):
    """A variable whose value does not stand in the file and is never shown."""

    secret: Annotated[bool, described("Plans, errors and reports hide what is made of it.", extra_json_schema=_TRUE)]


class Limits(Declaration, frozen=True):
    """What a plan may not exceed. `--auto-approve` bypasses none of it."""

    max_cost: Annotated[
        Annotated[float, msgspec.Meta(ge=0)] | None,
        described("The most that all trainings of one plan may be estimated to cost, in US dollars."),
    ] = None
    max_deletes: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None,
        described("How many things one plan may delete or replace at most."),
    ] = None
    max_changed: Annotated[
        str,
        described(
            "The share of what the stack owns that one plan may update or delete, where it owns at least 10 things.",
            pattern=r"^(100|[0-9]{1,2})%$",
        ),
    ] = "30%"
    allow: Annotated[
        tuple[Addressed, ...],
        described("Addresses that may be deleted or replaced although they serve, as `--allow` says it once."),
    ] = ()


class Moved(Declaration, frozen=True):
    """A declaration that has another name than before. Nothing in Azure is made anew for that."""

    source: Annotated[str, described("What it was called, such as job/tone-v1.", pattern=_ADDRESS)] = msgspec.field(
        name="from"
    )
    to: Annotated[str, described("What it is called now.", pattern=_ADDRESS)]


class Removed(Declaration, frozen=True):
    """What becomes of a thing that is no longer declared."""

    source: Annotated[str, described("What it was called, such as deployment/old.", pattern=_ADDRESS)] = msgspec.field(
        name="from"
    )
    keep: Annotated[bool, described("true: it stays in Azure as it is and belongs to no stack. false: it is deleted.")]


@cache
def declaration() -> type[msgspec.Struct]:
    """The struct of a whole file."""
    group = kinds()[GROUP].Spec if GROUP in kinds() else None
    azure = msgspec.defstruct("Azure", list(_azure_fields(group)), bases=(Declaration,), kw_only=True)
    azure.__doc__ = "Where the stack lives."
    stack = msgspec.defstruct("Stack", list(_stack_fields(azure, sections())), bases=(Declaration,), kw_only=True)
    stack.__doc__ = "One stack: everything that this file makes and owns."
    return stack


def sections() -> dict[str, Kind]:
    """The kinds that have a section, by its name."""
    return {kind.section: kind for kind in kinds().values() if kind.section}


def _azure_fields(group: type[Declaration] | None) -> Iterable[tuple[Any, ...]]:
    yield "subscription", Annotated[Text, described("The subscription's id.")]
    named = Annotated[str, described("The name of a group that exists.", pattern=r"^[-\w.()]{1,90}$")]
    yield "resource_group", Annotated[named | group if group else named, described("The resource group.")]
    clouds = Literal["public", "usgov", "china", "local"] | Profile
    about = "The cloud: one by name, or a profile of own endpoints."
    yield "cloud", Annotated[clouds, described(about)], "public"


def _stack_fields(azure: type[msgspec.Struct], found: dict[str, Kind]) -> Iterable[tuple[Any, ...]]:
    yield "api_version", Annotated[Literal["ftctl/v1"], described("The format of this file.")]
    about = "The stack's name: the owner's mark on everything this file makes, unique in a subscription."
    yield "stack", Annotated[str, described(about, pattern=_STACK)]
    yield "azure", azure
    about = "Values for ${name}; --var, FTCTL_VAR_name and environments override them, in that order."
    values = dict[VariableName, str | int | float | bool | Secret | None]
    yield "variables", Annotated[values | None, described(about)], None
    about = "What is different in an environment (`ftctl plan -e prod`): merged over the file; null takes a key out."
    blocks = dict[DeclaredName, Annotated[Any, msgspec.Meta(extra_json_schema=_block(found))]]
    yield "environments", Annotated[blocks | None, described(about)], None
    about = "What a plan may not exceed."
    yield "limits", Annotated[Limits | None, described(about)], None
    about = "Names that changed in this file. An entry may stay for good."
    yield "moved", Annotated[list[Moved] | None, described(about)], None
    about = "What was taken out of this file, and whether it stays in Azure. An entry may stay for good."
    yield "removed", Annotated[list[Removed] | None, described(about)], None
    for section, kind in found.items():
        about = kind.Spec.__doc__ or section
        yield section, Annotated[dict[DeclaredName, kind.Spec] | None, described(about)], None  # type: ignore[name-defined]


def _block(found: dict[str, Kind]) -> dict[str, Any]:
    """An environment's shape: the top-level keys. What is in them is checked once it is merged over the file."""
    part = {"type": ["object", "null"]}
    names = ("azure", "variables", "limits", *found)
    lists = {name: {"type": ["array", "null"]} for name in ("moved", "removed")}
    properties = {"stack": {"type": ["string", "null"]}, **dict.fromkeys(names, part), **lists}
    return {**part, "properties": properties, "additionalProperties": False}
