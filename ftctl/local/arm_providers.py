"""ARM: what clients ask before anything else: resource providers with their types and versions, and the regions."""

from __future__ import annotations

from typing import Any

from ftctl.local import arm, catalog
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

_VERSIONS = [
    "2026-09-15-preview",
    "2026-09-01",
    "2026-07-15-preview",
    "2026-07-01",
    "2026-05-15-preview",
    "2026-05-01",
    "2026-03-15-preview",
    "2026-03-01",
    "2026-01-15-preview",
    "2025-12-01",
    "2025-10-01-preview",
    "2025-09-01",
    "2025-06-01",
    "2024-10-01",
    "2023-05-01",
    "2017-04-18",
]
_TYPES: dict[str, dict[str, tuple[list[str], bool]]] = {
    # Each type's api versions, and whether it stands in a region.
    arm.PROVIDER: {
        "accounts": (_VERSIONS, True),
        "accounts/deployments": (_VERSIONS, True),
        "accounts/projects": (_VERSIONS, True),
        "accounts/models": (_VERSIONS, False),
        "accounts/skus": (_VERSIONS, False),
        "accounts/usages": (_VERSIONS, False),
        "calculateModelCapacity": (_VERSIONS, False),
        "checkDomainAvailability": (_VERSIONS, False),
        "deletedAccounts": (_VERSIONS, False),
        "locations": (_VERSIONS, False),
        "locations/checkSkuAvailability": (_VERSIONS, True),
        "locations/modelCapacities": (_VERSIONS, True),
        "locations/models": (_VERSIONS, True),
        "locations/operationResults": (_VERSIONS, True),
        "locations/usages": (_VERSIONS, True),
        "modelCapacities": (_VERSIONS, False),
        "quotaTiers": (_VERSIONS, False),
        "skus": (_VERSIONS, False),
    },
    "Microsoft.Authorization": {
        "permissions": (["2022-04-01", "2018-07-01", "2015-07-01"], False),
        "roleAssignments": (["2022-04-01", "2020-10-01-preview", "2015-07-01"], False),
        "roleDefinitions": (["2022-05-01-preview", "2022-04-01", "2015-07-01"], False),
    },
    "Microsoft.Resources": {
        "resourceGroups": (["2024-11-01", "2022-09-01", "2021-04-01"], True),
        "subscriptions": (["2022-12-01", "2021-01-01", "2020-01-01"], False),
        "tenants": (["2022-12-01", "2020-01-01"], False),
    },
}
_PROVIDERS = "/subscriptions/{subscription}/providers"
_READ = "Microsoft.Resources/subscriptions/providers/read"
_REGISTER = "Microsoft.Resources/subscriptions/providers/register/action"


@route("GET", "/providers", plane=Plane.ARM)
def tenant_providers(request: Request) -> Reply:  # noqa: ARG001  every handler takes one
    return arm.collection([_shown(name, "") for name in _TYPES])


@route("GET", "/providers/{namespace}", plane=Plane.ARM)
def tenant_provider(request: Request) -> Reply:
    return Reply(200, _shown(_namespace(request), ""))


@route("GET", _PROVIDERS, plane=Plane.ARM, action=_READ)
def providers(request: Request) -> Reply:  # noqa: ARG001  every handler takes one
    return arm.collection([_shown(name, arm.SUBSCRIPTION) for name in _TYPES])


@route("GET", f"{_PROVIDERS}/{{namespace}}", plane=Plane.ARM, action=_READ)
@route("POST", f"{_PROVIDERS}/{{namespace}}/register", plane=Plane.ARM, action=_REGISTER)
def provider(request: Request) -> Reply:
    """Registered it is, from the start."""
    return Reply(200, _shown(_namespace(request), arm.SUBSCRIPTION))


_LOCATIONS = "/subscriptions/{subscription}/locations"


@route("GET", _LOCATIONS, plane=Plane.ARM, action="Microsoft.Resources/subscriptions/read")
def locations(request: Request) -> Reply:  # noqa: ARG001  every handler takes one
    """The regions of the catalogue; their names for people are those for machines."""
    return arm.collection(
        [
            {
                "id": f"{arm.SUBSCRIPTION}/locations/{region}",
                "name": region,
                "type": "Region",
                "displayName": region,
                "regionalDisplayName": region,
                "metadata": {"regionType": "Physical", "regionCategory": "Other"},
            }
            for region in sorted(catalog.REGIONS)
        ]
    )


def _namespace(request: Request) -> str:
    wanted = request.names["namespace"]
    name = next((one for one in _TYPES if one.lower() == wanted.lower()), None)
    if name is None:
        raise Refusal(404, "InvalidResourceNamespace", f"The resource namespace '{wanted}' is invalid.")
    return name


def _shown(namespace: str, scope: str) -> dict[str, Any]:
    regions = sorted(catalog.REGIONS)
    types = [
        {
            "resourceType": name,
            "locations": regions if regional else [],
            "apiVersions": versions,
            "capabilities": "SupportsTags, SupportsLocation" if name in {"accounts", "resourceGroups"} else "None",
        }
        for name, (versions, regional) in _TYPES[namespace].items()
    ]
    body = {"namespace": namespace, "resourceTypes": types}
    if not scope:
        return body
    state = {"registrationState": "Registered", "registrationPolicy": "RegistrationRequired"}
    return {"id": f"{scope}/providers/{namespace}", **body, **state}
