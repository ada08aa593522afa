"""ARM: what a resource group holds, whatever its kind."""

from __future__ import annotations

from ftctl.local import arm
from ftctl.local.wire import Plane, Reply, Request, route

_LISTED = ("id", "name", "type", "kind", "location", "sku", "tags")
_READ = "Microsoft.Resources/subscriptions/resourceGroups/resources/read"


@route("GET", f"{arm.GROUP}/resources", plane=Plane.ARM, action=_READ)
def resources(request: Request) -> Reply:
    """Accounts are the only resources here that stand in a group themselves; soft-deleted ones do not count."""
    group = arm.group_to_read(request.azure, request.names["group"])
    accounts = request.azure.store.all("account", group["id"])
    return arm.collection([{key: body[key] for key in _LISTED if key in body} for body in accounts])
