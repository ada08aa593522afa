"""Azure's management SDKs for Python keep house around the lab: accounts, deployments and role assignments."""

from __future__ import annotations

import uuid

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
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
from lab import MODEL, VERSION

READER = "00000000-0000-4000-8000-00000000a002"  # the principal of the app that may read alone


@pytest.fixture
def credential(azure):
    env = azure.environment
    with ClientSecretCredential(
        env["AZURE_TENANT_ID"],
        env["AZURE_CLIENT_ID"],
        env["AZURE_CLIENT_SECRET"],
        authority=azure.url,
        disable_instance_discovery=True,
        connection_verify=str(azure.ca_file),
    ) as credential:
        yield credential


def connected(kind, credential, azure):
    return kind(
        credential,
        azure.environment["AZURE_SUBSCRIPTION_ID"],
        base_url=azure.url,
        connection_verify=str(azure.ca_file),
    )


@pytest.fixture
def services(credential, azure):
    with connected(CognitiveServicesManagementClient, credential, azure) as client:
        yield client


@pytest.fixture
def authorization(credential, azure):
    with connected(AuthorizationManagementClient, credential, azure) as client:
        yield client


def chat_model(capacity):
    model = DeploymentModel(format="OpenAI", name=MODEL, version=VERSION)
    sku = Sku(name="GlobalStandard", capacity=capacity)
    return Deployment(sku=sku, properties=DeploymentProperties(model=model))


def test_an_account_from_its_name_to_its_purge(services, account):
    group, name = account.group, f"{account.name}-two"

    def is_free():
        return services.check_domain_availability(name, "Microsoft.CognitiveServices/accounts").is_subdomain_available

    assert is_free()

    wanted = Account(
        location="swedencentral",
        kind="OpenAI",
        sku=Sku(name="S0"),
        properties=AccountProperties(custom_sub_domain_name=name),
        tags={"team": "lab"},
    )
    made = services.accounts.begin_create(group, name, wanted).result()
    assert (made.properties.provisioning_state, made.tags) == ("Succeeded", {"team": "lab"})
    assert not is_free()
    limits = {one.name: one.value for one in made.properties.capabilities}
    assert limits["MaxTrainingFileSize"] == "512000000"

    keys = services.accounts.list_keys(group, name)
    renewed = services.accounts.regenerate_key(group, name, "Key2")
    assert (renewed.key1, renewed.key2 == keys.key2) == (keys.key1, False)
    assert {one.name for one in services.accounts.list_by_resource_group(group)} == {account.name, name}
    assert {one.name for one in services.accounts.list()} >= {account.name, name}
    assert "S0" in {one.sku.name for one in services.accounts.list_skus(group, name).value}
    changed = services.accounts.begin_update(group, name, Account(tags={"team": "desk"})).result()
    assert changed.tags == {"team": "desk"}

    services.accounts.begin_delete(group, name).result()
    with pytest.raises(ResourceNotFoundError):
        services.accounts.get(group, name)
    assert name in {one.name for one in services.deleted_accounts.list()}
    with pytest.raises(HttpResponseError) as held:
        services.accounts.begin_create(group, name, wanted)
    assert (held.value.status_code, held.value.error.code) == (409, "FlagMustBeSetForRestore")
    assert services.deleted_accounts.get("swedencentral", group, name).properties.deletion_date
    services.deleted_accounts.begin_purge("swedencentral", group, name).result()
    assert name not in {one.name for one in services.deleted_accounts.list()}


def test_what_can_be_trained_and_deployed_here(services, account):
    of_location = {one.model.name: one for one in services.models.list("swedencentral") if one.kind == "OpenAI"}
    assert of_location[MODEL].model.capabilities["globalFineTune"] == "true"
    of_account = {one.name: one for one in services.accounts.list_models(account.group, account.name)}
    assert any(sku.usage_name.endswith("-finetune") for sku in of_account[MODEL].skus)
    assert {"OpenAI", "AIServices"} <= {one.kind for one in services.resource_skus.list()}
    usages = {one.name.value: one for one in services.usages.list("swedencentral")}
    assert usages["OpenAI.FineTuned.Deployments"].limit > 0
    assert services.accounts.list_usages(account.group, account.name).value == []


def test_a_deployment_is_made_scaled_and_deleted(services, account):
    where = (account.group, account.name, "chat")
    made = services.deployments.begin_create_or_update(*where, chat_model(1)).result()
    assert (made.properties.provisioning_state, made.sku.capacity) == ("Succeeded", 1)
    again = services.deployments.begin_create_or_update(*where, chat_model(3)).result()
    assert again.sku.capacity == 3
    patch = PatchResourceTagsAndSku(tags={"by": "lab"}, sku=Sku(name="GlobalStandard", capacity=2))
    patched = services.deployments.begin_update(*where, patch).result()
    assert (patched.sku.capacity, patched.tags) == (2, {"by": "lab"})
    assert [one.name for one in services.deployments.list(*where[:2])] == ["chat"]
    assert services.deployments.get(*where).properties.model.name == MODEL
    (used,) = services.accounts.list_usages(*where[:2]).value
    assert (used.name.value, used.current_value) == ("OpenAI.GlobalStandard.gpt4.1-mini", 2)
    assert "GlobalStandard" in {one.sku.name for one in services.deployments.list_skus(*where)}
    services.deployments.begin_delete(*where).result()
    assert not list(services.deployments.list(*where[:2]))


def test_a_role_is_found_given_listed_and_taken_back(authorization, account):
    named = "roleName eq 'Cognitive Services OpenAI User'"
    role = next(iter(authorization.role_definitions.list(account.id, filter=named)))
    assert role.id.endswith("5e0bd9bd-7b93-4f28-af87-19fc36ad61bd")
    assert authorization.role_definitions.get_by_id(role.id).role_name == "Cognitive Services OpenAI User"

    name = str(uuid.uuid4())
    body = {"role_definition_id": role.id, "principal_id": READER, "principal_type": "ServicePrincipal"}
    made = authorization.role_assignments.create(account.id, name, body)
    assert (made.name, made.principal_id, made.scope.lower()) == (name, READER, account.id.lower())
    with pytest.raises(HttpResponseError) as twice:
        authorization.role_assignments.create(account.id, str(uuid.uuid4()), body)
    assert (twice.value.status_code, twice.value.error.code) == (409, "RoleAssignmentExists")

    assigned = authorization.role_assignments.list_for_scope(account.id, filter=f"principalId eq '{READER}'")
    assert name in {one.name for one in assigned}
    assert name in {one.name for one in authorization.role_assignments.list_for_scope(account.id, filter="atScope()")}
    assert authorization.role_assignments.delete(account.id, name).name == name
    with pytest.raises(ResourceNotFoundError):
        authorization.role_assignments.get(account.id, name)
