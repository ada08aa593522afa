"""What could be had: SKUs, names, capacity and tiers; and what clients ask before anything else."""

from __future__ import annotations

import pytest

from ftctl.local import catalog, identity, quotas
from tests.local.conftest import ACCOUNT, SUBSCRIPTION, code
from tests.local.test_arm_accounts import NAMED
from tests.local.test_arm_deployments import CHAT, TUNED, base, trained, tuned  # noqa: F401  a fixture

PROVIDER = f"{SUBSCRIPTION}/providers/Microsoft.CognitiveServices"
LOCATION = f"{PROVIDER}/locations/swedencentral"


def post(arm, path, body):
    return arm.call("POST", path, body)


def test_skus_of_an_account_and_of_the_provider(arm, account):
    assert arm.get(f"{account}/skus").json() == {
        "value": [{"resourceType": "Microsoft.CognitiveServices/accounts", "sku": {"name": "S0", "tier": "Standard"}}]
    }
    listed = arm.get(f"{PROVIDER}/skus").json()["value"]
    assert {"OpenAI", "AIServices"} == {one["kind"] for one in listed}
    assert {"SWEDENCENTRAL"} <= {place for one in listed for place in one["locations"]}
    assert code(arm.get(f"{account}x/skus")) == (404, "ResourceNotFound")


def test_skus_of_a_deployment_are_those_of_its_model_and_region(arm, trained, clock):  # noqa: F811  the fixture
    arm.put(CHAT, tuned())
    skus = {one["sku"]["name"]: one["capacity"] for one in arm.get(f"{CHAT}/skus").json()["value"]}
    assert set(skus) == {"GlobalStandard", "DeveloperTier", "Standard"}
    assert skus["DeveloperTier"] == {"maximum": 250, "default": 50}
    clock.advance(60)
    assert arm.put(CHAT, base()).status_code == 200
    assert {one["sku"]["name"] for one in arm.get(f"{CHAT}/skus").json()["value"]} == {"GlobalStandard", "Standard"}
    assert code(arm.get(f"{CHAT}x/skus")) == (404, "NotFound")


def test_domain_availability_counts_soft_deleted_accounts(arm, account):
    def ask(name, **more):
        body = {"subdomainName": name, "type": "Microsoft.CognitiveServices/accounts"} | more
        return post(arm, f"{PROVIDER}/checkDomainAvailability", body).json()

    free = ask("free-sub", kind="OpenAI")
    assert free == {
        "isSubdomainAvailable": True,
        "reason": None,
        "subdomainName": "free-sub",
        "type": "Microsoft.CognitiveServices/accounts",
        "kind": "OpenAI",
    }
    assert ask("ACC-sub")["isSubdomainAvailable"] is False
    arm.delete(account)
    assert "already used" in ask("acc-sub")["reason"]
    arm.delete(f"{LOCATION}/resourceGroups/rg-test/deletedAccounts/acc")
    assert ask("acc-sub")["isSubdomainAvailable"] is True
    assert ask("no_good")["isSubdomainAvailable"] is False
    assert code(post(arm, f"{PROVIDER}/checkDomainAvailability", {"type": "x"})) == (400, "BadRequest")


def test_sku_availability_says_why_not(arm):
    def ask(kind, location="swedencentral"):
        body = {"skus": ["S0", "F0"], "kind": kind, "type": "Microsoft.CognitiveServices/accounts"}
        return post(arm, f"{PROVIDER}/locations/{location}/checkSkuAvailability", body)

    yes, no = ask("OpenAI").json()["value"]
    assert (yes["skuName"], yes["skuAvailable"]) == ("S0", True)
    assert (no["skuName"], no["skuAvailable"], no["reason"]) == ("F0", False, "InvalidSkuId")
    assert {one["skuAvailable"] for one in ask("Speech").json()["value"]} == {False}
    assert code(ask("OpenAI", "atlantis")) == (400, "NoRegisteredProviderFound")
    assert code(post(arm, f"{LOCATION}/checkSkuAvailability", {"kind": "OpenAI", "type": "t"}))[0] == 400


MODEL = {"format": "OpenAI", "name": "gpt-4o-mini", "version": "2024-07-18"}


def test_capacity_is_calculated_from_workloads(arm):
    workload = {"requestPerMinute": 10, "requestParameters": {"avgPromptTokens": 800, "avgGeneratedTokens": 200}}
    body = {"model": MODEL, "skuName": "GlobalStandard", "workloads": [workload, workload]}
    done = post(arm, f"{PROVIDER}/calculateModelCapacity", body).json()
    assert done == {
        "model": MODEL,
        "skuName": "GlobalStandard",
        "estimatedCapacity": {"value": 20, "deployableValue": 20},
    }
    for wrong in (
        {"skuName": "Standart"},
        {"model": {}},
        {"workloads": 5},
        {"workloads": [{"requestPerMinute": "many"}]},
    ):
        assert post(arm, f"{PROVIDER}/calculateModelCapacity", body | wrong).status_code == 400


def test_model_capacities_shrink_with_deployments(arm, account):
    query = {"modelFormat": "OpenAI", "modelName": "gpt-4o-mini", "modelVersion": "2024-07-18"}

    def left():
        items = arm.get(f"{LOCATION}/modelCapacities", **query).json()["value"]
        return {one["name"]: one["properties"] for one in items}

    before = left()["GlobalStandard"]
    assert (before["availableCapacity"], before["availableFinetuneCapacity"]) == (2000, 500)
    arm.put(CHAT, base(capacity=300))
    assert left()["GlobalStandard"]["availableCapacity"] == 1700
    everywhere = arm.get(f"{PROVIDER}/modelCapacities", **query).json()["value"]
    assert len({one["location"] for one in everywhere}) > 10
    assert everywhere[0]["id"].endswith(f"/models/OpenAI.gpt-4o-mini.2024-07-18/skuCapacities/{everywhere[0]['name']}")
    assert code(arm.get(f"{PROVIDER}/modelCapacities", modelName="x")) == (400, "BadRequest")
    assert code(arm.get(f"{PROVIDER}/modelCapacities", **query | {"modelVersion": "0"})) == (400, "ModelNotSupported")


def test_usages_of_an_account_are_its_own_and_can_be_filtered(arm, account, clock):
    arm.put(f"{ACCOUNT}-2", {"location": "swedencentral", "kind": "OpenAI", "sku": {"name": "S0"}})
    clock.advance(60)
    arm.put(CHAT, base(capacity=3))
    arm.put(f"{ACCOUNT}-2/deployments/d", base(capacity=4))
    name = "OpenAI.GlobalStandard.gpt-4o-mini"
    own = arm.get(f"{account}/usages").json()["value"]
    assert [(one["name"]["value"], one["currentValue"]) for one in own] == [(name, 3)]
    whole = arm.get(f"{LOCATION}/usages", **{"$filter": f"name.value eq '{name}'"}).json()["value"]
    assert [(one["currentValue"], one["limit"]) for one in whole] == [(7, 2000)]
    assert code(arm.get(f"{LOCATION}/usages", **{"$filter": "limit gt 5"})) == (400, "UnsupportedQuery")


@pytest.mark.parametrize(
    ("usage", "limit", "title"),
    [
        ("OpenAI.FineTuned.Deployments", 10, "Standard Fine-Tuned Deployments"),
        ("OpenAI.S0.AccountCount", 30, "Maximum resources for OpenAI S0 sku."),
        (
            "OpenAI.GlobalStandard.gpt4.1-mini-finetune",
            500,
            "Tokens Per Minute (thousands) - 4.1-mini - Glob… - FineT…",
        ),
        ("OpenAI.DeveloperTier.gpt4.1-finetune", 250, "Tokens Per Minute (thousands) - 4.1 - Devel… - FineT…"),
        ("OpenAI.GlobalStandard.gpt-4o-finetune", 250, "Tokens Per Minute (thousands) - GPT-4o - finetune - Glob…"),
        ("OpenAI.Standard.gpt-4o", 149, "Tokens Per Minute (thousands) - gpt-4o"),
        ("OpenAI.GlobalStandard.o4-mini-finetune", 500, "Thousand Tokens Per Minute - o4-mini - Glob… - Finet…"),
        (
            "AIServices.GlobalStandard.Ministral-3B-finetune",
            1000,
            "Default Quota for Model-as-a-Service Finetuned Mod…",
        ),
    ],
)
def test_quotas_have_the_recorded_limits_and_titles(usage, limit, title):
    assert quotas.limit(usage) == limit
    rest = quotas.title(usage)
    for part in title.split("…"):
        assert part in rest


def test_the_tier_of_quotas_is_read_and_its_policy_set(arm):
    assert [one["name"] for one in arm.get(f"{PROVIDER}/quotaTiers").json()["value"]] == ["default"]
    change = {"properties": {"tierUpgradePolicy": "NoAutoUpgrade"}}
    for method in ("PUT", "PATCH"):
        done = arm.call(method, f"{PROVIDER}/quotaTiers/default", change)
        assert (done.status_code, done.json()["properties"]["tierUpgradePolicy"]) == (200, "NoAutoUpgrade")
    assert arm.get(f"{PROVIDER}/quotaTiers/default").json() == done.json()
    wrong = {"properties": {"tierUpgradePolicy": "Always"}}
    assert arm.call("PATCH", f"{PROVIDER}/quotaTiers/default", wrong).status_code == 400
    assert code(arm.get(f"{PROVIDER}/quotaTiers/other")) == (404, "NotFound")


@pytest.mark.parametrize("sku", ["Standard", "GlobalStandard"])
def test_a_deployment_is_paused_and_resumed_again_and_again(arm, account, sku):
    arm.put(CHAT, base(sku=sku))
    etag = arm.get(CHAT).json()["etag"]
    for action, word in (("pause", "Paused"), ("pause", "Paused"), ("resume", "Running"), ("resume", "Running")):
        done = arm.call("POST", f"{CHAT}/{action}")
        assert (done.status_code, done.json()["properties"]["deploymentState"]) == (200, word)
    assert arm.get(CHAT).json()["etag"] != etag
    assert code(arm.call("POST", f"{CHAT}x/pause")) == (404, "NotFound")
    assert code(arm.as_(identity.FTCTL_READER).call("POST", f"{CHAT}/pause")) == (403, "AuthorizationFailed")


def test_a_paused_deployment_answers_423(arm, account):
    arm.put(CHAT, base())
    arm.call("POST", f"{CHAT}/pause")
    key = {"api-key": arm.call("POST", f"{account}/listKeys").json()["key1"], "Authorization": ""}
    path = "/cognitiveservices/acc-sub/openai/v1/chat/completions"
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
    assert arm.call("POST", path, body, audience="", headers=key).status_code == 423
    arm.call("POST", f"{CHAT}/resume")
    assert arm.call("POST", path, body, audience="", headers=key).status_code == 200


def test_developer_deployments_cannot_be_paused(arm, trained, clock):  # noqa: F811  the fixture
    arm.put(CHAT, tuned(sku="DeveloperTier", capacity=1))
    clock.advance(60)
    assert code(arm.call("POST", f"{CHAT}/pause")) == (400, "OperationNotSupported")
    paused = tuned(TUNED, sku="DeveloperTier", capacity=1)
    paused["properties"]["deploymentState"] = "Paused"
    assert code(arm.put(CHAT, paused)) == (400, "OperationNotSupported")
    paused["properties"]["deploymentState"] = "Asleep"
    assert code(arm.put(CHAT, paused)) == (400, "InvalidResourceProperties")


def test_projects_are_read(arm, account):
    assert arm.get(f"{account}/projects").json() == {"value": []}
    more = {"allowProjectManagement": True, "defaultProject": "one", "associatedProjects": ["one", "two"]}
    body = NAMED | {"kind": "AIServices", "identity": {"type": "SystemAssigned"}}
    arm.put(account, body | {"properties": NAMED["properties"] | more})
    listed = arm.get(f"{account}/projects").json()["value"]
    assert [(one["name"], one["properties"]["isDefault"]) for one in listed] == [("acc/one", True), ("acc/two", False)]
    single = arm.get(f"{account}/projects/TWO")
    assert (single.json(), single.headers["etag"]) == (listed[1], listed[1]["etag"])
    assert code(arm.get(f"{account}/projects/three")) == (404, "NotFound")
    assert code(arm.get(f"{account}x/projects")) == (404, "ResourceNotFound")


def test_a_project_has_its_own_address_on_the_data_plane(arm, account):
    more = {"allowProjectManagement": True, "defaultProject": "one"}
    body = NAMED | {"kind": "AIServices", "identity": {"type": "SystemAssigned"}}
    arm.put(account, body | {"properties": NAMED["properties"] | more})
    key = {"api-key": arm.call("POST", f"{account}/listKeys").json()["key1"], "Authorization": ""}

    def models(project, **query):
        path = f"/cognitiveservices/acc-sub/api/projects/{project}/openai/v1/models"
        return arm.call("GET", path, audience="", headers=key, **query).status_code

    assert [models("one"), models("One", **{"api-version": "2025-11-15-preview"}), models("two")] == [200, 200, 404]


@pytest.mark.parametrize("names", ["one", [1], [{"name": "one"}], ["a b"]])
def test_project_names_are_checked(arm, account, names):
    body = NAMED | {"properties": NAMED["properties"] | {"associatedProjects": names}}
    assert arm.put(account, body).status_code == 400


def test_providers_and_regions_are_told(arm):
    listed = arm.get(f"{SUBSCRIPTION}/providers").json()["value"]
    assert {one["namespace"] for one in listed} >= {"Microsoft.CognitiveServices", "Microsoft.Authorization"}
    one = arm.get(f"{SUBSCRIPTION}/providers/microsoft.cognitiveservices").json()
    assert one["registrationState"] == "Registered"
    types = {type_["resourceType"]: type_ for type_ in one["resourceTypes"]}
    assert "2025-06-01" in types["accounts"]["apiVersions"]
    assert set(types["accounts"]["locations"]) == catalog.REGIONS
    assert arm.call("POST", f"{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/register").json() == one
    assert code(arm.get(f"{SUBSCRIPTION}/providers/Microsoft.Nothing")) == (404, "InvalidResourceNamespace")
    tenant = arm.get("/providers/Microsoft.CognitiveServices").json()
    assert "registrationState" not in tenant
    assert [one["namespace"] for one in arm.get("/providers").json()["value"]] == [one["namespace"] for one in listed]
    regions = arm.get(f"{SUBSCRIPTION}/locations").json()["value"]
    assert {one["name"] for one in regions} == catalog.REGIONS


def test_network_rules_are_about_the_callers_address(arm, account):
    key = {"api-key": arm.call("POST", f"{account}/listKeys").json()["key1"], "Authorization": ""}

    def with_rules(*values):
        rules = {"defaultAction": "Deny", "ipRules": [{"value": value} for value in values]}
        assert arm.call("PATCH", account, {"properties": {"networkAcls": rules}}).status_code == 200
        return arm.call("GET", "/cognitiveservices/acc-sub/openai/v1/models", audience="", headers=key).status_code

    assert [with_rules(), with_rules("10.0.0.0/8"), with_rules("10.0.0.0/8", "127.0.0.0/16")] == [403, 403, 200]
    wrong = {"defaultAction": "Deny", "ipRules": [{"value": "localhost"}]}
    assert code(arm.call("PATCH", account, {"properties": {"networkAcls": wrong}})) == (400, "BadRequest")
    bypass = {"defaultAction": "Deny", "bypass": "Everybody"}
    assert arm.call("PATCH", account, {"properties": {"networkAcls": bypass}}).status_code == 400
