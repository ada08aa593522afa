from __future__ import annotations

import base64
import json

import pytest
from azure.identity import ClientSecretCredential

from ftctl.local import identity
from ftctl.local.identity import CI_PIPELINE, FTCTL_LOCAL, FTCTL_READER, MANAGED_IDENTITY, TENANT_ID
from tests.local.conftest import ACCOUNT, ARM, GROUP, SUBSCRIPTION, code

GRAPH = "https://graph.microsoft.com"
DATA = "https://cognitiveservices.azure.com"


def ask(arm, tenant=TENANT_ID, **form):
    who = FTCTL_LOCAL.client_id
    whole = {
        "grant_type": "client_credentials",
        "client_id": who,
        "client_secret": arm.azure.secrets.client_secrets[who],
        "scope": f"{ARM}/.default",
    } | form
    return arm.session.post(
        f"{arm.served.url}/{tenant}/oauth2/v2.0/token",
        data={name: value for name, value in whole.items() if value is not None},
        verify=arm.served.ca_file,
    )


def jwt(claims):
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{middle}.c2ln"


def test_a_secret_buys_a_token_for_one_audience(arm):
    body = ask(arm).json()
    claims = identity.read_token(arm.azure.secrets.signing_key, body["access_token"])
    assert (claims["aud"], claims["oid"], claims["appid"]) == (ARM, FTCTL_LOCAL.id, FTCTL_LOCAL.client_id)
    assert body["token_type"] == "Bearer"
    assert claims["exp"] - claims["iat"] == body["expires_in"]


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_id": "11111111-1111-1111-1111-111111111111"}, 400, "unauthorized_client", 700016),
        ({"client_id": None}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"scope": "https://example.com/.default"}, 400, "invalid_resource", 500011),
        ({"scope": ARM}, 400, "invalid_scope", 1002012),
        ({"tenant": "contoso.com"}, 400, "invalid_request", 90002),
    ],
)
def test_entra_says_no_in_its_own_shape(arm, form, status, error, number):
    response = ask(arm, **form)
    body = response.json()
    assert (response.status_code, body["error"], body["error_codes"]) == (status, error, [number])
    assert f"AADSTS{number}:" in body["error_description"]
    assert arm.azure.secrets.client_secrets[FTCTL_LOCAL.client_id] not in response.text


def test_a_federated_token_replaces_the_secret(arm):
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    good = {
        "client_secret": None,
        "client_assertion_type": kind,
        "client_assertion": jwt({"sub": "repo:x", "exp": 9e9}),
    }
    assert ask(arm, **good).status_code == 200
    assert ask(arm, **good | {"client_assertion": jwt({"exp": 1})}).json()["error_codes"] == [700024]
    assert ask(arm, **good | {"client_assertion": "not-a-jwt"}).json()["error_codes"] == [50027]


def test_azure_identity_signs_in_unmodified(arm):
    with ClientSecretCredential(
        TENANT_ID,
        CI_PIPELINE.client_id,
        arm.azure.secrets.client_secrets[CI_PIPELINE.client_id],
        authority=arm.served.url,
        disable_instance_discovery=True,
        connection_verify=str(arm.served.ca_file),
    ) as credential:
        token = credential.get_token(f"{DATA}/.default").token
    assert identity.peek_token(token)["oid"] == CI_PIPELINE.id


def test_the_managed_identity_needs_its_header(arm):
    def call(header, **query):
        return arm.session.get(
            f"{arm.served.url}/msi/token",
            params={"api-version": "2019-08-01", "resource": ARM} | query,
            headers={"X-IDENTITY-HEADER": header},
            verify=arm.served.ca_file,
        )

    body = call(arm.azure.secrets.identity_header).json()
    assert identity.peek_token(body["access_token"])["oid"] == MANAGED_IDENTITY.id
    assert body["expires_on"].isdigit()
    assert call("wrong").status_code == 401
    assert call(arm.azure.secrets.identity_header, resource="https://example.com").status_code == 400


def test_tokens_are_checked_for_signature_audience_and_age(arm, monkeypatch):
    def call(token):
        return arm.session.get(
            f"{arm.served.url}{GROUP}?api-version=2021-04-01",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            verify=arm.served.ca_file,
        )

    forged = identity.issue_token("another key", FTCTL_LOCAL, ARM)
    assert code(call(None)) == (401, "AuthenticationFailed")
    assert code(call(forged)) == (401, "InvalidAuthenticationToken")
    assert code(call("a.b")) == (401, "InvalidAuthenticationToken")
    assert code(call(arm.token(GRAPH))) == (401, "InvalidAuthenticationTokenAudience")
    monkeypatch.setattr(identity, "LIFETIME", -3600)
    assert code(call(arm.token())) == (401, "ExpiredAuthenticationToken")


def test_the_reader_reads_and_writes_nothing(arm, group):
    reader = arm.as_(FTCTL_READER)
    assert reader.get(group).status_code == 200
    assert code(reader.put(group, {"location": "swedencentral"})) == (403, "AuthorizationFailed")


def test_a_role_through_a_group_counts(arm, group):
    ada = arm.as_(identity.ADA)
    assert code(ada.get(group)) == (403, "AuthorizationFailed")
    grant(arm, group, "acdd72a7-3385-48ef-bd42-f606fba81ae7", identity.ML_ENGINEERS)
    assert ada.get(group).status_code == 200
    assert [one["name"] for one in ada.get(f"{SUBSCRIPTION}/resourceGroups").json()["value"]] == ["rg-test"]


def grant(arm, scope, role, who, name="aaaaaaaa-0000-4000-8000-000000000001"):
    properties = {
        "roleDefinitionId": f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "principalId": who.id,
        "principalType": who.kind,
    }
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
    assert arm.put(path, {"properties": properties}).status_code == 201


def data(arm, path="models", audience=DATA, **given):
    return arm.call("GET", f"/cognitiveservices/acc-sub/openai/v1/{path}", audience=audience, **given)


def test_the_data_plane_takes_its_own_audience_and_data_actions(arm, account):
    assert code(data(arm, audience="https://graph.microsoft.com")) == (401, "401")
    refused = data(arm)
    assert code(refused) == (401, "PermissionDenied")  # an owner has no data action
    assert "`GET /openai/v1/models`" in refused.json()["error"]["message"]
    grant(arm, account, "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd", FTCTL_LOCAL)
    assert data(arm).status_code == 200


def test_a_key_opens_its_account_alone_and_not_with_local_auth_off(arm, account):
    key = arm.call("POST", f"{account}/listKeys").json()["key1"]

    def call(key, header="api-key"):
        return arm.session.get(
            f"{arm.served.url}/cognitiveservices/acc-sub/openai/v1/models",
            headers={header: key},
            verify=arm.served.ca_file,
        )

    assert call(key).status_code == 200
    assert call(f"Bearer {key}", "Authorization").status_code == 200
    assert code(call("0" * 32)) == (401, "401")
    arm.call("PATCH", account, {"properties": {"disableLocalAuth": True}})
    assert code(call(key)) == (403, "AuthenticationTypeDisabled")


def test_without_a_subdomain_only_the_key_works_and_tells_which_account(arm, group, clock):
    for name in ("one", "two"):
        arm.put(f"{ACCOUNT}-{name}", {"location": "Sweden Central", "kind": "OpenAI", "sku": {"name": "S0"}})
    clock.advance(60)
    key = arm.call("POST", f"{ACCOUNT}-two/listKeys").json()["key2"]
    path = "/cognitiveservices/regional/swedencentral/openai/v1/models"
    assert code(arm.call("GET", path, audience=DATA)) == (400, "BadRequest")
    plain = {"Authorization": ""}
    assert arm.call("GET", path, audience=DATA, headers={"api-key": key} | plain).status_code == 200
    assert code(arm.call("GET", path, audience=DATA, headers={"api-key": "x" * 32} | plain)) == (401, "401")


def test_the_two_routes_differ_in_their_api_version(arm, account):
    key = {"api-key": arm.call("POST", f"{account}/listKeys").json()["key1"], "Authorization": ""}
    base = "/cognitiveservices/acc-sub/openai"

    def status(path, **query):
        return arm.call("GET", base + path, audience=DATA, headers=key, **query).status_code

    assert status("/models", **{"api-version": "2024-10-21"}) == 200
    assert status("/models") == 404
    assert status("/v1/models", **{"api-version": "preview"}) == 200
    assert status("/v1/models", **{"api-version": "2024-10-21"}) == 400
    assert arm.call("GET", "/cognitiveservices/nobody/openai/v1/models", audience=DATA).status_code == 404


def test_public_access_can_be_closed(arm, account):
    key = {"api-key": arm.call("POST", f"{account}/listKeys").json()["key1"], "Authorization": ""}
    arm.call("PATCH", account, {"properties": {"networkAcls": {"defaultAction": "Deny"}}})
    assert code(data(arm, headers=key)) == (403, "AccessDenied")
    arm.call("PATCH", account, {"properties": {"networkAcls": {"ipRules": [{"value": "127.0.0.1"}]}}})
    assert data(arm, headers=key).status_code == 200
    arm.call("PATCH", account, {"properties": {"publicNetworkAccess": "Disabled"}})
    assert code(data(arm, headers=key)) == (403, "AccessDenied")


def graph(arm, path, **query):
    return arm.call("GET", f"/v1.0/{path}", audience=GRAPH, **query)


def test_graph_finds_by_name_in_any_case(arm):
    found = graph(arm, "groups", **{"$filter": "displayName eq 'ML-engineers'"}).json()["value"]
    assert [one["id"] for one in found] == [identity.ML_ENGINEERS.id]
    upn = graph(arm, "users", **{"$filter": "userPrincipalName eq 'ada@local.example'"}).json()["value"]
    assert [one["id"] for one in upn] == [identity.ADA.id]
    by_name = graph(arm, "servicePrincipals", **{"$filter": "displayName eq 'ci-pipeline'"}).json()["value"]
    condition = f"servicePrincipalNames/any(c:c eq '{CI_PIPELINE.client_id}')"
    assert graph(arm, "servicePrincipals", **{"$filter": condition}).json()["value"] == by_name
    assert by_name[0]["appId"] == CI_PIPELINE.client_id
    assert graph(arm, "groups", **{"$filter": "displayName eq 'nobody''s'"}).json()["value"] == []


def test_graph_refuses_in_its_own_shape(arm):
    assert graph(arm, "users/lin@local.example").json()["id"] == identity.LIN.id
    missing = graph(arm, f"users/{identity.ML_ENGINEERS.id}")
    assert code(missing) == (404, "Request_ResourceNotFound")
    assert "request-id" in missing.json()["error"]["innerError"]
    assert code(graph(arm, "users", **{"$filter": "id ne 'x'"})) == (400, "Request_UnsupportedQuery")


def test_cloud_metadata_is_one_object_of_this_address(arm):
    body = arm.get("/metadata/endpoints", **{"api-version": "2022-09-01"}).json()
    assert body["resourceManager"] == f"{arm.served.url}/"
    assert body["authentication"]["tenant"] == TENANT_ID
