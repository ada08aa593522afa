"""The recordings of `../shared/azure`, and the same requests to the local Azure: pairs of answers to be compared."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import requests

from ftctl.core.clock import ManualClock
from ftctl.local import identity
from ftctl.local.azure import Azure, Settings
from tests.local.conftest import Caller
from tests.local.shapes import REFERENCE, answer

GROUP = f"/subscriptions/{identity.SUBSCRIPTION_ID}/resourceGroups"
PROVIDER = "/providers/Microsoft.CognitiveServices"
S0 = {"kind": "OpenAI", "sku": {"name": "S0"}, "properties": {}}


class Pair(NamedTuple):
    about: str
    theirs: dict[str, Any]
    ours: dict[str, Any]


@contextmanager
def lab() -> Iterator[Caller]:
    """A local Azure as faithful as it can be, on its own clock."""
    azure = Azure(None, clock=ManualClock(), settings=Settings(pace=1, faithful=True))
    with azure.serve() as served, requests.Session() as session:
        grant(Caller(azure, served, session), identity.ADA, "8e3af657-a8ff-443c-a75c-2fe8c4bcb635")
        yield Caller(azure, served, session, identity.ADA)  # the recordings were made by a user
    azure.close()


def grant(arm: Caller, who: identity.Principal, role: str) -> None:
    properties = {"roleDefinitionId": role, "principalId": who.id, "principalType": who.kind}
    scope = f"/subscriptions/{identity.SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleAssignments"
    name = uuid.uuid5(uuid.UUID(who.id), role)
    assert arm.put(f"{scope}/{name}", {"properties": properties}).status_code == 201


def recording(name: str) -> Any:
    return json.loads((REFERENCE / "recordings" / f"{name}.json").read_text("utf-8"))


def seen(response: requests.Response) -> dict[str, Any]:
    body = response.json() if response.content else None
    return answer(response.status_code, response.headers, body)


def recorded(interaction: dict[str, Any]) -> dict[str, Any]:
    response = interaction["response"]
    return answer(response["status"], response.get("headers", ()), response["body"] or None)


def mapped(url: str) -> tuple[str, dict[str, str]]:
    """A recorded address as one of the local subscription."""
    parts = urlsplit(url)
    path = re.sub(r"(?<=/subscriptions/)[^/]+", identity.SUBSCRIPTION_ID, parts.path)
    return path, dict(parse_qsl(parts.query))


def made(arm: Caller, group: str, name: str, location: str, **account: Any) -> str:
    """An account that is ready; its ARM id."""
    assert arm.put(f"{GROUP}/{group}", {"location": location}).status_code in (200, 201)
    path = f"{GROUP}/{group}{PROVIDER}/accounts/{name}"
    assert arm.put(path, S0 | {"location": location} | account).status_code == 201
    arm.azure.clock.advance(60)
    return path


def lifecycle(arm: Caller) -> Iterator[Pair]:
    """An account and its deployment, from creation to deletion."""
    arm.put(f"{GROUP}/clitest.rg000001", {"location": "japaneast"})
    operation = ""
    for number, one in enumerate(recording("account_deployment_lifecycle")["interactions"]):
        request = one["request"]
        path, query = mapped(request["url"])
        path = operation if "operationResults" in path else path
        response = arm.call(request["method"], path, request["body"], **({} if "?" in path else query))
        operation = response.headers.get("azure-asyncoperation", operation)
        arm.azure.clock.advance(2)
        yield Pair(
            f"lifecycle {number} {request['method']} {path.split('?')[0].split('/')[-2]}", recorded(one), seen(response)
        )


def subdomain(arm: Caller) -> Iterator[Pair]:
    """The polls of a creation that takes half a minute."""
    arm.put(f"{GROUP}/rg", {"location": "southcentralus"})
    body = S0 | {"location": "SOUTHCENTRALUS", "properties": {"customSubDomainName": "slow"}}
    poll = arm.put(f"{GROUP}/rg{PROVIDER}/accounts/slow", body).headers["azure-asyncoperation"]
    for number, one in enumerate(recording("account_custom_subdomain_lro")["interactions"]):
        yield Pair(f"subdomain {number}", recorded(one), seen(arm.get(poll)))
        arm.azure.clock.advance(30)


def role_assignment(arm: Caller) -> Iterator[Pair]:
    arm.put(f"{GROUP}/clitest.rg000001", {"location": "westus"})
    for number, one in enumerate(recording("role_assignment_create")["interactions"]):
        path, query = mapped(one["request"]["url"])
        body = one["request"].get("body")
        response = arm.call(one["request"]["method"], path, body, **query)
        yield Pair(f"role assignment {number}", recorded(one), seen(response))


def roles_and_assignments(arm: Caller) -> Iterator[Pair]:
    """Those of one user, and the definitions of the roles: whose wording is ours, whose rights must be theirs."""
    grant(arm, identity.ADA, "b24988ac-6180-42a0-ab88-20f7382dd24c")
    for one in recording("role_assignments_assignedTo_and_definitions"):
        place, query = mapped(one["request"]["url"])
        if "$filter" in query:
            query["$filter"] = f"assignedTo('{identity.ADA.id}')"
        response = arm.get(place, **query)
        name = place.rpartition("/")[2]
        yield Pair(f"roles {name}", recorded(one), seen(response))
        if response.ok and "permissions" in one["response"]["body"].get("properties", {}):
            yield Pair(f"rights {name}", *map(_rights, (one["response"]["body"], response.json())))


def _rights(body: dict[str, Any]) -> dict[str, Any]:
    permission = body["properties"]["permissions"][0] if "properties" in body else body["permissions"][0]
    kinds = ("actions", "notActions", "dataActions", "notDataActions")
    return {kind: dict.fromkeys(sorted(one.lower() for one in permission[kind] or ()), "right") for kind in kinds}


def built_in_roles(arm: Caller) -> Iterator[Pair]:
    """Every role that we have, right by right."""
    listed = arm.get("/providers/Microsoft.Authorization/roleDefinitions").json()["value"]
    theirs = json.loads((REFERENCE / "roles" / "builtin_roles_selected.json").read_text("utf-8"))
    by_id = {role["name"]: role for role in theirs}
    for role in listed:
        yield Pair(f"role {role['properties']['roleName']}", _rights(by_id[role["name"]]), _rights(role))


def resource_group(arm: Caller) -> Iterator[Pair]:
    first, last = recording("resource_group_lifecycle")
    path, query = mapped(first["request"]["url"])
    arm.put(path, {"location": "eastus2"})
    gone = arm.call("DELETE", path, **query)
    yield Pair("group deletion", recorded(first), seen(gone))
    arm.azure.clock.advance(76)
    yield Pair("group deleted", recorded(last), seen(arm.get(gone.headers["location"])))


def account(arm: Caller) -> Iterator[Pair]:
    """An account of Foundry with its project, and its deployments."""
    properties = {
        "customSubDomainName": "test-ai-account-000",
        "networkAcls": {"defaultAction": "Allow", "virtualNetworkRules": [], "ipRules": []},
        "allowProjectManagement": True,
        "defaultProject": "test-proj0",
        "associatedProjects": ["test-proj0"],
        "disableLocalAuth": False,
    }
    more = {"kind": "AIServices", "identity": {"type": "SystemAssigned"}, "properties": properties}
    made(arm, "rg-test-agents-recording-0000000000000000000", "test-ai-account-000", "canadacentral", **more)
    for name in ("account_get", "project_get", "deployments_list_empty"):
        one = recording(f"2026-06-22_{name}")
        path, query = mapped(one["request"]["url"])
        yield Pair(name, recorded(one), seen(arm.get(path, **query)))


def models(arm: Caller) -> Iterator[Pair]:
    """Each model that we have, beside what was recorded of it: names and types, and the facts as they are."""
    one = recording("2026-04-23_eastus2_models")
    path, query = mapped(one["request"]["url"])
    response = arm.get(path, **query)
    listed = {(item["name"], item["kind"]): item for item in one["response"]["body"]["value"]}
    ours = {(item["name"], item["kind"]): item for item in response.json()["value"]}
    kept = [listed[key] for key in ours if key in listed]
    theirs = one["response"] | {"body": {"value": kept}}
    yield Pair("models", recorded(one | {"response": theirs}), seen(response))
    yield Pair("models listed", *({"body": dict.fromkeys(map(str, sorted(one)), "there")} for one in (listed, ours)))
    for key, item in ours.items():
        if key in listed:
            yield Pair(f"model {' '.join(key)}", _facts(listed[key]["model"]), _facts(item["model"]))


def _facts(model: dict[str, Any]) -> dict[str, Any]:
    skus = {
        sku["usageName"]: {
            "name": sku["name"],
            "retires": sku.get("deprecationDate", "")[:10],
            "rates": json.dumps(sku.get("rateLimits"), sort_keys=True),
            **{name: str(value) for name, value in sku["capacity"].items()},
        }
        for sku in model["skus"]
    }
    names = ("isDefaultVersion", "lifecycleStatus", "maxCapacity")
    facts = {name: str(model[name]) for name in names}
    return facts | {"skus": skus, "capabilities": model["capabilities"], "deprecation": model["deprecation"]}


def usages(arm: Caller) -> Iterator[Pair]:
    """The list, and limit and title of each quota that we know."""
    one = recording("2026-04-23_eastus2_usages")
    path, query = mapped(one["request"]["url"])
    response = arm.get(path, **query)
    yield Pair("usages", recorded(one), seen(response))

    def facts(body: dict[str, Any]) -> dict[str, Any]:
        return {item["name"]["value"]: f"{item['limit']} {item['name']['localizedValue']}" for item in body["value"]}

    theirs, ours = facts(one["response"]["body"]), facts(response.json())
    yield Pair("quotas", {name: theirs[name] for name in ours if name in theirs}, ours)


ALL = (
    lifecycle,
    subdomain,
    role_assignment,
    roles_and_assignments,
    built_in_roles,
    resource_group,
    account,
    models,
    usages,
)
