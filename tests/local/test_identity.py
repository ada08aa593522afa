from __future__ import annotations

import base64
import json
import time
import uuid
from urllib.parse import parse_qsl, urlsplit

import msal
import pytest
import requests
from azure.identity import ClientSecretCredential

from ftctl.local import identity, roles
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


def jwt(claims, **head):
    parts = {"alg": "RS256", "typ": "JWT", "kid": "k"} | head, claims
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + ".c2ln"
    )


def github(**other):
    """What GitHub's OIDC sends for a job on a branch."""
    now = time.time()
    return {
        "iss": "https://token.actions.githubusercontent.com",
        "sub": "repo:example/app:ref:refs/heads/main",
        "aud": "api://AzureADTokenExchange",
        "jti": "7b9f",
        "repository": "example/app",
        "ref": "refs/heads/main",
        "iat": now,
        "nbf": now - 600,
        "exp": now + 300,
    } | other


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


KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def federated(arm, assertion, **form):
    good = {"client_secret": None, "client_assertion_type": KIND, "client_assertion": assertion}
    return ask(arm, **good | form)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": "repo:example@12/app@345:environment:prod"},
        {
            "iss": "https://oidc.example",
            "sub": "system:serviceaccount:ns:trainer",
            "aud": ["api://AzureADTokenExchange"],
        },
    ],
)
def test_a_federated_token_replaces_the_secret(arm, claims):
    body = federated(arm, jwt(github(**claims))).json()
    assert identity.peek_token(body["access_token"])["oid"] == FTCTL_LOCAL.id


@pytest.mark.parametrize(
    ("assertion", "status", "number"),
    [
        ("not-a-jwt", 400, 50027),
        (jwt(github(), alg="none"), 400, 50027),
        (jwt(github(exp=1)), 401, 700024),
        (jwt(github(exp=None)), 401, 700024),
        (jwt(github(nbf=9e9)), 401, 700024),
        (jwt(github(aud="https://github.com/example")), 400, 700212),
        (jwt(github(iss="token.actions.githubusercontent.com")), 400, 700211),
        (jwt(github(sub="example/app")), 400, 700213),
        (jwt(github(sub=None)), 400, 700213),
        (jwt(github(iss=FTCTL_LOCAL.client_id, sub=FTCTL_LOCAL.client_id)), 401, 700027),
    ],
)
def test_a_federated_token_of_the_wrong_shape_is_refused(arm, assertion, status, number):
    refused = federated(arm, assertion)
    assert (refused.status_code, refused.json()["error_codes"]) == (status, [number])


def test_a_federated_token_needs_its_type(arm):
    assert federated(arm, jwt(github()), client_assertion_type="x").json()["error_codes"] == [50027]


@pytest.fixture
def public_client(arm):
    """MSAL's client for users, as command lines use it."""
    with requests.Session() as session:
        session.verify = str(arm.served.ca_file)
        session.trust_env = False  # an environment's CA file would win over the one above
        yield msal.PublicClientApplication(
            "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
            authority=f"{arm.served.url}/{TENANT_ID}",
            http_client=session,
            instance_discovery=False,
        )


@pytest.mark.filterwarnings("ignore:response_mode")
def test_a_user_signs_in_by_code_and_again_by_refresh_token(arm, group, public_client):
    flow = public_client.initiate_auth_code_flow(
        [f"{ARM}/.default"], redirect_uri="http://localhost:8400", login_hint="ada@local.example"
    )
    there = arm.session.get(flow["auth_uri"], verify=arm.served.ca_file, allow_redirects=False)
    assert there.status_code == 302
    answer = dict(parse_qsl(urlsplit(there.headers["Location"]).query))
    first = public_client.acquire_token_by_auth_code_flow(flow, answer)
    assert identity.peek_token(first["access_token"])["oid"] == identity.ADA.id
    assert first["id_token_claims"]["preferred_username"] == "ada@local.example"
    account = public_client.get_accounts()[0]
    again = public_client.acquire_token_silent_with_error(
        ["https://cognitiveservices.azure.com/.default"], account, force_refresh=True
    )
    claims = identity.peek_token(again["access_token"])
    assert (claims["oid"], claims["aud"]) == (identity.ADA.id, DATA)


def refresh(arm, token, **form):
    return ask(arm, client_secret=None, grant_type="refresh_token", refresh_token=token, **form)


def test_refresh_tokens_are_their_clients_and_nothing_else(arm):
    key = arm.azure.secrets.signing_key
    mine = identity.issue_token(key, identity.ADA, "urn:ftctl:refresh", client_id=FTCTL_LOCAL.client_id)
    assert refresh(arm, mine).status_code == 200
    assert refresh(arm, mine, scope=f"{ARM}//user_impersonation openid").status_code == 200
    assert refresh(arm, mine, client_id="other").json()["error_codes"] == [700007]
    access = identity.issue_token(key, identity.ADA, ARM, client_id=FTCTL_LOCAL.client_id)
    assert refresh(arm, access).json()["error_codes"] == [9002313]
    forged = identity.issue_token("another key", identity.ADA, "urn:ftctl:refresh", client_id=FTCTL_LOCAL.client_id)
    assert refresh(arm, forged).json()["error"] == "invalid_grant"
    bearer = {"Authorization": f"Bearer {mine}"}
    assert code(arm.call("GET", "/subscriptions", headers=bearer)) == (401, "InvalidAuthenticationTokenAudience")


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"redirect_uri": "https://example.com/"}, 50011),
        ({"redirect_uri": "http://localhost.example/"}, 50011),
        ({"response_type": "token"}, 700054),
        ({"client_id": ""}, 900144),
        ({"login_hint": "nobody@local.example"}, 50034),
    ],
)
def test_no_code_is_given_to_strangers(arm, query, number):
    good = {"response_type": "code", "client_id": "c", "redirect_uri": "http://localhost:1/"}
    response = arm.session.get(
        f"{arm.served.url}/{TENANT_ID}/oauth2/v2.0/authorize",
        params=good | query,
        verify=arm.served.ca_file,
        allow_redirects=False,
    )
    assert (response.status_code, response.json()["error_codes"]) == (400, [number])


def test_a_code_needs_what_its_challenge_was_made_of(arm):
    good = {
        "response_type": "code",
        "client_id": FTCTL_LOCAL.client_id,
        "redirect_uri": "http://localhost:1/",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",  # the example of RFC 7636
        "code_challenge_method": "S256",
    }
    there = arm.session.get(
        f"{arm.served.url}/common/oauth2/v2.0/authorize", params=good, verify=arm.served.ca_file, allow_redirects=False
    )
    form = {
        "grant_type": "authorization_code",
        "client_secret": None,
        "code": dict(parse_qsl(urlsplit(there.headers["Location"]).query))["code"],
        "redirect_uri": "http://localhost:1/",
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }
    assert ask(arm, **form).status_code == 200
    assert ask(arm, **form | {"code_verifier": "guess"}).json()["error_codes"] == [501481]
    assert ask(arm, **form | {"redirect_uri": "http://localhost:2/"}).json()["error_codes"] == [500112]


def test_the_openid_configuration_names_this_address(arm):
    for place in (f"{TENANT_ID}/v2.0", "organizations/v2.0", TENANT_ID):
        body = arm.session.get(
            f"{arm.served.url}/{place}/.well-known/openid-configuration", verify=arm.served.ca_file
        ).json()
        assert body["token_endpoint"] == f"{arm.served.url}/{TENANT_ID}/oauth2/v2.0/token"
        assert arm.session.get(body["jwks_uri"], verify=arm.served.ca_file).json() == {"keys": []}


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


def test_graph_finds_several_by_their_ids(arm):
    def ask(ids, **more):
        return arm.call("POST", "/v1.0/directoryObjects/getByIds", {"ids": ids} | more, audience=GRAPH)

    ids = [identity.ADA.id, CI_PIPELINE.id.upper(), "11111111-1111-1111-1111-111111111111"]
    found = ask(ids).json()["value"]
    assert [one["id"] for one in found] == [identity.ADA.id, CI_PIPELINE.id]
    assert [one["@odata.type"] for one in found] == ["#microsoft.graph.user", "#microsoft.graph.servicePrincipal"]
    assert [one["id"] for one in ask(ids, types=["user"]).json()["value"]] == [identity.ADA.id]
    for wrong in ("x", [1], None):
        assert code(ask(wrong)) == (400, "Request_BadRequest")


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


def test_a_token_for_the_servers_own_address_is_one_for_arm_and_graph_alone(arm, account):
    """Which JavaScript's ARM client and the Azure CLI on a registered cloud ask for."""
    token = ask(arm, scope=f"{arm.served.url}/.default").json()["access_token"]

    def status(path):
        headers = {"Authorization": f"Bearer {token}"}
        return arm.session.get(arm.served.url + path, headers=headers, verify=arm.served.ca_file).status_code

    assert status("/subscriptions?api-version=2022-12-01") == 200
    assert status("/v1.0/groups") == 200
    assert status("/cognitiveservices/acc-sub/openai/v1/models") == 401


def test_everybody_may_ask_what_their_own_roles_allow(arm, account):
    """One entry for each role at or above the scope, those of groups too; `permissions/read` is what it takes."""
    found = arm.get(f"{account}/providers/Microsoft.Authorization/permissions").json()["value"]
    assert found == [{"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []}]
    one = roles.named("Cognitive Services OpenAI Contributor")
    sent = {"roleDefinitionId": roles.definition_id(one), "principalId": identity.ML_ENGINEERS.id}
    bound = {"condition": "@Resource[x] StringEquals 'y'", "conditionVersion": "2.0"}
    assignment = f"{account}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    arm.put(assignment, {"properties": sent | bound})
    _, group = arm.get(f"{account}/providers/Microsoft.Authorization/permissions").json()["value"]
    assert group["dataActions"] == list(one.data_actions)
    assert group["condition"] == bound["condition"]
    above = account.partition("/providers/")[0]
    assert arm.get(f"{above}/providers/Microsoft.Authorization/permissions").json()["value"] == found
    missing = arm.get(f"{account}x/providers/Microsoft.Authorization/permissions")
    assert missing.status_code == 404
