"""azure-identity's DefaultAzureCredential finds each way to sign in that CI and Azure's own machines have."""

from __future__ import annotations

import os

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DefaultAzureCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from lab import bare_environment, github_token

SIGN_IN = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_AUTHORITY_HOST")


@pytest.fixture
def process(azure, monkeypatch):
    """Make this process's environment one without any Azure, but for the given variables and whom to trust."""

    def become(*names, **more):
        for name in os.environ.keys() - bare_environment().keys():
            monkeypatch.delenv(name)
        for name in (*names, "REQUESTS_CA_BUNDLE"):
            monkeypatch.setenv(name, azure.environment[name])
        for name, value in more.items():
            monkeypatch.setenv(name, value)

    return become


def accounts(azure, credential):
    """What ARM shows to who has signed in."""
    subscription = azure.environment["AZURE_SUBSCRIPTION_ID"]
    with CognitiveServicesManagementClient(credential, subscription, base_url=azure.url) as client:
        return {one.name for one in client.accounts.list()}


def test_by_client_secret(process, azure, account):
    process(*SIGN_IN, "AZURE_CLIENT_SECRET")
    with DefaultAzureCredential(disable_instance_discovery=True) as credential:
        assert account.name in accounts(azure, credential)


def test_by_workload_identity(process, azure, account, tmp_path):
    token = tmp_path / "token"
    token.write_text(github_token(), encoding="ascii")
    process(*SIGN_IN, AZURE_FEDERATED_TOKEN_FILE=str(token))
    with DefaultAzureCredential() as credential:
        assert account.name in accounts(azure, credential)


def test_by_managed_identity(process, azure, account):
    process("IDENTITY_ENDPOINT", "IDENTITY_HEADER")
    with DefaultAzureCredential() as credential:
        assert account.name in accounts(azure, credential)


def test_a_wrong_secret_is_told_as_entra_tells_it(process):
    process(*SIGN_IN, AZURE_CLIENT_SECRET="wrong")
    with (
        DefaultAzureCredential(disable_instance_discovery=True) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token("https://management.azure.com/.default")
