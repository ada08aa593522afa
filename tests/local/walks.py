"""Walks through every operation of the local Azure, for what the schemas say of each."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import requests

from ftctl.local import identity
from tests.local.conftest import Caller
from tests.local.plane import MODEL, chats, jsonl
from tests.local.replays import GROUP, PROVIDER, grant, lab, made
from tests.local.schemas import Bicep, Called

SUBSCRIPTION = f"/subscriptions/{identity.SUBSCRIPTION_ID}"
DATED = "2024-03-01-preview"
_READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CHAT_MODEL = {"format": "OpenAI", "name": "gpt-4o-mini", "version": "2024-07-18"}
DEPLOYMENT = {"sku": {"name": "GlobalStandard", "capacity": 1}, "properties": {"model": CHAT_MODEL}}
ACCOUNT = {
    "location": "swedencentral",
    "kind": "AIServices",
    "sku": {"name": "S0"},
    "identity": {"type": "SystemAssigned"},
    "tags": {"a": "b"},
    "properties": {
        "customSubDomainName": "acc-sub",
        "allowProjectManagement": True,
        "defaultProject": "one",
        "networkAcls": {"defaultAction": "Allow", "ipRules": [{"value": "127.0.0.1"}], "virtualNetworkRules": []},
    },
}


class Walk:
    """A caller that keeps what was answered well."""

    def __init__(self, arm: Caller) -> None:
        self.arm = arm
        self.calls: list[Called] = []

    def __call__(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        response = self.arm.call(method, path, body, **query)
        assert response.ok, f"{method} {path}: {response.status_code} {response.text[:300]}"
        return self._keep(method, path, response)

    def _keep(self, method: str, path: str, response: requests.Response) -> Any:
        body = response.json() if response.content and "json" in response.headers["Content-Type"] else None
        self.calls.append(Called(method, path, response.status_code, body))
        return body


def arm_walk(arm: Caller) -> list[Called]:
    """Each operation of accounts and what belongs to them, once or more."""
    walk = Walk(arm)
    provider = f"{SUBSCRIPTION}{PROVIDER}"
    location, account = f"{provider}/locations/swedencentral", f"{GROUP}/rg{PROVIDER}/accounts/acc"
    arm.put(f"{GROUP}/rg", {"location": "swedencentral"})
    walk("PUT", account, ACCOUNT)
    arm.azure.clock.advance(60)
    walk("PATCH", account, {"tags": {"c": "d"}})
    for path in ("", "/skus", "/models", "/deployments"):
        walk("GET", account + path)
    for path in (f"{provider}/accounts", f"{GROUP}/rg{PROVIDER}/accounts", f"{provider}/skus"):
        walk("GET", path)
    walk("POST", f"{account}/listKeys")
    walk("POST", f"{account}/regenerateKey", {"keyName": "Key1"})
    _deployment(walk, f"{account}/deployments/chat")
    walk("GET", f"{account}/usages")
    _capacity(walk, provider, location)
    walk("DELETE", f"{account}/deployments/chat")
    walk("DELETE", account)
    walk("GET", f"{provider}/deletedAccounts")
    deleted = f"{location}/resourceGroups/rg/deletedAccounts/acc"
    walk("GET", deleted)
    walk("DELETE", deleted)
    return walk.calls


def _deployment(walk: Walk, path: str) -> None:
    walk("PUT", path, DEPLOYMENT)
    walk("PATCH", path, {"tags": {"a": "b"}, "sku": {"name": "GlobalStandard", "capacity": 2}})
    for rest in ("", "/skus"):
        walk("GET", path + rest)
    for action in ("pause", "resume"):
        walk("POST", f"{path}/{action}")


def _capacity(walk: Walk, provider: str, location: str) -> None:
    model = {f"model{name.capitalize()}": value for name, value in CHAT_MODEL.items()}
    for path in (f"{provider}/modelCapacities", f"{location}/modelCapacities"):
        walk("GET", path, **model)
    for path in (f"{location}/models", f"{location}/usages"):
        walk("GET", path)
    kind = {"type": "Microsoft.CognitiveServices/accounts", "kind": "OpenAI"}
    walk("POST", f"{provider}/checkDomainAvailability", {"subdomainName": "x-y"} | kind)
    walk("POST", f"{location}/checkSkuAvailability", {"skus": ["S0", "F0"]} | kind)
    workload = {"requestPerMinute": 10, "requestParameters": {"avgPromptTokens": 10, "avgGeneratedTokens": 10}}
    body = {"model": CHAT_MODEL, "skuName": "GlobalStandard", "workloads": [workload]}
    walk("POST", f"{provider}/calculateModelCapacity", body)
    tier = f"{provider}/quotaTiers/default"
    for method in ("PUT", "PATCH"):
        walk(method, tier, {"properties": {"tierUpgradePolicy": "NoAutoUpgrade"}})
    for path in (tier, f"{provider}/quotaTiers"):
        walk("GET", path)


def role_walk(arm: Caller) -> list[Called]:
    """Role assignments on an account, its group and its subscription."""
    walk = Walk(arm)
    account = made(arm, "rg", "acc", "swedencentral")
    for scope in (SUBSCRIPTION, f"{GROUP}/rg", account):
        assignments = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        one = f"{assignments}/{uuid.uuid5(uuid.NAMESPACE_URL, scope)}"
        properties = {"roleDefinitionId": _READER, "principalId": identity.LIN.id, "principalType": "User"}
        for _ in range(2):
            walk("PUT", one, {"properties": properties})
        for path in (one, assignments):
            walk("GET", path)
        for _ in range(2):
            walk("DELETE", one)
    return walk.calls


# --- what a body must have, and what it cannot set


def required(about: str, bicep: Bicep, name: str, body: dict[str, Any]) -> Iterator[str]:
    """Without what is required a resource is refused; the name is in the address and cannot be left out."""
    with lab() as arm:
        paths = _places(arm)
        for path in bicep.required(body, bicep.resource(name)):
            if path == ("name",):
                continue
            status = arm.put(paths[name], _without(body, path)).status_code
            if status != 400:
                yield f"{about}: other without {'.'.join(path)} 400 -> {status}"
        status = arm.put(paths[name], body).status_code
        if status not in (200, 201):
            yield f"{about}: other whole 201 -> {status}"


def read_only(about: str, bicep: Bicep, name: str, body: dict[str, Any]) -> Iterator[str]:
    """What the service alone sets is not taken from a request, and is no reason to refuse it."""
    resource = bicep.resource(name)
    properties = bicep.read_only(bicep.of(resource["properties"]["properties"]))
    with lab() as arm:
        path = _places(arm)[name]
        whole = body | {"properties": {key: _nonsense(one) for key, one in properties.items()} | body["properties"]}
        response = arm.put(path, whole)
        if not response.ok:
            yield f"{about}: other with read-only properties 201 -> {response.status_code}"
            return
        shown = response.json()["properties"]
        for key, one in properties.items():
            if key in shown and shown[key] == _nonsense(one):
                yield f"{about}: more settable {key}"


def _places(arm: Caller) -> dict[str, str]:
    account = made(arm, "rg", "parent", "swedencentral")
    assignment = f"{account}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    return {
        "Microsoft.CognitiveServices/accounts": f"{GROUP}/rg{PROVIDER}/accounts/acc",
        "Microsoft.CognitiveServices/accounts/deployments": f"{account}/deployments/chat",
        "Microsoft.Authorization/roleAssignments": assignment,
    }


def _without(body: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    left = json.loads(json.dumps(body))
    at = left
    for part in path[:-1]:
        at = at[part]
        at = at[0] if isinstance(at, list) else at
    at.pop(path[-1], None)
    return left


def _nonsense(type_: dict[str, Any]) -> Any:
    match type_["$type"]:
        case "ArrayType":
            return [{"name": "nonsense"}]
        case "ObjectType":
            return {}
        case "BooleanType":
            return True
        case "IntegerType":
            return 77
        case _:
            return "nonsense"


# --- the data plane


def data_walk(arm: Caller) -> list[Called]:
    """Files, jobs and models on the dated route, with what is missing asked for too."""
    account = made(arm, "rg", "acc", "swedencentral", properties={"customSubDomainName": "acc-sub"})
    data = Data(arm, account)
    train = data.upload("train.jsonl", jsonl(chats(12)))
    valid = data.upload("valid.jsonl", jsonl(chats(10, first=20)))
    bad = data.upload("bad.jsonl", b"not json\n")
    arm.azure.clock.advance(60)
    order = {"model": MODEL, "training_file": train["id"], "validation_file": valid["id"], "trainingType": "standard"}
    data("POST", "/fine_tuning/jobs", order)
    job = data("POST", "/fine_tuning/jobs", order | {"suffix": "tone"})
    data("POST", f"/fine_tuning/jobs/{job['id']}/cancel")
    arm.azure.clock.advance(86_400)
    jobs = data("GET", "/fine_tuning/jobs")["data"]
    done = next(one for one in jobs if one["status"] == "succeeded")
    for path in ("", "/events", "/checkpoints"):
        data("GET", f"/fine_tuning/jobs/{done['id']}{path}")
    models = data("GET", "/models")["data"]
    for model in (models[0]["id"], done["fine_tuned_model"]):
        data("GET", f"/models/{model}")
    for path in ("/files", f"/files/{train['id']}", f"/files/{bad['id']}", f"/files/{train['id']}/content"):
        data("GET", path)
    data(
        "POST", "/files/import", {"purpose": "fine-tune", "filename": "x.jsonl", "content_url": "https://127.0.0.1:9/x"}
    )
    for path in ("/files/file-none", "/fine_tuning/jobs/ftjob-none", "/models/none"):
        data("GET", path, fine=False)
    data("DELETE", f"/fine_tuning/jobs/{job['id']}")
    data("DELETE", f"/files/{train['id']}")
    return data.calls


class Data:
    """A caller of an account's dated route, by key."""

    def __init__(self, arm: Caller, account: str, version: str = DATED) -> None:
        keys = arm.call("POST", f"{account}/listKeys").json()
        self.arm, self.calls, self.version = arm, [], version
        self.headers = {"api-key": keys["key1"]}

    def __call__(self, method: str, path: str, body: Any = None, *, fine: bool = True) -> Any:
        return self._send(method, path, fine=fine, json=body)

    def upload(self, name: str, content: bytes) -> Any:
        files = {"file": (name, content, "application/jsonl")}
        return self._send("POST", "/files", data={"purpose": "fine-tune"}, files=files)

    def _send(self, method: str, path: str, *, fine: bool = True, **given: Any) -> Any:
        response = self.arm.session.request(
            method,
            f"{self.arm.served.url}/cognitiveservices/acc-sub/openai{path}",
            params={"api-version": self.version},
            headers=self.headers,
            verify=self.arm.served.ca_file,
            timeout=30,
            **given,
        )
        assert response.ok is fine, f"{method} {path}: {response.status_code} {response.text[:300]}"
        json_ = "json" in response.headers.get("Content-Type", "") and not path.endswith("/content")
        body = response.json() if response.content and json_ else None
        self.calls.append(Called(method, f"/openai{path}", response.status_code, body))
        return body


__all__ = ["arm_walk", "data_walk", "grant", "read_only", "required", "role_walk"]
