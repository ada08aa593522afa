"""What --trace shows and counts, and what the clients cost to import."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest

from ftctl.clients import Clients, Trace
from ftctl.clients.dataplane import DataPlane
from ftctl.clients.errors import AzureError
from ftctl.clients.http import Http
from ftctl.local import identity


def test_every_call_of_every_client_is_traced(cloud, clock, azure):
    out = io.StringIO()
    with Clients(cloud, clock, Trace(out)) as clients:
        clients.arm.list_accounts(identity.SUBSCRIPTION_ID)
        clients.rest.list_groups(identity.SUBSCRIPTION_ID)
        with pytest.raises(AzureError):
            clients.data(f"{cloud.arm}/cognitiveservices/none/").list_files()
        with pytest.raises(AzureError):
            clients.data(f"{cloud.arm}/cognitiveservices/none/").create_job({"model": "m", "training_file": "f"})
        secrets = [clients.credentials.token(scope) for scope in (cloud.arm_scope, cloud.data_scope)]
    lines = out.getvalue().splitlines()
    assert len(lines) == clients.trace.count == len(azure.calls)
    line = next(line for line in lines if "/accounts" in line)
    assert re.fullmatch(r" +\d+\.\d{3} GET https://127\S+/accounts\?api-version=2025-09-01 200 \d+ ms [\w-]{36}", line)
    for secret in [*secrets, cloud.identity.client_secret]:
        assert secret not in out.getvalue()


def test_attempts_and_failures_show(parts, fake):
    cloud, _, credentials, retry = parts
    out = io.StringIO()
    http = Http(cloud, Trace(out))
    fake.script["GET /openai/v1/files/f"] = ["hang up", (500, None, {"x-request-id": "r1"}), (200, {"id": "f"})]
    DataPlane(fake.url, cloud, http, credentials, retry).get_file("f")
    http.close()
    first, second, third = out.getvalue().splitlines()
    assert "no answer (ConnectionError)" in first
    assert second.endswith("ms attempt 2 r1")
    assert third.endswith("ms attempt 3")


def test_no_secret_of_an_address_shows(plain_cloud, fake):
    out = io.StringIO()
    http = Http(plain_cloud, Trace(out))
    fake.script["GET /ft/train.jsonl"] = [(200, {})]
    http.send("GET", f"{fake.url}/ft/train.jsonl", params={"sig": "S3cret", "api-version": "v1"})
    http.close()
    assert "/ft/train.jsonl?sig=…&api-version=v1 200" in out.getvalue()
    assert "S3cret" not in out.getvalue()


def test_nothing_heavy_comes_with_the_clients():
    code = (
        "import sys, ftctl.clients, ftctl.catalog.clouds, ftctl.catalog.roles\n"
        "from ftctl.core.clock import SystemClock\n"
        "ftctl.clients.Clients(ftctl.catalog.clouds.CLOUDS['public'], SystemClock())\n"
        "print([name for name in ('azure', 'openai', 'requests', 'httpx2', 'msal') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_read_of_the_data_plane_needs_no_sdk():
    code = "import sys, ftctl.clients.dataplane\nprint('openai' in sys.modules, 'azure.mgmt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == (
        "False False\n"
    )
