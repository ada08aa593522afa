"""Signing in as a workflow of GitHub's: with a new token of its own for each of Entra's."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace

import pytest

from ftctl.clients import Clients, Trace
from ftctl.clients.errors import AzureError
from ftctl.local import identity

ARM = "https://management.azure.com/.default"
KEY = "k3y-of-the-job"


def assertion():
    claims = {
        "iss": "https://token.actions.githubusercontent.com",
        "sub": "repo:contoso/models:environment:production",
        "aud": "api://AzureADTokenExchange",
        "nbf": int(time.time()) - 60,
        "exp": int(time.time()) + 300,
    }
    parts = (json.dumps({"typ": "JWT", "alg": "RS256"}).encode(), json.dumps(claims).encode(), b"signature")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.fixture
def workflow(fake, monkeypatch):
    """The environment of a job with `id-token: write`."""
    for name in ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TENANT_ID", identity.TENANT_ID)
    monkeypatch.setenv("AZURE_CLIENT_ID", identity.FTCTL_LOCAL.client_id)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{fake.url}/token?api-version=2.0")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", KEY)
    fake.script["GET /token"] = [(200, {"value": assertion()})]
    return fake


def test_a_workflow_signs_in_with_its_own_token(workflow, cloud, clock):
    trace = Trace()
    with Clients(replace(cloud, identity=None), clock, trace) as clients:
        assert list(clients.rest.list_groups(identity.SUBSCRIPTION_ID)) == []
        clients.credentials.token(cloud.data_scope)
    assert [seen.query for seen in workflow.seen] == [
        {"api-version": ["2.0"], "audience": ["api://AzureADTokenExchange"]}
    ] * 2
    assert {seen.headers["authorization"] for seen in workflow.seen} == {f"Bearer {KEY}"}


def test_a_workflow_without_the_right_is_told_so(workflow, cloud, clock):
    workflow.script["GET /token"] = [(403, {"message": "no"})]
    with Clients(replace(cloud, identity=None), clock) as clients, pytest.raises(AzureError) as caught:
        clients.credentials.token(ARM)
    assert caught.value.code == "FT2001"
    assert "GitHub gave this workflow no token (HTTP 403)" in caught.value.problem.what
    assert KEY not in repr(caught.value.problems)


def test_another_way_to_sign_in_comes_first(workflow, cloud, clock, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    with Clients(replace(cloud, identity=None), clock) as clients, pytest.raises(AzureError):
        clients.credentials.token(ARM)
    assert workflow.seen == []
