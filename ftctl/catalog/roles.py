"""Azure's built-in roles that matter to fine-tuning: GUIDs, all their names, and what they may do.

As of 22 August 2026. Roles get renamed, so a role is known by its GUID and answers to every name it has had.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ALL = ("Microsoft.CognitiveServices/*",)
_OPENAI = "Microsoft.CognitiveServices/accounts/OpenAI"
_DEPLOYING = f"{_OPENAI}/fine-tunes-deployments/write"
_ASSIGNING = ("Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete")
_NOT_DEPLOYING = (
    _DEPLOYING,
    "Microsoft.CognitiveServices/accounts/AIServices/fine_tuning_deployments/write",
    "Microsoft.CognitiveServices/accounts/AIServices/agents/endpoints/UserIdentityImpersonation/action",
)


@dataclass(frozen=True, slots=True)
class Role:
    """A built-in role. `data` and `not_data` are patterns of data actions that it gives and takes back, `control` and
    `not_control` those of actions in Azure Resource Manager, as far as they are about what ftctl changes.
    """

    name: str
    id: str
    former: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    not_data: tuple[str, ...] = ()
    control: tuple[str, ...] = ()
    not_control: tuple[str, ...] = ()

    def gives(self, action: str) -> bool:
        """Whether the role allows a data action."""
        return _any(self.data, action) and not _any(self.not_data, action)

    def manages(self, action: str) -> bool:
        """Whether the role allows an action in Azure Resource Manager."""
        return _any(self.control, action) and not _any(self.not_control, action)


def _any(patterns: tuple[str, ...], action: str) -> bool:
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE) for pattern in patterns
    )


# The order is that of advice: the narrowest role for the work comes first.
ROLES: tuple[Role, ...] = (
    Role(
        "Cognitive Services OpenAI User",
        "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd",
        data=(
            f"{_OPENAI}/*/read",
            f"{_OPENAI}/engines/completions/action",
            f"{_OPENAI}/engines/search/action",
            f"{_OPENAI}/engines/generate/action",
            f"{_OPENAI}/deployments/audio/action",
            f"{_OPENAI}/deployments/search/action",
            f"{_OPENAI}/deployments/completions/action",
            f"{_OPENAI}/deployments/chat/completions/action",
            f"{_OPENAI}/deployments/realtime/action",
            f"{_OPENAI}/deployments/extensions/chat/completions/action",
            f"{_OPENAI}/deployments/embeddings/action",
            f"{_OPENAI}/images/generations/action",
            f"{_OPENAI}/video/generations/*/action",
            f"{_OPENAI}/video/generations/*/delete",
            f"{_OPENAI}/assistants/*",
            f"{_OPENAI}/responses/*",
        ),
        not_data=(f"{_OPENAI}/stored-completions/read",),
    ),
    Role(
        "Cognitive Services OpenAI Contributor",
        "a001fd3d-188f-4b5d-821b-7da978bf7442",
        data=(f"{_OPENAI}/*",),
        control=(
            "Microsoft.CognitiveServices/accounts/deployments/write",
            "Microsoft.CognitiveServices/accounts/deployments/delete",
        ),
    ),
    Role("Cognitive Services User", "a97b65f3-24c7-4388-baec-2e87135dc908", data=_ALL, not_data=_NOT_DEPLOYING),
    Role(
        "Foundry User",
        "53ca6127-db72-4b80-b1b0-d745d6d5456d",
        former=("Azure AI User",),
        data=_ALL,
        not_data=_NOT_DEPLOYING,
    ),
    Role(
        "Foundry Owner",
        "c883944f-8b7b-4483-af10-35834be79c4a",
        former=("Azure AI Owner",),
        data=_ALL,
        not_data=_NOT_DEPLOYING[2:],
        control=(*_ALL, *_ASSIGNING),
    ),
    Role(
        "Foundry Project Manager",
        "eadc314b-1a2d-4efa-be10-5d325db5065e",
        former=("Azure AI Project Manager",),
        data=_ALL,
        not_data=_NOT_DEPLOYING,
    ),
    Role(
        "Cognitive Services Data Reader",
        "b59867f0-fa02-499b-be73-45a86b5b3e1c",
        former=("Cognitive Services Data Reader (Preview)",),
        data=("Microsoft.CognitiveServices/*/read",),
    ),
    Role(
        "Azure AI Developer",
        "64702f94-c441-49e6-a78b-ef80e0188fee",
        data=(
            f"{_OPENAI}/*",
            "Microsoft.CognitiveServices/accounts/SpeechServices/*",
            "Microsoft.CognitiveServices/accounts/ContentSafety/*",
            "Microsoft.CognitiveServices/accounts/MaaS/*",
        ),
        not_data=(_DEPLOYING,),
    ),
    Role(
        "Foundry Agent Consumer",
        "eed3b665-ab3a-47b6-8f48-c9382fb1dad6",
        data=("Microsoft.CognitiveServices/accounts/AIServices/endpoints/interact/action",),
    ),
    Role("Cognitive Services Contributor", "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68", control=_ALL),
    Role("Cognitive Services Usages Reader", "bba48692-92b0-4667-a9ad-c31c7b334ac2"),
    Role(
        "Foundry Account Owner",
        "e47c6f54-e4a2-4754-9501-8e0985b135e1",
        former=("Azure AI Account Owner",),
        control=_ALL,  # and role assignments of two roles, under a condition
    ),
    Role(
        "Azure AI Administrator",
        "b78c5d69-af96-48a3-bf8d-a8b4d589de94",
        control=(*_ALL, "Microsoft.Resources/subscriptions/resourceGroups/write"),
    ),
    Role("Azure AI Inference Deployment Operator", "3afb7f49-54cb-416e-8c09-6dc049efa503"),
    Role("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", control=("*",)),
    Role(
        "Contributor",
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        control=("*",),
        not_control=("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"),
    ),
    Role("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
    Role(
        "User Access Administrator",
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        control=("Microsoft.Authorization/*",),
    ),
    Role(
        "Role Based Access Control Administrator",
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        former=("RBAC Administrator", "Role Based Access Control Administrator (Preview)"),
        control=_ASSIGNING,
    ),
)

# For advice about Azure Resource Manager, the narrowest first.
_BREADTH = [
    "Cognitive Services OpenAI Contributor",
    "Cognitive Services Contributor",
    "Role Based Access Control Administrator",
    "User Access Administrator",
    "Foundry Account Owner",
    "Foundry Owner",
    "Contributor",
    "Azure AI Administrator",
    "Owner",
]
_BY_NAME: Mapping[str, Role] = {word.casefold(): role for role in ROLES for word in (role.name, role.id, *role.former)}


def find_role(name_or_guid: str) -> Role | None:
    """The role of a name (new or old, any case) or GUID; None for one that is not in the table."""
    return _BY_NAME.get(" ".join(name_or_guid.split()).casefold())


def names() -> list[str]:
    """Every name that `find_role` knows, for completion and did-you-mean."""
    return [word for role in ROLES for word in (role.name, *role.former)]


def roles_that_manage(action: str) -> list[str]:
    """Names of the roles that allow an action in Azure Resource Manager, the narrowest first."""
    return sorted((role.name for role in ROLES if role.manages(action)), key=_BREADTH.index)


def roles_that_give(action: str) -> list[str]:
    """Names of the roles that allow a data action, the most fitting first."""
    return [role.name for role in ROLES if role.gives(action)]
