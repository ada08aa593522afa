"""ARM: the projects of an account, to be read: those that it says are associated with it, and its default one."""

from __future__ import annotations

import uuid
from typing import Any

from ftctl.local import account_body, arm
from ftctl.local.store import Doc
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

_ACTION = f"{arm.PROVIDER}/accounts/projects/read"


@route("GET", f"{arm.ACCOUNT}/projects", plane=Plane.ARM, action=_ACTION)
def list_projects(request: Request) -> Reply:
    account = arm.account_to_read(request)
    return arm.collection([_shown(request, account, name) for name in names(account)])


@route("GET", f"{arm.ACCOUNT}/projects/{{project}}", plane=Plane.ARM, action=_ACTION)
def get_project(request: Request) -> Reply:
    account, wanted = arm.account_to_read(request), request.names["project"]
    name = next((one for one in names(account) if one.lower() == wanted.lower()), None)
    if name is None:
        path = f"{account['id']}/projects/{wanted}"
        raise Refusal(404, "NotFound", f"Specified resource '{path}' cannot be found.")
    body = _shown(request, account, name)
    return Reply(200, body, {"etag": body["etag"]})


def names(account: Doc) -> list[str]:
    """Only an account that manages projects has any."""
    properties = account["properties"]
    if account["kind"] != "AIServices" or not properties.get("allowProjectManagement"):
        return []
    default = properties.get("defaultProject")
    return list(dict.fromkeys([*([default] if default else []), *(properties.get("associatedProjects") or [])]))


def _shown(request: Request, account: Doc, name: str) -> dict[str, Any]:
    whole = account_body.shown(request, account)
    made = uuid.uuid5(uuid.UUID(account["_fixed"]["internalId"]), name.lower())
    identity = {"identity": account["identity"]} if "identity" in account else {}
    return {
        "id": f"{account['id']}/projects/{name}",
        "name": f"{account['name']}/{name}",
        "type": f"{arm.PROVIDER}/accounts/projects",
        "etag": f'"{uuid.uuid5(made, account["_etag"])}"',
        "location": account["location"],
        "kind": "AIServices",
        "properties": {
            "endpoints": {"AI Foundry API": f"{whole['properties']['endpoint']}api/projects/{name}"},
            "isDefault": account["properties"].get("defaultProject") == name,
            "internalId": made.hex,
            "provisioningState": whole["properties"]["provisioningState"],
        },
        **identity,
        "systemData": account["systemData"],
    }
