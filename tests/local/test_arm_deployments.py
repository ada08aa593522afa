from __future__ import annotations

import pytest
import requests

from ftctl.local import catalog, identity
from ftctl.local.azure import Azure, Settings
from tests.local.conftest import ACCOUNT, GROUP, SUBSCRIPTION, Caller, code

LOCATION = f"{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/locations/swedencentral"
CHAT = f"{ACCOUNT}/deployments/chat"
TUNED = "gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef-tone"


def base(name="gpt-4o-mini", version="2024-07-18", sku="GlobalStandard", capacity=1, **properties):
    model = {"format": "OpenAI", "name": name, "version": version}
    return {"sku": {"name": sku, "capacity": capacity}, "properties": {"model": model} | properties}


def tuned(name=TUNED, sku="GlobalStandard", capacity=10, **model):
    whole = {"format": "OpenAI", "name": name, "version": "1"} | model
    return {"sku": {"name": sku, "capacity": capacity}, "properties": {"model": whole}}


@pytest.fixture
def trained(azure, account):
    """A fine-tuned model as if a job had brought it; training itself is tested elsewhere."""

    def add(name=TUNED, on=ACCOUNT):
        azure.store.put("model", f"{on}|{name}", {"id": name, "_checkpoint": False, "_folder": "x"}, parent=on)
        return name

    add()
    return add


def test_a_base_model_is_there_at_once(arm, account):
    made = arm.put(CHAT, base())
    assert made.status_code == 201
    assert "azure-asyncoperation" not in made.headers
    body = made.json()
    assert body["etag"] == made.headers["etag"]
    assert body["type"] == "Microsoft.CognitiveServices/accounts/deployments"
    properties = body["properties"]
    assert properties["provisioningState"] == "Succeeded"
    assert properties["versionUpgradeOption"] == "OnceNewDefaultVersionAvailable"
    assert properties["currentCapacity"] == 1
    assert properties["rateLimits"] == [
        {"key": "request", "renewalPeriod": 60, "count": 10},
        {"key": "token", "renewalPeriod": 60, "count": 1000},
    ]
    assert "tags" not in body
    assert arm.get(CHAT).json() == body
    assert arm.get(f"{ACCOUNT}/deployments").json() == {"value": [body]}
    assert arm.put(CHAT, base(capacity=3)).status_code == 200
    assert arm.delete(CHAT).status_code == 200
    assert arm.delete(CHAT).status_code == 204
    assert code(arm.get(CHAT)) == (404, "NotFound")


def test_a_fine_tuned_model_takes_its_time_and_the_account_with_it(arm, trained, clock, azure):
    made = arm.put(CHAT, tuned())
    assert made.json()["properties"]["provisioningState"] == "Creating"
    assert made.headers["Retry-After"] == "1"
    assert arm.get(CHAT).headers["Retry-After"] == "1"
    for busy in (
        arm.put(f"{ACCOUNT}/deployments/other", base()),
        arm.put(CHAT, tuned(capacity=20)),
        arm.call("PATCH", ACCOUNT, {"tags": {"a": "b"}}),
        arm.delete(CHAT),
        arm.delete(ACCOUNT),
    ):
        assert code(busy) == (409, "RequestConflict")
    clock.advance(azure.seconds(240))
    assert arm.get(CHAT).json()["properties"]["provisioningState"] == "Succeeded"
    grown = arm.put(CHAT, tuned(capacity=20)).json()  # the same model needs no making ready
    assert grown["properties"]["provisioningState"] == "Succeeded"


def test_another_fine_tuned_model_under_the_same_name_is_made_ready_again(arm, trained, clock):
    arm.put(CHAT, tuned())
    clock.advance(60)
    other = trained(TUNED.replace("tone", "next"))
    moved = arm.put(CHAT, tuned(other))
    assert moved.status_code == 200
    assert moved.json()["properties"]["provisioningState"] == "Creating"
    assert moved.json()["properties"]["model"]["name"] == other


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (tuned(TUNED + "x"), "DeploymentModelNotSupported"),
        (tuned(format="openai"), "DeploymentModelNotSupported"),
        (tuned(version="2"), "DeploymentModelNotSupported"),
        (base("gpt-9", "1"), "DeploymentModelNotSupported"),
        (base("gpt-4.1-nano", "2025-04-14", sku="Standard"), "InvalidResourceProperties"),
        (base(sku="DeveloperTier"), "InvalidResourceProperties"),
        (tuned(sku="DataZoneStandard"), "InvalidResourceProperties"),
        (base(versionUpgradeOption="Never"), "InvalidResourceProperties"),
        (base(raiPolicyName="Mine"), "InvalidResourceProperties"),
        (base(capacity=0), "InvalidCapacity"),
        (tuned(sku="DeveloperTier", capacity=251), "InvalidCapacity"),
        (base(capacity="many"), "InvalidRequestContent"),
        (base(capacity=5000), "InsufficientQuota"),
        ({"sku": "x"}, "DeploymentModelNotSupported"),
        ({"properties": {"model": "gpt-4o"}}, "InvalidRequestContent"),
    ],
)
def test_what_cannot_be_deployed_is_refused_and_leaves_nothing(arm, trained, body, error):
    assert code(arm.put(CHAT, body)) == (400, error)
    assert arm.get(CHAT).status_code == 404


def test_sku_messages_say_region_or_model(arm, account):
    arm.put(ACCOUNT + "-uk", {"location": "uksouth", "kind": "OpenAI", "sku": {"name": "S0"}})
    arm.azure.clock.advance(60)
    where = arm.put(f"{ACCOUNT}-uk/deployments/d", base(sku="DataZoneStandard")).json()["error"]["message"]
    assert "is not supported in this region 'uksouth'" in where
    what = arm.put(CHAT, base(sku="Standart")).json()["error"]["message"]
    assert "is not supported by the model 'gpt-4o-mini'" in what


def test_the_quota_is_shared_by_a_region_and_freed_by_deletion(arm, account):
    assert arm.put(CHAT, base(capacity=1500)).status_code == 201
    refused = arm.put(f"{ACCOUNT}/deployments/two", base(capacity=600))
    assert code(refused) == (400, "InsufficientQuota")
    assert "require 600 new capacity" in refused.json()["error"]["message"]
    assert "available capacity 500" in refused.json()["error"]["message"]
    assert arm.put(CHAT, base(capacity=2000)).status_code == 200  # its own share does not count against it
    arm.delete(CHAT)
    assert arm.put(f"{ACCOUNT}/deployments/two", base(capacity=600)).status_code == 201


def test_ten_fine_tuned_deployments_a_region(arm, trained, clock):
    for number in range(10):
        assert arm.put(f"{ACCOUNT}/deployments/ft{number}", tuned(capacity=1)).status_code == 201
        clock.advance(60)
    refused = arm.put(f"{ACCOUNT}/deployments/ft10", tuned(capacity=1))
    assert code(refused) == (400, "InsufficientQuota")
    assert "Fine-Tuned Deployments" in refused.json()["error"]["message"]
    usages = arm.get(f"{LOCATION}/usages").json()["value"]
    current = {one["name"]["value"]: one["currentValue"] for one in usages}
    assert current["OpenAI.FineTuned.Deployments"] == 10
    assert current["OpenAI.GlobalStandard.gpt4.1-mini-finetune"] == 10


def test_patch_takes_tags_and_sku_alone(arm, account):
    arm.put(CHAT, base() | {"tags": {"a": "1"}})
    patched = arm.call("PATCH", CHAT, {"tags": {"b": "2"}, "sku": {"capacity": 7}}).json()
    assert patched["tags"] == {"a": "1", "b": "2"}
    assert patched["sku"] == {"name": "GlobalStandard", "capacity": 7}
    assert code(arm.call("PATCH", CHAT, {"properties": {}})) == (400, "InvalidRequestContent")
    assert code(arm.call("PATCH", CHAT, {"sku": {"capacity": 9999}})) == (400, "InsufficientQuota")


def test_the_azure_clis_spelling_is_understood(arm, account):
    body = arm.put(CHAT, base(sku="globalstandard", capacity="5")).json()
    assert body["sku"] == {"name": "GlobalStandard", "capacity": 5}


def test_unknown_properties_come_back_untouched(arm, account):
    assert arm.put(CHAT, base(routing={"x": 1})).json()["properties"]["routing"] == {"x": 1}


def test_a_model_of_another_account_takes_the_right_to_read_that(arm, trained, clock):
    body = {"location": "northcentralus", "kind": "OpenAI", "sku": {"name": "S0"}}
    arm.put(ACCOUNT + "-2", body)
    clock.advance(60)
    there = f"{ACCOUNT}-2/deployments/d"
    assert code(arm.put(there, tuned())) == (400, "DeploymentModelNotSupported")
    assert arm.put(there, tuned(source=ACCOUNT)).status_code == 201
    assert arm.get(there).json()["properties"]["model"]["source"] == ACCOUNT


def test_an_account_with_deployments_is_not_deleted(arm, account):
    arm.put(CHAT, base())
    assert code(arm.delete(ACCOUNT)) == (409, "CannotDeleteResource")


def test_a_missing_parent_is_said_to_be_missing(arm, group):
    assert code(arm.put(CHAT, base())) == (404, "ParentResourceNotFound")
    assert code(arm.get(f"{ACCOUNT}/deployments")) == (404, "ResourceNotFound")


def test_the_reader_sees_deployments_and_changes_none(arm, account):
    arm.put(CHAT, base())
    reader = arm.as_(identity.FTCTL_READER)
    assert reader.get(CHAT).status_code == 200
    assert code(reader.put(CHAT, base())) == (403, "AuthorizationFailed")
    assert code(reader.delete(CHAT)) == (403, "AuthorizationFailed")


@pytest.mark.parametrize(("retirements", "status"), [("warn", 201), ("enforce", 400)])
def test_retired_models_are_refused_only_when_asked(clock, retirements, status):
    azure = Azure(None, clock=clock, settings=Settings(retirements=retirements))
    with azure.serve() as served, requests.Session() as session:
        arm = Caller(azure, served, session)
        arm.put(GROUP, {"location": "swedencentral"})
        arm.put(ACCOUNT, {"location": "swedencentral", "kind": "OpenAI", "sku": {"name": "S0"}})
        clock.advance(200 * 86_400)
        assert arm.put(CHAT, base()).status_code == status
    azure.close()


def test_the_models_of_a_region_say_what_trains_and_deploys_there(arm):
    items = arm.get(f"{LOCATION}/models").json()["value"]
    mini = next(one for one in items if one["name"] == "OpenAI.gpt-4.1-mini.2025-04-14")
    assert {one["kind"] for one in items if one["name"] == mini["name"]} == {"OpenAI", "AIServices"}
    assert mini["model"]["capabilities"]["globalFineTune"] == "true"
    tuned_skus = {one["name"] for one in mini["model"]["skus"] if one["usageName"].endswith("-finetune")}
    assert tuned_skus == {"Standard", "GlobalStandard", "DeveloperTier"}
    eastus2 = arm.get(LOCATION.replace("swedencentral", "EastUS2") + "/models").json()["value"]
    other = next(one for one in eastus2 if one["name"] == mini["name"])
    assert "fineTune" not in other["model"]["capabilities"]
    assert "finetuneCapabilities" not in other["model"]
    assert other["location"] == "EastUS2"
    assert code(arm.get(LOCATION.replace("swedencentral", "atlantis") + "/models"))[0] == 400


def test_the_catalogue_finds_and_answers():
    mini = catalog.find("GPT-4.1-mini-2025-04-14")
    assert mini is not None
    assert catalog.find_root(TUNED) is mini
    assert catalog.availability(mini, "North Central US", "globalStandard")
    assert not catalog.availability(mini, "eastus2", "standard")
    assert not catalog.availability(mini, "eastus2", "nonsense")
    assert catalog.find("ministral-3b").format == "Mistral AI"
    assert catalog.find("gpt-4.1-mini") is None
    for model in catalog.MODELS:
        for sku in model.skus:
            assert sku.regions <= catalog.REGIONS
