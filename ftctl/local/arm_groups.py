"""ARM: tenants, subscriptions and resource groups, with the deletion of a group and all that is in it."""

from __future__ import annotations

import re
from typing import Any

from ftctl.local import arm, catalog, identity, roles
from ftctl.local.store import Doc
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

_NAME = re.compile(r"[-\w.()]{0,89}[-\w()]")
_DELETION = 75  # of Azure's seconds, as recorded
_READ = "Microsoft.Resources/subscriptions/resourceGroups/read"
_WRITE = "Microsoft.Resources/subscriptions/resourceGroups/write"
_DELETE = "Microsoft.Resources/subscriptions/resourceGroups/delete"


@route("GET", "/tenants", plane=Plane.ARM)
def tenants(request: Request) -> Reply:  # noqa: ARG001  every handler takes one
    tenant = identity.TENANT_ID
    return arm.collection(
        [
            {
                "id": f"/tenants/{tenant}",
                "tenantId": tenant,
                "displayName": "ftctl local Azure",
                "tenantCategory": "Home",
                "defaultDomain": "local.example",
            }
        ]
    )


@route("GET", "/subscriptions", plane=Plane.ARM)
def subscriptions(request: Request) -> Reply:
    """Those on which, or below which, the caller has any role."""
    assert request.principal is not None
    ids = identity.memberships(request.azure.store, request.principal)
    known = any(one["properties"]["principalId"] in ids for one in request.azure.store.all("role_assignment"))
    return arm.collection([_subscription()] if known else [])


@route("GET", "/subscriptions/{subscription}", plane=Plane.ARM, action="Microsoft.Resources/subscriptions/read")
def subscription(request: Request) -> Reply:  # noqa: ARG001  every handler takes one
    return Reply(200, _subscription())


def _subscription() -> Doc:
    return {
        "id": arm.SUBSCRIPTION,
        "subscriptionId": identity.SUBSCRIPTION_ID,
        "tenantId": identity.TENANT_ID,
        "displayName": "ftctl local",
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


@route("GET", arm.GROUPS, plane=Plane.ARM)
def list_groups(request: Request) -> Reply:
    """The groups that the caller may read."""
    azure, who = request.azure, request.principal
    assert who is not None
    everything = [one for one in azure.store.all("group") if not arm.gone(azure, one)]
    return arm.collection([_shown(request, one) for one in everything if roles.allowed(azure, who, _READ, one["id"])])


@route("GET", arm.GROUP, plane=Plane.ARM, action=_READ)
def get_group(request: Request) -> Reply:
    group = arm.group_to_read(request.azure, request.names["group"])
    word = arm.state(request.azure, group)
    return Reply(200, arm.body_once(request, group, word, lambda: _shown(request, group)))


@route("HEAD", arm.GROUP, plane=Plane.ARM, action=_READ)
def check_group(request: Request) -> Reply:
    arm.group_to_read(request.azure, request.names["group"])
    return Reply(204)


@route("PUT", arm.GROUP, plane=Plane.ARM, action=_WRITE)
def put_group(request: Request) -> Reply:
    body, name, azure = request.json(), request.names["group"], request.azure
    if not _NAME.fullmatch(name):
        raise arm.invalid(f"The resource group name '{name}' is invalid.", "InvalidResourceGroupName")
    location, tags = arm.text(body.get("location"), "location"), arm.checked_tags(body.get("tags"))
    if not location:
        raise arm.invalid("The location property is required for this definition.", "LocationRequired")
    if catalog.normal(location) not in catalog.REGIONS:
        raise arm.invalid(
            f"The provided location '{location}' is not available for resource group.",
            "LocationNotAvailableForResourceGroup",
        )
    with azure.store.transaction():
        before = azure.store.get("group", arm.group_id(name))
        if before and arm.gone(azure, before):
            azure.store.delete("group", before["id"])
            before = None
        _check_change(request, before, location)
        doc: Doc = before or {"id": arm.group_id(name), "name": name, "location": location}
        doc |= {"type": "Microsoft.Resources/resourceGroups", "_tags": tags}
        if body.get("managedBy"):
            doc["managedBy"] = arm.text(body["managedBy"], "managedBy")
        azure.store.put("group", doc["id"], doc)
    return Reply(200 if before else 201, _shown(request, doc))


@route("PATCH", arm.GROUP, plane=Plane.ARM, action=_WRITE)
def patch_group(request: Request) -> Reply:
    body, azure = request.json(), request.azure
    with azure.store.transaction():
        doc = arm.existing_group(azure, request.names["group"])
        _check_change(request, doc, doc["location"])
        if "tags" in body:
            doc["_tags"] = arm.checked_tags(body["tags"])
        azure.store.put("group", doc["id"], doc)
    return Reply(200, _shown(request, doc))


@route("DELETE", arm.GROUP, plane=Plane.ARM, action=_DELETE)
def delete_group(request: Request) -> Reply:
    """All that is in it goes at once; the group itself is seen as `Deleting` for as long as Azure takes."""
    from ftctl.local import arm_accounts  # noqa: PLC0415  it needs this package's modules in turn

    azure = request.azure
    with azure.store.transaction():
        doc = arm.existing_group(azure, request.names["group"])
        for account in azure.store.all("account", doc["id"]):
            arm_accounts.soft_delete(azure, account)
        drop_assignments(request, doc["id"])
        arm.begin(azure, doc, "Deleting", _DELETION)
        azure.store.put("group", doc["id"], doc)
        name = arm.start_operation(azure, f"{arm.SUBSCRIPTION}/operationresults", "Deleting", doc["_until"])
    return _poll_again(request, name)


@route("GET", "/subscriptions/{subscription}/operationresults/{name}", plane=Plane.ARM)
def operation_result(request: Request) -> Reply:
    """202 while it runs, then 200 and nothing."""
    operation = request.azure.store.get("operation", request.names["name"])
    if operation is None:
        raise Refusal(404, "NotFound", f"The operation '{request.names['name']}' was not found.")
    if operation["until"] > request.azure.moment():
        return _poll_again(request, request.names["name"])
    return Reply(200)


def drop_assignments(request: Request, scope: str) -> None:
    """Role assignments end with what they are on."""
    for one in request.azure.store.all("role_assignment"):
        if roles.at_or_above(scope, one["properties"]["scope"]):
            request.azure.store.delete("role_assignment", one["id"])


def _poll_again(request: Request, name: str) -> Reply:
    location = f"{request.base_url}{arm.SUBSCRIPTION}/operationresults/{name}"
    version = request.query["api-version"]
    wait = arm.retry_after(request.azure) or {"Retry-After": "0"}  # the service's 0 makes SDKs wait for half a minute
    return Reply(202, None, {"Location": f"{location}?api-version={version}", **wait})


def _check_change(request: Request, before: Doc | None, location: str) -> None:
    if before is None:
        return
    if arm.state(request.azure, before) == "Deleting":
        raise Refusal(
            409,
            "ResourceGroupBeingDeleted",
            f"The resource group '{before['name']}' is in deprovisioning state and cannot perform this operation.",
        )
    if catalog.normal(before["location"]) != catalog.normal(location):
        raise Refusal(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{location}'. The Resource group already exists in location "
            f"'{before['location']}'.",
        )


def _shown(request: Request, doc: Doc) -> dict[str, Any]:
    body = arm.public(doc) | {"properties": {"provisioningState": arm.state(request.azure, doc)}}
    return body | ({"tags": doc["_tags"]} if doc["_tags"] else {})
