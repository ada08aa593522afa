from __future__ import annotations

import pytest
import requests

from ftctl.local import identity
from ftctl.local.azure import Azure, Settings
from ftctl.local.identity import ADA, CI_PIPELINE, FTCTL_LOCAL, ML_ENGINEERS
from tests.local.conftest import ACCOUNT, GROUP, SUBSCRIPTION, Caller, code

AUTHORIZATION = "/providers/Microsoft.Authorization"
USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
TRAINER = "a001fd3d-188f-4b5d-821b-7da978bf7442"
FIRST, SECOND = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"


def path(scope, name=FIRST):
    return f"{scope}{AUTHORIZATION}/roleAssignments/{name}"


def body(role=USER, who=CI_PIPELINE.id, kind="ServicePrincipal", **more):
    definition = f"{SUBSCRIPTION}{AUTHORIZATION}/roleDefinitions/{role}"
    properties = {"roleDefinitionId": definition, "principalId": who, "principalType": kind}
    return {"properties": {name: value for name, value in (properties | more).items() if value is not None}}


def names(reply):
    return {one["name"] for one in reply.json()["value"]}


def test_an_assignment_is_made_read_changed_and_removed(arm, account):
    made = arm.put(path(account), body(roleDefinitionId=f"{AUTHORIZATION}/roleDefinitions/{USER.upper()}"))
    assert made.status_code == 201
    shown = made.json()
    assert (shown["id"], shown["name"]) == (path(account), FIRST)
    properties = shown["properties"]
    assert properties["createdBy"] is None
    assert properties["updatedBy"] == FTCTL_LOCAL.id
    assert properties["scope"] == account
    assert properties["roleDefinitionId"] == f"{SUBSCRIPTION}{AUTHORIZATION}/roleDefinitions/{USER}"
    assert properties["description"] is None
    read = arm.get(path(account)).json()
    assert read["properties"]["createdBy"] == FTCTL_LOCAL.id
    again = arm.put(path(account), body(description="why"))
    assert (again.status_code, again.json()["properties"]["description"]) == (200, "why")
    gone = arm.delete(path(account))
    assert (gone.status_code, gone.json()["name"]) == (200, FIRST)
    assert arm.delete(path(account)).status_code == 204
    assert code(arm.get(path(account))) == (404, "RoleAssignmentNotFound")


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        (body("00000000-0000-0000-0000-000000000000"), 400, "RoleDefinitionDoesNotExist"),
        (body(who="somebody"), 400, "InvalidPrincipalId"),
        (body(who="11111111-1111-1111-1111-111111111111", kind=None), 400, "PrincipalNotFound"),
        (body(kind="User"), 400, "UnmatchedPrincipalType"),
        (body(kind="Robot"), 400, "InvalidPrincipalType"),
        ({"properties": []}, 400, "InvalidRequestContent"),
    ],
)
def test_what_is_wrong_is_refused(arm, account, sent, status, error):
    assert code(arm.put(path(account), sent)) == (status, error)


def test_one_that_the_directory_does_not_know_yet_is_believed_by_its_type(arm, account):
    stranger = "11111111-1111-1111-1111-111111111111"
    assert arm.put(path(account), body(who=stranger)).status_code == 201


def test_a_guid_is_used_once_and_a_triple_too(arm, account):
    arm.put(path(account), body())
    twin = arm.put(path(account, SECOND), body())
    assert code(twin) == (409, "RoleAssignmentExists")
    assert FIRST.replace("-", "") in twin.json()["error"]["message"]
    assert code(arm.put(path(account), body(TRAINER))) == (409, "RoleAssignmentUpdateNotPermitted")
    assert code(arm.put(path(GROUP), body())) == (409, "RoleAssignmentUpdateNotPermitted")
    assert arm.put(path(GROUP, SECOND), body()).status_code == 201


def test_a_scope_has_to_be_there(arm, group):
    assert code(arm.put(path(ACCOUNT), body())) == (404, "ResourceNotFound")
    assert code(arm.put(path(GROUP + "x"), body())) == (404, "ResourceGroupNotFound")
    assert code(arm.put(path(GROUP, "not-a-guid"), body())) == (400, "InvalidRoleAssignmentId")
    assert arm.put(path(SUBSCRIPTION), body()).status_code == 201


def test_lists_look_up_and_down_and_filters_narrow_them(arm, account):
    arm.put(path(SUBSCRIPTION, FIRST), body(who=ML_ENGINEERS.id, kind="Group"))
    arm.put(path(account, SECOND), body(TRAINER, who=ADA.id, kind="User"))

    def listed(scope, condition=None):
        query = {"$filter": condition} if condition else {}
        return names(arm.get(f"{scope}{AUTHORIZATION}/roleAssignments", **query)) & {FIRST, SECOND}

    assert listed(GROUP) == {FIRST, SECOND}
    assert listed(GROUP, "atScope()") == {FIRST}
    assert listed(account, "atScope()") == {FIRST, SECOND}
    assert listed(SUBSCRIPTION, f"principalId eq '{ADA.id}'") == {SECOND}
    assert listed(SUBSCRIPTION, f"assignedTo('{ADA.id}')") == {FIRST, SECOND}
    assert listed(GROUP, f"atScope() and assignedTo('{ADA.id}')") == {FIRST}
    for condition in (f"atScope() and principalId eq '{ADA.id}'", "roleName eq 'x'", "atScope() and "):
        assert code(arm.get(f"{GROUP}{AUTHORIZATION}/roleAssignments", **{"$filter": condition})) == (
            400,
            "UnsupportedQuery",
        )


def test_definitions_are_found_by_old_and_new_names(arm):
    def named(name):
        url = f"{SUBSCRIPTION}{AUTHORIZATION}/roleDefinitions"
        return arm.get(url, **{"$filter": f"roleName eq '{name}'"}).json()["value"]

    assert [one["name"] for one in named("cognitive services openai user")] == [USER]
    assert named("Azure AI User") == named("Foundry User") != []
    assert named("Emperor") == []
    one = arm.get(named("Reader")[0]["id"]).json()
    assert one["properties"]["permissions"][0]["actions"] == ["*/read"]
    everything = arm.get(f"{GROUP}{AUTHORIZATION}/roleDefinitions", **{"$filter": "type eq 'BuiltInRole'"})
    assert len(everything.json()["value"]) >= 19


def test_only_who_may_grant_grants(arm, account):
    reader = arm.as_(identity.FTCTL_READER)
    assert reader.get(f"{account}{AUTHORIZATION}/roleAssignments").status_code == 200
    assert code(reader.put(path(account), body())) == (403, "AuthorizationFailed")


def test_an_assignment_reaches_the_data_plane_when_it_has_spread(clock):
    azure = Azure(None, clock=clock, settings=Settings(pace=1, propagation_seconds=300))
    with azure.serve() as served, requests.Session() as session:
        arm = Caller(azure, served, session)
        arm.put(GROUP, {"location": "swedencentral"})
        sent = {"location": "swedencentral", "kind": "OpenAI", "sku": {"name": "S0"}}
        arm.put(ACCOUNT, sent | {"properties": {"customSubDomainName": "acc-sub"}})
        clock.advance(60)
        arm.put(path(ACCOUNT), body(who=FTCTL_LOCAL.id))

        def models():
            url = "/cognitiveservices/acc-sub/openai/v1/models"
            return arm.call("GET", url, audience="https://cognitiveservices.azure.com").status_code

        assert models() == 401
        clock.advance(299)
        assert models() == 401
        clock.advance(2)
        assert models() == 200
    azure.close()
