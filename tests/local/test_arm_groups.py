from __future__ import annotations

from ftctl.local.identity import CI_PIPELINE
from tests.local.conftest import ACCOUNT, GROUP, SUBSCRIPTION, code
from tests.local.test_identity import grant

GROUPS = f"{SUBSCRIPTION}/resourceGroups"


def test_a_group_is_made_read_and_listed(arm):
    made = arm.put(GROUP, {"location": "East US 2", "tags": {"team": "x"}})
    assert made.status_code == 201
    assert made.json() == {
        "id": GROUP,
        "name": "rg-test",
        "type": "Microsoft.Resources/resourceGroups",
        "location": "East US 2",
        "tags": {"team": "x"},
        "properties": {"provisioningState": "Succeeded"},
    }
    assert arm.get(GROUP.upper()).json() == made.json()
    assert arm.get(GROUPS).json() == {"value": [made.json()]}
    assert arm.call("HEAD", GROUP).status_code == 204
    assert arm.call("HEAD", f"{GROUPS}/none").status_code == 404


def test_a_second_put_replaces_the_tags_and_cannot_move_it(arm, group):
    again = arm.put(group, {"location": "SwedenCentral"})
    assert again.status_code == 200
    assert "tags" not in again.json()
    assert code(arm.put(group, {"location": "westus"})) == (409, "InvalidResourceGroupLocation")
    assert arm.call("PATCH", group, {"tags": {"a": "b"}}).json()["tags"] == {"a": "b"}


def test_what_is_wrong_with_a_group_is_said(arm):
    assert code(arm.get(GROUP)) == (404, "ResourceGroupNotFound")
    assert code(arm.put(GROUP, {})) == (400, "LocationRequired")
    assert code(arm.put(GROUP, {"location": "atlantis"})) == (400, "LocationNotAvailableForResourceGroup")
    assert code(arm.put(f"{GROUPS}/bad.", {"location": "westus"})) == (400, "InvalidResourceGroupName")
    assert code(arm.put(GROUP, {"location": "westus", "tags": {"a": 1}})) == (400, "InvalidRequestContent")


def test_deleting_a_group_takes_time_and_all_that_is_in_it(arm, account, clock):
    grant(arm, account, "acdd72a7-3385-48ef-bd42-f606fba81ae7", CI_PIPELINE)
    started = arm.delete(GROUP)
    assert started.status_code == 202
    assert started.headers["Retry-After"] == "1"
    poll = started.headers["Location"]
    assert arm.get(poll).status_code == 202
    assert arm.get(GROUP).json()["properties"]["provisioningState"] == "Deleting"
    assert code(arm.put(GROUP, {"location": "swedencentral"})) == (409, "ResourceGroupBeingDeleted")
    clock.advance(60)
    done = arm.get(poll)
    assert (done.status_code, done.content) == (200, b"")
    assert arm.get(GROUP).status_code == 404
    assert arm.get(GROUPS).json() == {"value": []}
    assert arm.put(GROUP, {"location": "westus"}).status_code == 201
    assert arm.get(ACCOUNT).status_code == 404
    path = f"{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/deletedAccounts"
    assert [one["name"] for one in arm.get(path).json()["value"]] == ["acc"]
    assignments = arm.get(f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments").json()["value"]
    assert CI_PIPELINE.id not in {one["properties"]["principalId"] for one in assignments}


def test_resources_of_the_subscription_are_filtered_as_the_azure_cli_asks(arm, account):
    def names(condition):
        answer = arm.get(f"{SUBSCRIPTION}/resources", **{"$filter": condition})
        return [one["name"] for one in answer.json()["value"]] if answer.status_code == 200 else code(answer)

    assert names("") == ["acc"]
    kind = "Microsoft.CognitiveServices/accounts"
    assert names(f"resourceGroup eq 'RG-test' and resourceType eq '{kind}'") == ["acc"]
    assert names("resourceGroup eq 'other'") == []
    assert names("name ne 'acc'") == (400, "UnsupportedQuery")
    assert [one["type"] for one in arm.get(f"{GROUP}/resources").json()["value"]] == [kind]
