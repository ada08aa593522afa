"""ARM: what a resource group or the subscription holds, whatever its kind."""

from __future__ import annotations

import re

from ftctl.local import account_body, arm
from ftctl.local.store import Doc
from ftctl.local.wire import Plane, Reply, Request, route

_LISTED = ("id", "name", "type", "kind", "location", "sku", "tags")
_READ = "Microsoft.Resources/subscriptions/resourceGroups/resources/read"
_TERM = re.compile(r"(resourceGroup|resourceType|name|location) eq '((?:[^']|'')*)'", re.IGNORECASE)


@route("GET", f"{arm.GROUP}/resources", plane=Plane.ARM, action=_READ)
def resources(request: Request) -> Reply:
    """Accounts are the only resources here that stand in a group themselves; soft-deleted ones do not count."""
    group = arm.group_to_read(request.azure, request.names["group"])
    return _listed(request, request.azure.store.all("account", group["id"]))


@route(
    "GET",
    "/subscriptions/{subscription}/resources",
    plane=Plane.ARM,
    action="Microsoft.Resources/subscriptions/resources/read",
)
def every_resource(request: Request) -> Reply:
    return _listed(request, request.azure.store.all("account"))


def _listed(request: Request, accounts: list[Doc]) -> Reply:
    """Those that the filter lets through: equalities joined by `and`, as the Azure CLI sends them."""
    condition = request.query.get("$filter", "").strip()
    terms = [_TERM.fullmatch(term.strip()) for term in re.split(r" and ", condition, flags=re.IGNORECASE) if term]
    if not all(terms):
        raise arm.invalid(f"The filter '{condition}' is not supported.", "UnsupportedQuery")
    wanted = {term[1].lower(): term[2].replace("''", "'").lower() for term in terms if term}
    bodies = (account_body.shown(request, doc) for doc in accounts)
    chosen = (body for body in bodies if all(_property(body, name) == text for name, text in wanted.items()))
    return arm.collection([{key: body[key] for key in _LISTED if key in body} for body in chosen])


def _property(body: Doc, name: str) -> str:
    match name:
        case "resourcegroup":
            return str(body["id"]).split("/")[4].lower()
        case "resourcetype":
            return str(body["type"]).lower()
    return str(body[name]).lower()
