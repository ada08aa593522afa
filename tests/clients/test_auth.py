"""Tokens: fetched once, renewed in time, never shown; and what it says when there is none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ftctl.catalog.clouds import CLOUDS
from ftctl.clients import Clients
from ftctl.clients.auth import Credentials, Token
from ftctl.clients.errors import AzureError
from ftctl.core.errors import Exit

ARM = "https://management.azure.com/.default"


@pytest.fixture
def token_calls(azure):
    return lambda: sum(call.route.startswith("entra.") and call.method == "POST" for call in azure.calls)


def test_a_token_is_fetched_once_a_scope(clients, cloud, token_calls):
    first = clients.credentials.token(ARM)
    assert clients.credentials.token(ARM) == first
    assert clients.credentials.get_token(ARM).token == first
    assert clients.credentials.get_token_info(ARM, options={}).token == first
    assert clients.credentials.token(cloud.data_scope) != first
    assert token_calls() == 2


def test_many_threads_fetch_one_token(clients, token_calls):
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(clients.credentials.token, [ARM] * 8))
    assert len(tokens) == 1
    assert token_calls() == 1


class Source:
    """A way to sign in whose tokens last an hour of the test's clock (azure-identity keeps real time, and a cache)."""

    def __init__(self, clock):
        self.clock = clock
        self.given = 0

    def get_token(self, scope):
        self.given += 1
        return Token(f"{scope}#{self.given}", int(self.clock.now().timestamp()) + 3600)


def test_a_token_is_renewed_five_minutes_before_its_end(clients, cloud, clock):
    credentials = Credentials(cloud, clients._http, clients.retry, clock=clock)
    credentials._source = Source(clock)
    assert credentials.token("x") == "x#1"
    clock.advance(3600 - 300 - 1)
    assert credentials.token("x") == "x#1"
    clock.advance(2)
    assert credentials.token("x") == "x#2"


def test_no_token_shows(clients):
    token = clients.credentials.get_token(ARM)
    assert token.token not in repr(token)
    assert token.token not in repr(clients.credentials) + str(vars(clients.credentials))
    assert "S3cret" not in repr(Token("S3cret", 1))


def test_a_wrong_secret_is_told_without_it(cloud, clock):
    wrong = replace(cloud, identity=replace(cloud.identity, client_secret="S3cret"))
    with Clients(wrong, clock) as clients, pytest.raises(AzureError) as caught:
        clients.rest.list_groups("s")
    assert caught.value.code == "FT2002"
    assert caught.value.exit is Exit.PERMISSION
    assert "S3cret" not in repr(caught.value.problems)


def test_nobody_to_sign_in_with(cloud, clock):
    away = replace(cloud, arm="https://127.0.0.1:9", authority="https://127.0.0.1:9")
    with Clients(away, clock) as clients, pytest.raises(AzureError) as caught:
        clients.credentials.token(ARM)
    assert caught.value.code == "FT2020"
    assert not caught.value.ambiguous


def test_a_certificate_that_is_not_trusted(cloud, clock):
    with Clients(replace(cloud, verify=None), clock) as clients, pytest.raises(AzureError) as caught:
        clients.credentials.token(ARM)
    assert caught.value.code == "FT2021"


def test_not_signed_in_names_what_was_tried(clock, monkeypatch):
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with Clients(CLOUDS["public"], clock) as clients, pytest.raises(AzureError) as caught:
        clients.credentials.token(ARM)
    assert caught.value.code == "FT2001"
    assert "EnvironmentCredential" in caught.value.problem.what
    assert "az login" in caught.value.problem.fix


def test_warming_up_signs_in_beside(clients, token_calls):
    clients.warm().join()
    assert token_calls() == 1
    clients.credentials.token(ARM)
    assert token_calls() == 1
