"""Whatever is sent to ARM, Entra and Graph: an answer of theirs, and never a 500."""

from __future__ import annotations

import copy
import io
import json
import re
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftctl.core.clock import ManualClock
from ftctl.local import identity
from ftctl.local.azure import Azure, _compiled_routes
from ftctl.local.wire import ROUTES, Plane, Reply, Request

BASE = "https://127.0.0.1:1"
AUDIENCES = {Plane.ARM: "https://management.azure.com", Plane.GRAPH: "https://graph.microsoft.com"}
MODEL = {"format": "OpenAI", "name": "gpt-4o-mini", "version": "2024-07-18"}
NAMES = {
    "subscription": identity.SUBSCRIPTION_ID,
    "group": "rg",
    "account": "acc",
    "deployment": "chat",
    "location": "swedencentral",
    "project": "one",
    "tier": "default",
    "namespace": "Microsoft.CognitiveServices",
    "tenant": identity.TENANT_ID,
    "scope": f"subscriptions/{identity.SUBSCRIPTION_ID}",
    "name": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "id": identity.ADA.id,
}
ACCOUNT = {
    "location": "swedencentral",
    "kind": "AIServices",
    "sku": {"name": "S0"},
    "identity": {"type": "SystemAssigned"},
    "tags": {"a": "b"},
    "properties": {
        "customSubDomainName": "sub",
        "networkAcls": {
            "defaultAction": "Deny",
            "bypass": "None",
            "ipRules": [{"value": "10.0.0.0/8"}],
            "virtualNetworkRules": [{"id": "x"}],
        },
        "allowProjectManagement": True,
        "associatedProjects": ["one"],
        "defaultProject": "one",
        "disableLocalAuth": False,
        "publicNetworkAccess": "Enabled",
        "restore": False,
    },
}
ASSIGNMENT = {
    "roleDefinitionId": NAMES["name"],
    "principalId": identity.LIN.id,
    "principalType": "User",
    "description": "d",
    "condition": "c",
    "conditionVersion": "2.0",
}
WORKLOAD = {"requestPerMinute": 10, "requestParameters": {"avgPromptTokens": 10, "avgGeneratedTokens": 10}}
BODIES = {
    "put_account": ACCOUNT,
    "patch_account": ACCOUNT,
    "regenerate_key": {"keyName": "Key1"},
    "put_deployment": {
        "sku": {"name": "GlobalStandard", "capacity": 1},
        "tags": {"a": "b"},
        "properties": {"model": MODEL, "versionUpgradeOption": "NoAutoUpgrade", "deploymentState": "Running"},
    },
    "patch_deployment": {"sku": {"name": "GlobalStandard", "capacity": 2}, "tags": {"a": None}},
    "put_group": {"location": "westus", "tags": {"a": "b"}, "managedBy": "x"},
    "patch_group": {"tags": {"a": "b"}},
    "put_assignment": {"properties": ASSIGNMENT},
    "check_domain": {"subdomainName": "x", "type": "Microsoft.CognitiveServices/accounts", "kind": "OpenAI"},
    "check_skus": {"skus": ["S0"], "kind": "OpenAI", "type": "t"},
    "calculate_capacity": {"model": MODEL, "skuName": "GlobalStandard", "workloads": [WORKLOAD]},
    "put_tier": {"properties": {"tierUpgradePolicy": "NoAutoUpgrade"}},
    "get_by_ids": {"ids": [identity.ADA.id], "types": ["user"]},
}
FORM = {
    "grant_type": "client_credentials",
    "client_id": identity.FTCTL_LOCAL.client_id,
    "client_secret": "x",
    "scope": "https://management.azure.com/.default",
    "client_assertion": "e30.e30.e30",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "code": "e30.e30.e30",
    "refresh_token": "e30.e30.e30",
    "redirect_uri": "http://localhost:1/",
    "code_verifier": "v",
}
QUERY = {
    "api-version": "2025-06-01",
    "$filter": "atScope()",
    "modelFormat": "OpenAI",
    "modelName": "gpt-4o-mini",
    "modelVersion": "2024-07-18",
    "resource": "https://management.azure.com",
    "response_type": "code",
    "redirect_uri": "http://localhost:1/",
    "client_id": "c",
    "login_hint": "ada@local.example",
    "code_challenge_method": "S256",
    "$skip": "0",
    "$top": "5",
}
# Paths in ASCII are what sockets bring; all else arrives decoded from percent signs.
odd = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=20)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["", "é" * 90])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_compiled_routes()  # routes are there once their modules are imported
sent = [one for one in ROUTES if one.plane in {Plane.ARM, Plane.ENTRA, Plane.GRAPH, Plane.OPEN}]


@pytest.fixture(scope="module")
def shared():
    azure = Azure(None, clock=ManualClock())
    yield azure
    azure.close()


@pytest.fixture
def azure():
    azure = Azure(None, clock=ManualClock())
    yield azure
    azure.close()


def rarely(draw, times):
    """True about once in so many times; numbers would be drawn small far more often."""
    return draw(st.sampled_from([False] * (times - 1) + [True]))


def places(body, path=()):
    yield path
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def bent(draw, body):
    """The body with up to three of its values replaced, taken out or added to."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        path = draw(st.sampled_from(list(places(body))))
        if not path:
            return draw(values) if rarely(draw, 4) else body
        at = body
        for part in path[:-1]:
            at = at[part]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                at[path[-1]] = draw(values)
            case "remove":
                del at[path[-1]]
            case "add" if isinstance(at, dict):
                at[draw(st.text(max_size=8))] = draw(values)
    return body


@st.composite
def calls(draw):
    """A call of some route that is nearly right: names, query, body and sign-in may each be bent."""
    route = draw(st.sampled_from(sent + [one for one in sent if one.name.rpartition(".")[2] in BODIES] * 4))
    path = re.sub(
        r"\{(\w+)(?::path)?\}",
        lambda found: draw(odd) if rarely(draw, 25) else NAMES[found[1]],
        route.pattern,
    )
    query = {name: value for name, value in QUERY.items() if name in route.pattern or not rarely(draw, 12)}
    if rarely(draw, 3):
        query[draw(st.sampled_from(list(QUERY)))] = draw(odd)
    if route.plane is Plane.ENTRA:
        grants = st.sampled_from(["client_credentials", "authorization_code", "refresh_token"])
        form = {name: value for name, value in FORM.items() if not rarely(draw, 8)} | {"grant_type": draw(grants)}
        if rarely(draw, 2):
            form[draw(st.sampled_from(list(FORM)))] = draw(odd)
        body = urllib.parse.urlencode(form).encode()
    else:
        body = json.dumps(bent(draw, BODIES.get(route.name.rpartition(".")[2], {}))).encode()
        body = draw(st.binary(max_size=40)) if rarely(draw, 25) else body
    return route, path, query, body, not rarely(draw, 40)


def answered(azure, route, path, query, body, *, signed=True) -> Reply:
    who = identity.issue_token(azure.secrets.signing_key, identity.FTCTL_LOCAL, AUDIENCES.get(route.plane, "x"))
    headers = {"authorization": f"Bearer {who}"} if signed else {"authorization": "Bearer x.y.z"}
    headers["x-identity-header"] = azure.secrets.identity_header
    request = Request(azure, route.method, path, query, headers, io.BytesIO(body), len(body), BASE)
    return azure.handle(request)


def unbent(azure, route) -> Reply:
    path = re.sub(r"\{(\w+)(?::path)?\}", lambda found: NAMES[found[1]], route.pattern)
    query = {name: value for name, value in QUERY.items() if name != "$filter"}
    return answered(azure, route, path, query, json.dumps(BODIES.get(route.name.rpartition(".")[2], {})).encode())


@settings(max_examples=600)
@given(call=calls())
def test_any_call_gets_an_answer_of_its_plane(shared, call):
    route, path, query, body, signed = call
    for name in ("put_group", "put_account", "put_deployment"):  # what earlier calls may have taken away
        unbent(shared, next(one for one in sent if one.name.endswith(name)))
        shared.clock.advance(40)
    reply = answered(shared, route, path, query, body, signed=signed)
    assert reply.status != 500, (route.name, path, query, body)
    if reply.body:
        json.dumps(reply.body if not isinstance(reply.body, bytes) else None)
    if reply.status >= 400:
        error = reply.body["error"]
        assert error if isinstance(error, str) else error["code"] and error["message"], reply.body


def test_calls_that_are_not_bent_are_answered_well(azure):
    """The fuzz is no good where everything is refused at the door."""
    fine = set()
    order = ("put_group", "put_account", "put_deployment", "put_assignment")
    first = {name: place for place, name in enumerate(order)}
    for route in sorted(sent, key=lambda one: (one.method == "DELETE", first.get(one.name.rpartition(".")[2], 9))):
        azure.clock.advance(100)
        if unbent(azure, route).status < 400:
            fine.add(route.name)
    assert {"arm_accounts.put_account", "arm_roles.put_assignment", "arm_capacity.calculate_capacity"} <= fine
    assert len(fine) > 0.7 * len({one.name for one in sent}), sorted({one.name for one in sent} - fine)
