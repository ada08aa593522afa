"""The unmodified Azure SDK for Python against the local Azure."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices.models import (
    Account,
    AccountProperties,
    Deployment,
    DeploymentModel,
    DeploymentProperties,
    PatchResourceTagsAndSku,
    Sku,
)

from ftctl.local import identity
from ftctl.local.azure import Azure


@pytest.fixture
def azure():
    """On the machine's own clock, for the SDK's pollers sleep on that."""
    azure = Azure(None)
    yield azure
    azure.close()


@pytest.fixture
def sdk(azure, served):
    who, ca = identity.FTCTL_LOCAL.client_id, str(served.ca_file)
    with (
        ClientSecretCredential(
            identity.TENANT_ID,
            who,
            azure.secrets.client_secrets[who],
            authority=served.url,
            disable_instance_discovery=True,
            connection_verify=ca,
        ) as credential,
        CognitiveServicesManagementClient(
            credential, identity.SUBSCRIPTION_ID, base_url=served.url, connection_verify=ca
        ) as client,
    ):
        yield client


def account(**properties):
    return Account(
        location="swedencentral", kind="OpenAI", sku=Sku(name="S0"), properties=AccountProperties(**properties)
    )


def chat(capacity):
    model = DeploymentModel(format="OpenAI", name="gpt-4o-mini", version="2024-07-18")
    return Deployment(sku=Sku(name="Standard", capacity=capacity), properties=DeploymentProperties(model=model))


def test_the_whole_life_of_an_account(sdk, arm, group):
    made = sdk.accounts.begin_create("rg-test", "acc", account(custom_sub_domain_name="sdk-sub")).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.endpoint.endswith("/cognitiveservices/sdk-sub/")
    assert made.properties.disable_local_auth is None

    keys = sdk.accounts.list_keys("rg-test", "acc")
    renewed = sdk.accounts.regenerate_key("rg-test", "acc", "Key1")
    assert (renewed.key1 == keys.key1, renewed.key2 == keys.key2) == (False, True)

    tagged = sdk.accounts.begin_update("rg-test", "acc", Account(tags={"a": "b"})).result()
    assert tagged.tags == {"a": "b"}
    assert tagged.properties.custom_sub_domain_name == "sdk-sub"
    assert [one.name for one in sdk.accounts.list()] == ["acc"]
    assert [one.name for one in sdk.accounts.list_by_resource_group("rg-test")] == ["acc"]

    deployment = sdk.deployments.begin_create_or_update("rg-test", "acc", "chat", chat(1)).result()
    assert deployment.properties.provisioning_state == "Succeeded"
    patch = PatchResourceTagsAndSku(tags={"x": "y"}, sku=Sku(name="Standard", capacity=4))
    patched = sdk.deployments.begin_update("rg-test", "acc", "chat", patch).result()
    assert (patched.sku.capacity, patched.tags) == (4, {"x": "y"})
    assert [one.name for one in sdk.deployments.list("rg-test", "acc")] == ["chat"]
    usage = {one.name.value: one for one in sdk.usages.list("swedencentral")}
    assert usage["OpenAI.Standard.gpt-4o-mini"].current_value == 4
    assert any(one.model.name == "gpt-4.1" for one in sdk.models.list("swedencentral"))

    sdk.deployments.begin_delete("rg-test", "acc", "chat").result()
    sdk.accounts.begin_delete("rg-test", "acc").result()
    with pytest.raises(ResourceNotFoundError):
        sdk.accounts.get("rg-test", "acc")
    assert [one.name for one in sdk.deleted_accounts.list()] == ["acc"]
    sdk.deleted_accounts.begin_purge("swedencentral", "rg-test", "acc").result()
    assert not list(sdk.deleted_accounts.list())


def test_errors_reach_the_sdk_with_their_code(sdk, arm, group):
    with pytest.raises(HttpResponseError) as caught:
        sdk.accounts.begin_create("rg-none", "acc", account())
    assert caught.value.error.code == "ResourceGroupNotFound"
    assert caught.value.status_code == 404
