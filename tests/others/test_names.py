"""Azure's own host names, as a client sends them in the Host header and looks for them in the certificate."""

from __future__ import annotations

import socket
import ssl

import pytest
import requests
from lab import examples

from ftctl.local.azure import Azure


def by_name(account, host, path, **options):
    url, headers = f"{account.azure.url}{path}", {"Host": host} | options.pop("headers", {})
    method = "POST" if "files" in options else "GET"
    return requests.request(method, url, headers=headers, verify=account.azure.ca_file, timeout=10, **options)


@pytest.mark.parametrize("domain", ["openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com"])
def test_an_account_answers_by_its_name_in_each_of_its_domains(account, domain):
    key = {"api-key": account.key}
    assert by_name(account, f"{account.name}.{domain}", "/openai/v1/files", headers=key).json()["data"] == []
    assert by_name(account, f"{account.name.upper()}.{domain}:443", "/openai/v1/files", headers=key).status_code == 200
    assert by_name(account, f"{account.name}-x.{domain}", "/openai/v1/files", headers=key).status_code == 404


def test_who_calls_by_name_is_answered_with_names(account):
    arm = {"Authorization": f"Bearer {account.arm.token}"}
    shown = by_name(account, "management.azure.com", account.id, headers=arm, params={"api-version": "2025-06-01"})
    assert shown.json()["properties"]["endpoint"] == f"https://{account.name}.cognitiveservices.azure.com/"

    sent = by_name(
        account,
        f"{account.name}.openai.azure.com",
        "/openai/files",
        params={"api-version": "2024-10-21"},
        headers={"api-key": account.key},
        data={"purpose": "fine-tune"},
        files={"file": ("t.jsonl", examples(10))},
    )
    where = (
        f"https://{account.name}.cognitiveservices.azure.com/openai/files/{sent.json()['id']}?api-version=2024-10-21"
    )
    assert (sent.status_code, sent.headers["Location"]) == (201, where)
    assert account.endpoint == f"{account.azure.url}/cognitiveservices/{account.name}/"  # and who does not, without


def test_the_regions_endpoint_takes_a_key_and_no_token(account):
    host = "swedencentral.api.cognitive.microsoft.com"
    assert by_name(account, host, "/openai/v1/files", headers={"api-key": account.key}).status_code == 200
    refused = by_name(account, host, "/openai/v1/files", headers={"Authorization": f"Bearer {account.arm.token}"})
    assert "custom subdomain" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "name", ["management.azure.com", "login.microsoftonline.com", "a.openai.azure.com", "localhost"]
)
def test_the_certificate_bears_azures_names_when_asked_to(name):
    azure = Azure(None)
    try:
        with azure.serve() as served:
            assert handshake(served, name) is (name == "localhost")
        with azure.serve(by_name=True) as served:
            assert handshake(served, name)
            assert not handshake(served, "example.com")
        assert (azure.folder / "tls" / "azure.pem").stat().st_mode & 0o077 == 0
    finally:
        azure.close()


def handshake(served, name):
    """Whether a client that trusts the CA takes this server for the one of a name."""
    host, port = served.url.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=served.ca_file)
    with socket.create_connection((host, int(port)), timeout=5) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=name):
                return True
        except ssl.SSLCertVerificationError:
            return False
