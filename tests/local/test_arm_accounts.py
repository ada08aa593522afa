from __future__ import annotations

import pytest

from ftctl.local import identity
from tests.local.conftest import ACCOUNT, GROUP, SUBSCRIPTION, code

PROVIDER = f"{SUBSCRIPTION}/providers/Microsoft.CognitiveServices"
DELETED = f"{PROVIDER}/locations/swedencentral/resourceGroups/rg-test/deletedAccounts/acc"
BARE = {"location": "SWEDENCENTRAL", "kind": "OpenAI", "sku": {"name": "S0"}, "properties": {}}
NAMED = BARE | {"properties": {"customSubDomainName": "acc-sub"}}
HOURS = 3600


def test_a_creation_is_a_long_running_operation(arm, group, clock):
    made = arm.put(ACCOUNT, NAMED)
    assert made.status_code == 201
    assert made.json()["properties"]["provisioningState"] == "Creating"
    assert made.headers["etag"] == made.json()["etag"]
    assert made.headers["Retry-After"] == "1"
    poll = made.headers["azure-asyncoperation"]
    assert "/locations/SWEDENCENTRAL/operationResults/" in poll
    running = arm.get(poll)
    assert running.json()["status"] == "Creating"
    assert running.headers["Retry-After"] == "1"
    assert "endTime" not in running.json()
    clock.advance(32)
    assert arm.get(poll).json()["status"] == "Succeeded"
    read = arm.get(ACCOUNT)
    assert read.json()["properties"]["provisioningState"] == "Succeeded"
    assert read.json()["etag"] != made.json()["etag"]


def test_what_was_never_set_is_absent_and_defaults_are_there(arm, group):
    body = arm.put(ACCOUNT, BARE).json()
    assert body["location"] == "SWEDENCENTRAL"
    assert body["type"] == "Microsoft.CognitiveServices/accounts"
    assert {"tags", "identity"}.isdisjoint(body)
    properties = body["properties"]
    assert {"customSubDomainName", "disableLocalAuth", "networkAcls"}.isdisjoint(properties)
    defaults = ("publicNetworkAccess", "apiProperties", "privateEndpointConnections", "isMigrated")
    assert [properties[name] for name in defaults] == ["Enabled", {}, [], False]
    assert properties["allowProjectManagement"] is False
    assert properties["endpoint"] == f"{arm.served.url}/cognitiveservices/regional/swedencentral/"
    limits = {one["name"]: one.get("value") for one in properties["capabilities"]}
    assert limits["MaxTrainingFileSize"] == "512000000"
    assert not [name for name in body if name.startswith("_")]


def test_unknown_properties_come_back_untouched_and_read_only_ones_do_not(arm, group):
    sent = {"futureThing": {"a": [1]}, "provisioningState": "Failed", "internalId": "mine"}
    properties = arm.put(ACCOUNT, BARE | {"properties": sent}).json()["properties"]
    assert properties["futureThing"] == {"a": [1]}
    assert properties["provisioningState"] == "Creating"
    assert properties["internalId"] != "mine"


def test_put_replaces_and_patch_merges(arm, account):
    tags = {"tags": {"a": "1", "b": "2"}}
    full = NAMED | tags | {"properties": {"customSubDomainName": "acc-sub", "disableLocalAuth": True}}
    first = arm.put(account, full)
    assert (first.status_code, first.json()["tags"]) == (200, {"a": "1", "b": "2"})
    patched = arm.call("PATCH", account, {"tags": {"b": None, "c": "3"}}).json()
    assert patched["tags"] == {"a": "1", "c": "3"}
    assert patched["properties"]["disableLocalAuth"] is True
    replaced = arm.put(account, BARE).json()
    assert "tags" not in replaced
    assert "disableLocalAuth" not in replaced["properties"]
    assert replaced["properties"]["customSubDomainName"] == "acc-sub"
    assert replaced["properties"]["internalId"] == patched["properties"]["internalId"]


def test_the_subdomain_is_global_and_for_good(arm, account):
    assert code(arm.put(f"{ACCOUNT}2", NAMED)) == (409, "CustomDomainInUse")
    other = BARE | {"properties": {"customSubDomainName": "another"}}
    assert code(arm.put(account, other)) == (400, "BadRequest")
    assert arm.put(f"{ACCOUNT}2", other).status_code == 201


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"location": None}, 400, "LocationRequired"),
        ({"location": "atlantis"}, 400, "LocationNotAvailableForResourceType"),
        ({"location": 5}, 400, "InvalidRequestContent"),
        ({"kind": "Speech"}, 400, "InvalidApiSetId"),
        ({"sku": {"name": "F0"}}, 400, "InvalidSkuId"),
        ({"sku": []}, 400, "InvalidRequestContent"),
        ({"tags": {"a": None}}, 400, "InvalidRequestContent"),
        ({"identity": {"type": "Root"}}, 400, "InvalidIdentityType"),
        ({"properties": {"customSubDomainName": "a_b"}}, 400, "SubDomainNameInvalid"),
        ({"properties": {"customSubDomainName": "regional"}}, 400, "SubDomainNameInvalid"),
        ({"properties": {"disableLocalAuth": "yes"}}, 400, "InvalidRequestContent"),
        ({"properties": {"networkAcls": {"defaultAction": "Deny"}}}, 400, "BadRequest"),
        ({"properties": {"restore": True}}, 400, "CanNotRestoreANonExistingResource"),
    ],
)
def test_what_is_wrong_is_refused_and_leaves_nothing(arm, group, change, status, error):
    assert code(arm.put(ACCOUNT, BARE | change)) == (status, error)
    assert code(arm.get(ACCOUNT)) == (404, "ResourceNotFound")


def test_an_account_cannot_move_and_needs_its_group(arm, account):
    assert code(arm.put(account, NAMED | {"location": "westus"})) == (409, "InvalidResourceLocation")
    elsewhere = ACCOUNT.replace("rg-test", "rg-none")
    assert code(arm.put(elsewhere, BARE)) == (404, "ResourceGroupNotFound")
    assert code(arm.put(f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/-x", BARE))[0] == 400


def test_accounts_are_listed_by_group_and_subscription(arm, account):
    arm.put(GROUP.replace("rg-test", "rg-2"), {"location": "westus"})
    arm.put(ACCOUNT.replace("rg-test", "rg-2"), BARE)
    by_group = arm.get(f"{GROUP}/providers/Microsoft.CognitiveServices/accounts").json()
    assert [one["id"] for one in by_group["value"]] == [ACCOUNT]
    assert "nextLink" not in by_group
    assert len(arm.get(f"{PROVIDER}/accounts").json()["value"]) == 2


def test_the_kind_is_upgraded_in_place(arm, account):
    up = NAMED | {"kind": "AIServices"}
    assert code(arm.put(account, up)) == (400, "BadRequest")
    done = arm.put(account, up | {"identity": {"type": "SystemAssigned"}}).json()
    assert done["kind"] == "AIServices"
    assert done["properties"]["allowProjectManagement"] is True
    principal = done["identity"]["principalId"]
    assert identity.principal(arm.azure.store, principal).kind == "ServicePrincipal"
    back = arm.put(account, NAMED | {"identity": {"type": "SystemAssigned"}}).json()
    assert (back["kind"], back["identity"]["principalId"]) == ("OpenAI", principal)
    assert back["properties"]["allowProjectManagement"] is True


def test_keys_are_listed_renewed_and_withheld(arm, account):
    keys = arm.call("POST", f"{account}/listKeys").json()
    assert set(keys) == {"key1", "key2"}
    renewed = arm.call("POST", f"{account}/regenerateKey", {"keyName": "Key2"}).json()
    assert renewed["key1"] == keys["key1"]
    assert renewed["key2"] != keys["key2"]
    assert arm.call("POST", f"{account}/LISTKEYS").json() == renewed
    assert code(arm.call("POST", f"{account}/regenerateKey", {"keyName": "Key3"})) == (400, "BadRequest")
    arm.call("PATCH", account, {"properties": {"disableLocalAuth": True}})
    assert code(arm.call("POST", f"{account}/listKeys")) == (400, "BadRequest")
    for shown in (arm.get(account), arm.get(f"{PROVIDER}/accounts")):
        assert renewed["key1"] not in shown.text


def test_deletion_is_soft_and_holds_name_subdomain_and_quota(arm, account):
    deleted = arm.delete(account)
    assert (deleted.status_code, deleted.content) == (200, b"")
    assert arm.delete(account).status_code == 204
    assert code(arm.put(account, NAMED)) == (409, "FlagMustBeSetForRestore")
    assert code(arm.put(f"{ACCOUNT}2", NAMED)) == (409, "CustomDomainInUse")
    kept = arm.get(DELETED).json()
    assert kept["type"] == "Microsoft.CognitiveServices/deletedAccounts"
    assert kept["id"] == DELETED
    times = [kept["properties"][name] for name in ("deletionDate", "scheduledPurgeDate")]
    assert [time[:13] for time in times] == ["2026-06-01T00", "2026-06-03T00"]
    usages = {
        u["name"]["value"]: u["currentValue"]
        for u in arm.get(f"{PROVIDER}/locations/swedencentral/usages").json()["value"]
    }
    assert usages["OpenAI.S0.AccountCount"] == 1


def test_a_soft_deleted_account_comes_back_as_it_was(arm, account, clock):
    arm.call("PATCH", account, {"tags": {"a": "b"}})
    before = arm.call("POST", f"{account}/listKeys").json()
    arm.delete(account)
    back = arm.put(account, {"location": "swedencentral", "properties": {"restore": True}})
    assert back.status_code == 201
    assert back.json()["tags"] == {"a": "b"}
    assert "restore" not in back.json()["properties"]
    clock.advance(60)
    assert arm.call("POST", f"{account}/listKeys").json() == before
    assert arm.get(DELETED).status_code == 404


def test_purging_frees_everything(arm, account):
    arm.delete(account)
    assert arm.delete(DELETED).status_code == 200
    assert arm.delete(DELETED).status_code == 204
    assert arm.get(f"{PROVIDER}/deletedAccounts").json() == {"value": []}
    assert arm.put(account, NAMED).status_code == 201


def test_after_two_days_it_is_purged_by_itself(arm, account, clock):
    arm.delete(account)
    clock.advance(48 * HOURS - 1)
    assert code(arm.put(account, NAMED)) == (409, "FlagMustBeSetForRestore")
    clock.advance(2)
    assert arm.put(f"{ACCOUNT}2", NAMED).status_code == 201
    assert arm.put(account, BARE).status_code == 201


def test_purge_takes_a_right_on_the_subscription(arm, account):
    arm.delete(account)
    assert code(arm.as_(identity.FTCTL_READER).delete(DELETED)) == (403, "AuthorizationFailed")


def test_an_account_in_creation_takes_no_children_and_answers_nothing(arm, group):
    arm.put(ACCOUNT, NAMED)
    child = arm.put(f"{ACCOUNT}/deployments/d", {"sku": {"name": "Standard", "capacity": 1}})
    assert code(child) == (400, "AccountProvisioningStateInvalid")
    chat = arm.call("GET", "/cognitiveservices/acc-sub/openai/v1/models", audience="https://ai.azure.com")
    assert chat.status_code == 404


def test_a_region_takes_so_many_accounts(arm, group):
    for number in range(30):
        assert arm.put(f"{ACCOUNT}-{number}", BARE).status_code == 201
    assert code(arm.put(f"{ACCOUNT}-30", BARE)) == (400, "InsufficientQuota")
    assert arm.put(f"{ACCOUNT}-30", BARE | {"location": "eastus2"}).status_code == 201
