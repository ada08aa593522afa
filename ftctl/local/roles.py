"""Azure's built-in roles, as far as this server answers what they are about, and whether they allow something."""

from __future__ import annotations

import math
import re
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ftctl.local import identity

if TYPE_CHECKING:
    from ftctl.local.azure import Azure
    from ftctl.local.identity import Principal
    from ftctl.local.store import Doc

AS_OF = "2026-08-22"
COGNITIVE = "Microsoft.CognitiveServices"
_OPENAI = f"{COGNITIVE}/accounts/OpenAI"
_AUTHORIZATION = "Microsoft.Authorization"
_ASSIGN = (f"{_AUTHORIZATION}/roleAssignments/write", f"{_AUTHORIZATION}/roleAssignments/delete")
_SEE_ROLES = (f"{_AUTHORIZATION}/roleAssignments/read", f"{_AUTHORIZATION}/roleDefinitions/read")
_SUBSCRIPTIONS = "Microsoft.Resources/subscriptions"
_AROUND = (
    f"{_SUBSCRIPTIONS}/operationresults/read",
    f"{_SUBSCRIPTIONS}/read",
    f"{_SUBSCRIPTIONS}/resourceGroups/read",
    "Microsoft.Support/*",
)
_SURROUNDINGS = ("Microsoft.Resources/deployments/*", *_AROUND)
_IMPERSONATION = f"{COGNITIVE}/accounts/AIServices/agents/endpoints/UserIdentityImpersonation/action"
_NO_DEPLOYING = (
    _IMPERSONATION,
    f"{_OPENAI}/fine-tunes-deployments/write",
    f"{COGNITIVE}/accounts/AIServices/fine_tuning_deployments/write",
)
_INFERENCE = (
    "engines/completions/action",
    "engines/search/action",
    "engines/generate/action",
    "deployments/audio/action",
    "deployments/search/action",
    "deployments/completions/action",
    "deployments/chat/completions/action",
    "deployments/realtime/action",
    "deployments/extensions/chat/completions/action",
    "deployments/embeddings/action",
    "images/generations/action",
    "video/generations/*/action",
    "video/generations/*/delete",
    "assistants/*",
    "responses/*",
)


@dataclass(frozen=True, slots=True)
class Role:
    """A built-in role. `former` are names it had before and is still found by."""

    id: str
    name: str
    description: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    former: tuple[str, ...] = ()


ROLES = (
    Role(
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "Owner",
        "Everything on the control plane, the granting of roles too.",
        ("*",),
    ),
    Role(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        "Everything on the control plane but granting roles.",
        ("*",),
        (
            f"{_AUTHORIZATION}/*/Delete",
            f"{_AUTHORIZATION}/*/Write",
            f"{_AUTHORIZATION}/elevateAccess/Action",
            "Microsoft.Subscription/cancel/action",
            "Microsoft.Subscription/enable/action",
        ),
    ),
    Role("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", "Sees everything on the control plane.", ("*/read",)),
    Role(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        "Sees everything and grants roles.",
        ("*/read", f"{_AUTHORIZATION}/*", "Microsoft.Support/*"),
    ),
    Role(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        "Role Based Access Control Administrator",
        "Sees everything and grants roles, but manages no other access.",
        (*_ASSIGN, "*/read", "Microsoft.Support/*"),
    ),
    Role(
        "a001fd3d-188f-4b5d-821b-7da978bf7442",
        "Cognitive Services OpenAI Contributor",
        "Uploads, trains, deploys and asks models.",
        (
            f"{COGNITIVE}/*/read",
            *(
                f"{COGNITIVE}/accounts/{child}/{verb}"
                for child in ("deployments", "raiPolicies", "commitmentplans")
                for verb in ("write", "delete")
            ),
            *_SEE_ROLES,
        ),
        data_actions=(f"{_OPENAI}/*",),
    ),
    Role(
        "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd",
        "Cognitive Services OpenAI User",
        "Sees files, jobs, models and deployments and asks models; changes nothing.",
        (f"{COGNITIVE}/*/read", *_SEE_ROLES),
        data_actions=(f"{_OPENAI}/*/read", *(f"{_OPENAI}/{path}" for path in _INFERENCE)),
        not_data_actions=(f"{_OPENAI}/stored-completions/read",),
    ),
    Role(
        "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68",
        "Cognitive Services Contributor",
        "Manages accounts and their keys; nothing on the data plane.",
        (f"{_AUTHORIZATION}/*/read", f"{COGNITIVE}/*", *_SURROUNDINGS),
    ),
    Role(
        "a97b65f3-24c7-4388-baec-2e87135dc908",
        "Cognitive Services User",
        "Reads accounts, lists their keys, uses their data plane.",
        (
            f"{COGNITIVE}/*/read",
            f"{COGNITIVE}/accounts/listkeys/action",
            "Microsoft.Resources/deployments/operations/read",
            *_AROUND,
        ),
        data_actions=(f"{COGNITIVE}/*",),
        not_data_actions=_NO_DEPLOYING,
    ),
    Role(
        "b59867f0-fa02-499b-be73-45a86b5b3e1c",
        "Cognitive Services Data Reader",
        "Reads the data plane.",
        data_actions=(f"{COGNITIVE}/*/read",),
    ),
    Role(
        "bba48692-92b0-4667-a9ad-c31c7b334ac2",
        "Cognitive Services Usages Reader",
        "Sees how much of its quotas a subscription uses.",
        (f"{COGNITIVE}/locations/usages/read",),
    ),
    Role(
        "53ca6127-db72-4b80-b1b0-d745d6d5456d",
        "Foundry User",
        "Reads accounts and projects and uses their data plane.",
        (
            f"{_AUTHORIZATION}/*/read",
            f"{COGNITIVE}/*/read",
            f"{COGNITIVE}/accounts/listkeys/action",
            *_SURROUNDINGS,
        ),
        data_actions=(f"{COGNITIVE}/*",),
        not_data_actions=_NO_DEPLOYING,
        former=("Azure AI User",),
    ),
    Role(
        "c883944f-8b7b-4483-af10-35834be79c4a",
        "Foundry Owner",
        "Manages accounts and projects and uses their data plane.",
        (f"{_AUTHORIZATION}/*/read", *_ASSIGN, f"{COGNITIVE}/*", *_SURROUNDINGS),
        data_actions=(f"{COGNITIVE}/*",),
        not_data_actions=(_IMPERSONATION,),
        former=("Azure AI Owner",),
    ),
    Role(
        "eadc314b-1a2d-4efa-be10-5d325db5065e",
        "Foundry Project Manager",
        "Manages projects and uses their data plane.",
        (
            *_ASSIGN,
            f"{COGNITIVE}/accounts/*/read",
            f"{COGNITIVE}/accounts/projects/*",
            f"{COGNITIVE}/locations/*/read",
            f"{_AUTHORIZATION}/*/read",
            "Microsoft.Resources/deployments/*",
            f"{_SUBSCRIPTIONS}/resourceGroups/read",
        ),
        data_actions=(f"{COGNITIVE}/*",),
        not_data_actions=_NO_DEPLOYING,
        former=("Azure AI Project Manager",),
    ),
    Role(
        "e47c6f54-e4a2-4754-9501-8e0985b135e1",
        "Foundry Account Owner",
        "Manages accounts and projects; nothing on the data plane.",
        (f"{_AUTHORIZATION}/*/read", *_ASSIGN, f"{COGNITIVE}/*", *_SURROUNDINGS),
        former=("Azure AI Account Owner",),
    ),
    Role(
        "64702f94-c441-49e6-a78b-ef80e0188fee",
        "Azure AI Developer",
        "Trains and asks models; deploys no fine-tuned ones.",
        (f"{_AUTHORIZATION}/*/read", "Microsoft.Resources/deployments/*"),
        data_actions=(f"{_OPENAI}/*", f"{COGNITIVE}/accounts/ContentSafety/*", f"{COGNITIVE}/accounts/MaaS/*"),
        not_data_actions=(f"{_OPENAI}/fine-tunes-deployments/write",),
    ),
    Role(
        "b78c5d69-af96-48a3-bf8d-a8b4d589de94",
        "Azure AI Administrator",
        "Manages AI resources and what they need; nothing on the data plane.",
        (f"{_AUTHORIZATION}/*/read", f"{COGNITIVE}/*", *_SURROUNDINGS, f"{_SUBSCRIPTIONS}/resourceGroups/write"),
    ),
    Role(
        "3afb7f49-54cb-416e-8c09-6dc049efa503",
        "Azure AI Inference Deployment Operator",
        "Makes template deployments in a resource group.",
        (f"{_AUTHORIZATION}/*/read", "Microsoft.Resources/deployments/*", "Microsoft.Insights/AutoscaleSettings/write"),
    ),
    Role(
        "eed3b665-ab3a-47b6-8f48-c9382fb1dad6",
        "Foundry Agent Consumer",
        "Talks to agents.",
        data_actions=(f"{COGNITIVE}/accounts/AIServices/endpoints/interact/action",),
    ),
)
_BY_ID = {role.id: role for role in ROLES}


def role(id_: str) -> Role | None:
    """By GUID, or by the id of a role definition at whatever scope."""
    return _BY_ID.get(id_.rstrip("/").rpartition("/")[2].lower())


def named(name: str) -> Role | None:
    """By its name or a former one, in any case."""
    wanted = name.casefold()
    return next((one for one in ROLES if wanted in {own.casefold() for own in (one.name, *one.former)}), None)


def allowed(azure: Azure, who: Principal, action: str, scope: str, *, data: bool = False) -> bool:
    """Whether a role of `who` (or of its groups) at or above `scope` grants `action`. Conditions are not evaluated."""
    late = azure.settings.propagation_seconds if data else 0.0
    if late:
        return _decided(azure, who, action, scope, data, azure.moment() - azure.seconds(late))
    key = ("allowed", who.id, action, scope, data)
    return azure.store.derived(key, lambda: _decided(azure, who, action, scope, data, math.inf))


def _decided(azure: Azure, who: Principal, action: str, scope: str, data: bool, effective: float) -> bool:  # noqa: FBT001  part of a key
    held = azure.store.derived(("held", who.id), lambda: _held(azure, who))
    return any(
        made <= effective and at_or_above(given, scope) and _grants(definition, action, data=data)
        for definition, given, made in held
    )


def _held(azure: Azure, who: Principal) -> list[tuple[str, str, float]]:
    """Roles that somebody has, with scope and beginning."""
    ids = identity.memberships(azure.store, who)
    every = [(one["properties"], one["_made"]) for one in azure.store.all("role_assignment")]
    return [(one["roleDefinitionId"], one["scope"], made) for one, made in every if one["principalId"] in ids]


def assigned(azure: Azure, who: Principal, scope: str) -> list[Doc]:
    """The assignments of somebody, or of a group above, that reach `scope`."""
    ids = identity.memberships(azure.store, who)
    every = (one["properties"] for one in azure.store.all("role_assignment"))
    return [one for one in every if one["principalId"] in ids and at_or_above(one["scope"], scope)]


def at_or_above(scope: str, below: str) -> bool:
    """Whether `scope` is `below` or holds it."""
    high, low = scope.rstrip("/").lower(), below.rstrip("/").lower()
    return low == high or low.startswith(f"{high}/")


@lru_cache(maxsize=4096)
def _grants(definition: str, action: str, *, data: bool) -> bool:
    one = role(definition)
    if one is None:
        return False
    yes, no = (one.data_actions, one.not_data_actions) if data else (one.actions, one.not_actions)
    return any(_covers(pattern, action) for pattern in yes) and not any(_covers(pattern, action) for pattern in no)


def _covers(pattern: str, action: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE))


def definition_id(one: Role) -> str:
    return f"/subscriptions/{identity.SUBSCRIPTION_ID}/providers/{_AUTHORIZATION}/roleDefinitions/{one.id}"


def assignment(azure: Azure, scope: str, name: str, properties: dict[str, Any], author: str) -> Doc:
    """A role assignment as it is stored, made now; `properties` are those sent."""
    now = azure.stamp()
    blank = dict.fromkeys(("condition", "conditionVersion", "delegatedManagedIdentityResourceId", "description"))
    made = {"createdOn": now, "updatedOn": now, "createdBy": author, "updatedBy": author}
    return {
        "id": f"{scope}/providers/{_AUTHORIZATION}/roleAssignments/{name}",
        "name": name,
        "type": f"{_AUTHORIZATION}/roleAssignments",
        "properties": {**blank, **properties, "scope": scope or "/", **made},
        "_made": azure.moment(),
    }


def seed_assignments(azure: Azure) -> None:
    """What the tenant's own principals may do from the start."""
    scope = f"/subscriptions/{identity.SUBSCRIPTION_ID}"
    grants = (
        (identity.FTCTL_LOCAL, "Owner"),
        (identity.MANAGED_IDENTITY, "Owner"),
        (identity.FTCTL_READER, "Reader"),
        (identity.FTCTL_READER, "Cognitive Services OpenAI User"),
    )
    for who, title in grants:
        one = named(title)
        assert one is not None
        name = str(uuid.uuid5(uuid.UUID(who.id), one.id))
        properties = {"roleDefinitionId": definition_id(one), "principalId": who.id, "principalType": who.kind}
        doc = assignment(azure, scope, name, properties, identity.FTCTL_LOCAL.id)
        doc["_made"] = 0.0  # long in effect, however slowly assignments spread
        azure.store.put("role_assignment", doc["id"], doc, parent=scope)
