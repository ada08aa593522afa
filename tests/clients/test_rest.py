"""Groups, role assignments and Graph: byte by byte against a scripted server, and against the local Azure."""

from __future__ import annotations

import uuid

import pytest

from ftctl.catalog.roles import find_role
from ftctl.clients import ids
from ftctl.clients.errors import AzureError
from ftctl.clients.rest import Rest
from ftctl.local import identity

SUBSCRIPTION = ids.subscription_id(identity.SUBSCRIPTION_ID)
GROUP = ids.group_id(identity.SUBSCRIPTION_ID, "rg-finetune")


@pytest.fixture
def rest(parts):
    return Rest(*parts)


def test_pages_are_followed(rest, fake):
    path = "/subscriptions/s/resourceGroups"
    first = {"value": [{"name": "a"}], "nextLink": f"{fake.url}{path}?api-version=2021-04-01&$skiptoken=2"}
    fake.script[f"GET {path}"] = [(200, first), (200, {"value": [{"name": "b"}]})]
    assert [group["name"] for group in rest.list_groups("s")] == ["a", "b"]
    assert fake.seen[1].query == {"api-version": ["2021-04-01"], "$skiptoken": ["2"]}
    assert fake.seen[1].headers["authorization"] == "Bearer token-for-arm"


def test_what_lives_in_a_group_is_listed(rest, fake):
    fake.script["GET /subscriptions/s/resourceGroups/rg/resources"] = [(200, {"value": [{"name": "a"}]})]
    assert rest.list_group_resources("/subscriptions/s/resourceGroups/rg") == [{"name": "a"}]


def test_a_page_elsewhere_does_not_get_our_token(rest, fake):
    fake.script["GET /subscriptions/s/resourceGroups"] = [(200, {"value": [], "nextLink": "https://evil.example/x"})]
    with pytest.raises(AzureError) as caught:
        rest.list_groups("s")
    assert caught.value.code == "FT2024"


def test_a_redirect_is_not_followed(rest, fake):
    fake.script["GET /subscriptions/s/resourceGroups/g"] = [(302, None, {"location": f"{fake.url}/other"})]
    with pytest.raises(AzureError):
        rest.get_group("/subscriptions/s/resourceGroups/g")
    assert len(fake.seen) == 1


def test_netrc_does_not_replace_the_token(rest, fake, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    fake.script["GET /subscriptions/s/resourceGroups"] = [(200, {"value": []})]
    rest.list_groups("s")
    assert fake.seen[0].headers["authorization"] == "Bearer token-for-arm"


def test_a_name_cannot_leave_its_filter(rest, fake):
    fake.script["GET /v1.0/groups"] = [(200, {"value": []})]
    assert rest.find_principal("group", "o'hara' or true") is None
    assert fake.seen[0].query["$filter"] == ["displayName eq 'o''hara'' or true'"]
    assert fake.seen[0].headers["authorization"] == "Bearer token-for-graph"


def test_a_name_of_several_is_refused(rest, fake):
    fake.script["GET /v1.0/groups"] = [(200, {"value": [{"id": "1"}, {"id": "2"}]})]
    with pytest.raises(AzureError) as caught:
        rest.find_principal("group", "team")
    assert caught.value.code == "FT2012"
    assert "1, 2" in caught.value.problem.what


def test_no_right_to_look_names_up(rest, fake):
    fake.script["GET /v1.0/users"] = [(403, {"error": {"code": "Authorization_RequestDenied", "message": "no"}})]
    with pytest.raises(AzureError) as caught:
        rest.find_principal("user", "a@b")
    assert caught.value.code == "FT2008"
    assert "object id" in caught.value.problem.fix


@pytest.mark.parametrize(
    ("kind", "name", "who"),
    [
        ("group", "ml-engineers", identity.ML_ENGINEERS),
        ("user", "ada@local.example", identity.ADA),
        ("servicePrincipal", "ci-pipeline", identity.CI_PIPELINE),
        ("servicePrincipal", identity.CI_PIPELINE.client_id, identity.CI_PIPELINE),
    ],
)
def test_principals_are_found_by_name(clients, kind, name, who):
    assert clients.rest.find_principal(kind, name) == {"id": who.id, "type": who.kind, "name": name}


def test_nobody_of_that_name(clients):
    assert clients.rest.find_principal("group", "nobody") is None


def test_a_group_is_made_found_and_deleted(clients, clock):
    rest = clients.rest
    assert rest.get_group(GROUP) is None
    assert rest.put_group(GROUP, {"location": "northcentralus", "tags": {"a": "b"}})["tags"] == {"a": "b"}
    assert rest.get_group(GROUP)["location"] == "northcentralus"
    assert [group["name"] for group in rest.list_groups(identity.SUBSCRIPTION_ID)] == ["rg-finetune"]
    rest.delete_group(GROUP)
    clock.advance(3600)
    rest.delete_group(GROUP)
    assert rest.get_group(GROUP) is None


def test_a_role_is_assigned_listed_and_taken_away(clients):
    rest = clients.rest
    role = find_role("Cognitive Services Usages Reader")
    assignment = ids.role_assignment_id(SUBSCRIPTION, str(uuid.UUID(int=7)))
    body = {
        "properties": {
            "roleDefinitionId": ids.role_definition_id(identity.SUBSCRIPTION_ID, role.id),
            "principalId": identity.CI_PIPELINE.id,
            "principalType": "ServicePrincipal",
            "description": "ftctl",
        }
    }
    made = rest.put_role_assignment(assignment, body)
    assert ids.last(made["properties"]["roleDefinitionId"]) == role.id
    assert assignment.lower() in [one["id"].lower() for one in rest.list_role_assignments(SUBSCRIPTION)]
    assert rest.get_role_assignment(assignment)["properties"]["description"] == "ftctl"
    rest.delete_role_assignment(assignment)
    rest.delete_role_assignment(assignment)
    assert rest.get_role_assignment(assignment) is None


def test_a_principal_that_does_not_come_is_waited_for_and_then_told(clients, clock):
    start = clock.now()
    body = {
        "properties": {
            "roleDefinitionId": ids.role_definition_id(identity.SUBSCRIPTION_ID, find_role("Reader").id),
            "principalId": str(uuid.UUID(int=99)),
        }
    }
    with pytest.raises(AzureError) as caught:
        clients.rest.put_role_assignment(ids.role_assignment_id(SUBSCRIPTION, str(uuid.UUID(int=8))), body)
    assert caught.value.code == "FT2110"
    assert 100 < (clock.now() - start).total_seconds() <= 180


def test_a_role_is_found_by_name(clients):
    role = clients.rest.find_role_definition(SUBSCRIPTION, "cognitive services openai user")
    assert role["name"] == find_role("Cognitive Services OpenAI User").id
    assert clients.rest.find_role_definition(SUBSCRIPTION, "No Such Role") is None
