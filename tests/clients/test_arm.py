"""Accounts and deployments through Microsoft's SDK: nothing of the JSON is lost, nothing is polled or retried by it."""

from __future__ import annotations

import io
import json

import pytest
import requests
from urllib3 import HTTPResponse

from ftctl.clients import Clients, ids
from ftctl.clients.errors import AzureError
from ftctl.local import identity
from ftctl.local.azure import Fault

SUBSCRIPTION = identity.SUBSCRIPTION_ID
GROUP = ids.group_id(SUBSCRIPTION, "rg-finetune")
ACCOUNT = ids.account_id(SUBSCRIPTION, "rg-finetune", "aoai-test")
BODY = {
    "kind": "AIServices",
    "location": "northcentralus",
    "sku": {"name": "S0"},
    "tags": {"ftctl": "tone"},
    "properties": {"customSubDomainName": "aoai-test", "disableLocalAuth": True},
}
DEPLOYMENT = ids.deployment_id(ACCOUNT, "chat")
DEPLOY = {
    "sku": {"name": "GlobalStandard", "capacity": 10},
    "tags": {"ftctl": "tone"},
    "properties": {"model": {"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"}},
}


@pytest.fixture
def arm(clients):
    clients.rest.put_group(GROUP, {"location": "northcentralus"})
    return clients.arm


@pytest.fixture
def account(arm, clock):
    arm.put_account(ACCOUNT, BODY)
    clock.advance(60)
    return ACCOUNT


def test_an_account_lives_and_dies(arm, clock, azure):
    assert arm.get_account(ACCOUNT) is None
    made = arm.put_account(ACCOUNT, BODY)
    assert made["properties"]["provisioningState"] == "Creating"
    clock.advance(60)
    live = arm.get_account(ACCOUNT)
    assert live["properties"]["provisioningState"] == "Succeeded"
    assert live["tags"] == {"ftctl": "tone"}
    assert live["etag"]
    assert [one["name"] for one in arm.list_accounts(SUBSCRIPTION)] == ["aoai-test"]
    arm.delete_account(ACCOUNT)
    clock.advance(60)
    arm.delete_account(ACCOUNT)
    assert arm.get_account(ACCOUNT) is None
    assert [one["name"] for one in arm.list_deleted_accounts(SUBSCRIPTION)] == ["aoai-test"]
    with pytest.raises(AzureError) as caught:
        arm.put_account(ACCOUNT, BODY)
    assert caught.value.code == "FT2102"
    assert "'aoai-test'" in caught.value.problem.what
    assert caught.value.problem.correlation
    arm.purge_account(SUBSCRIPTION, "northcentralus", "rg-finetune", "aoai-test")
    clock.advance(60)
    assert arm.list_deleted_accounts(SUBSCRIPTION) == []
    assert not any("operationResults" in call.path for call in azure.calls)


def test_a_deployment_is_put_patched_and_deleted(arm, account, clock):
    assert arm.get_deployment(DEPLOYMENT) is None
    arm.put_deployment(DEPLOYMENT, DEPLOY)
    clock.advance(10)
    arm.patch_deployment(DEPLOYMENT, {"sku": {"name": "GlobalStandard", "capacity": 20}})
    clock.advance(10)
    live = arm.get_deployment(DEPLOYMENT)
    assert live["sku"] == {"name": "GlobalStandard", "capacity": 20}
    assert live["tags"] == {"ftctl": "tone"}
    assert [one["name"] for one in arm.list_deployments(account)] == ["chat"]
    arm.delete_deployment(DEPLOYMENT)
    clock.advance(10)
    arm.delete_deployment(DEPLOYMENT)
    assert arm.list_deployments(account) == []


def test_a_patch_of_anything_else_is_refused_before_it_is_sent(arm):
    with pytest.raises(ValueError, match="properties"):
        arm.patch_deployment(DEPLOYMENT, {"properties": {}})


def test_models_and_usages_are_as_azure_writes_them(arm):
    models = arm.list_models(SUBSCRIPTION, "northcentralus")
    assert any(item["model"]["name"] == "gpt-4.1-mini" and item["model"]["skus"] for item in models)
    usages = arm.list_usages(SUBSCRIPTION, "northcentralus")
    assert any(item["name"]["value"].startswith("OpenAI.") for item in usages)


def test_a_missing_group_is_no_missing_account(arm):
    elsewhere = ids.account_id(SUBSCRIPTION, "rg-none", "x")
    assert arm.get_account(elsewhere) is None
    with pytest.raises(AzureError) as caught:
        arm.put_account(elsewhere, BODY)
    assert caught.value.code == "FT2101"


def test_a_wrong_subscription_is_told(arm):
    with pytest.raises(AzureError) as caught:
        arm.get_account(ids.account_id("00000000-0000-4000-8000-000000000bad", "g", "a"))
    assert caught.value.code == "FT2009"


def test_a_reader_may_not_write(arm, reader_cloud, clock):
    with Clients(reader_cloud, clock) as reader, pytest.raises(AzureError) as caught:
        reader.arm.put_account(ACCOUNT, BODY)
    assert caught.value.code == "FT2004"
    assert "Microsoft.CognitiveServices/accounts/write" in caught.value.problem.what
    assert "Cognitive Services Contributor" in caught.value.problem.fix


def test_a_busy_account_is_waited_for(arm, account, clock, azure):
    busy = [Fault(status=409, code="RequestConflict", message="Another operation is being performed.")] * 3
    azure.faults.append(lambda request, _: busy.pop() if request.method == "PUT" and busy else None)
    start = clock.now()
    arm.put_deployment(DEPLOYMENT, DEPLOY)
    assert not busy
    assert 3 <= (clock.now() - start).total_seconds() <= 4.5


@pytest.mark.parametrize("kind", ["lose", "cut", "reset"])
@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_to_a_put_is_asked_for_again(arm, account, azure, kind, after):
    faults = [Fault(kind=kind, after=after)]
    azure.faults.append(lambda request, _: faults.pop() if request.method == "PUT" and faults else None)
    assert arm.put_deployment(DEPLOYMENT, DEPLOY)["name"] == "chat"
    assert not faults


def test_an_answer_lost_for_good_is_ambiguous(arm, account, azure):
    azure.faults.append(lambda request, _: Fault(kind="lose") if request.method == "PUT" else None)
    with pytest.raises(AzureError) as caught:
        arm.put_deployment(DEPLOYMENT, DEPLOY)
    assert caught.value.code == "FT2023"
    assert caught.value.ambiguous


class Scripted:
    """An answer to the SDK's transport, for what the local Azure would never say."""

    def __init__(self, clients, monkeypatch):
        self.sent = []
        self.answers = []
        monkeypatch.setattr(clients._http.session, "request", self)

    def __call__(self, method, url, **options):
        self.sent.append((method, url, options))
        status, body = self.answers.pop(0)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = requests.Response()
        response.status_code = status
        response.headers["Content-Type"] = "application/json"
        response.raw = HTTPResponse(body=io.BytesIO(raw), status=status, preload_content=False)
        response.url = url
        return response


@pytest.fixture
def scripted(clients, monkeypatch):
    clients.credentials.token("https://management.azure.com/.default")
    return Scripted(clients, monkeypatch)


def test_properties_no_sdk_knows_survive_both_ways(clients, scripted):
    odd = {**BODY, "properties": {"futureThing": {"a": [1, None]}, "capabilities": "not a list"}, "etag": '"x"'}
    scripted.answers = [(200, odd), (201, odd), (200, {"value": [odd]})]
    assert clients.arm.get_account(ACCOUNT) == odd
    assert clients.arm.put_account(ACCOUNT, odd) == odd
    assert json.loads(scripted.sent[1][2]["data"]) == odd
    assert clients.arm.list_accounts(SUBSCRIPTION) == [odd]


def test_all_pages_of_a_list_are_read(clients, cloud, scripted):
    link = f"{cloud.arm}/subscriptions/{SUBSCRIPTION}/more?api-version=2025-09-01&page=2"
    scripted.answers = [(200, {"value": [{"name": "a"}], "nextLink": link}), (200, {"value": [{"name": "b"}]})]
    assert clients.arm.list_accounts(SUBSCRIPTION) == [{"name": "a"}, {"name": "b"}]
    assert "page=2" in scripted.sent[1][1]


@pytest.mark.parametrize("body", [b"<html>", b"[]"])
def test_an_answer_that_is_no_object(clients, scripted, body):
    scripted.answers = [(200, body)] * 3
    for call in (lambda: clients.arm.list_accounts(SUBSCRIPTION), lambda: clients.arm.put_account(ACCOUNT, BODY)):
        with pytest.raises(AzureError) as caught:
            call()
        assert caught.value.code == "FT2024"


def test_an_unregistered_provider_is_told_and_not_registered(clients, scripted):
    message = "The subscription is not registered to use namespace 'Microsoft.CognitiveServices'."
    scripted.answers = [(409, {"error": {"code": "MissingSubscriptionRegistration", "message": message}})]
    with pytest.raises(AzureError) as caught:
        clients.arm.list_accounts(SUBSCRIPTION)
    assert caught.value.code == "FT2108"
    assert len(scripted.sent) == 1
