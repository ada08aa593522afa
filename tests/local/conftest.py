"""A local Azure for tests, in memory, with a clock that the test moves, and a caller that signs in to it."""

from __future__ import annotations

import pytest
import requests

from ftctl.core.clock import ManualClock
from ftctl.local import identity
from ftctl.local.azure import Azure

SUBSCRIPTION = f"/subscriptions/{identity.SUBSCRIPTION_ID}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-test"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/acc"
ARM = "https://management.azure.com"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def azure(clock):
    azure = Azure(None, clock=clock)
    yield azure
    azure.close()


@pytest.fixture
def served(azure):
    with azure.serve() as served:
        yield served


class Caller:
    """Plain HTTPS as one principal; the shape of every error is left to the test."""

    def __init__(self, azure, served, session, who=identity.FTCTL_LOCAL):
        self.azure, self.served, self.session, self.who = azure, served, session, who
        self.version = "2025-06-01"

    def as_(self, who):
        return Caller(self.azure, self.served, self.session, who)

    def token(self, audience=ARM):
        return identity.issue_token(self.azure.secrets.signing_key, self.who, audience)

    def call(self, method, path, json=None, *, audience=ARM, headers=None, **query):
        url = path if path.startswith("https:") else self.served.url + path
        if "api-version" not in url and audience == ARM:
            query.setdefault("api-version", self.version)
        return self.session.request(
            method,
            url,
            json=json,
            params=query,
            headers={"Authorization": f"Bearer {self.token(audience)}"} | (headers or {}),
            verify=self.served.ca_file,
            timeout=10,
        )

    def get(self, path, **query):
        return self.call("GET", path, **query)

    def put(self, path, body, **query):
        return self.call("PUT", path, body, **query)

    def delete(self, path):
        return self.call("DELETE", path)


@pytest.fixture
def arm(azure, served):
    with requests.Session() as session:
        yield Caller(azure, served, session)


@pytest.fixture
def group(arm):
    assert arm.put(GROUP, {"location": "swedencentral"}).status_code == 201
    return GROUP


@pytest.fixture
def account(arm, group, clock):
    body = {
        "location": "swedencentral",
        "kind": "OpenAI",
        "sku": {"name": "S0"},
        "properties": {"customSubDomainName": "acc-sub"},
    }
    assert arm.put(ACCOUNT, body).status_code == 201
    clock.advance(60)
    return ACCOUNT


def code(response):
    """The error code of a reply, whichever plane wrote it."""
    return response.status_code, response.json()["error"]["code"]
