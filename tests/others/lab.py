"""The fine-tuning lab as clients of other people do it: the server they call, and what all of them need."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
import requests

ROOT = Path(__file__).parents[2]
OTHERS = ROOT / ".others"  # what `make others` installs
OPENAI_CONTRIBUTOR = "a001fd3d-188f-4b5d-821b-7da978bf7442"  # the role that may train
MODEL, VERSION = "gpt-4.1-mini", "2025-04-14"
_OURS = ("AZURE_", "IDENTITY_", "OPENAI_", "FTCTL_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True)
class LocalAzure:
    """A local Azure in a process of its own. `environment` is what `ftctl local env` prints of it."""

    folder: Path
    url: str
    ca_file: Path
    environment: dict[str, str] = field(repr=False)

    def advance(self, length: str) -> None:
        """Let Azure's time pass: `advance("2h")`."""
        ftctl(self.folder, "local", "clock", "advance", length)

    def process_environment(self, **more: str) -> dict[str, str]:
        """A process's whole environment: this one's without any other Azure, and `environment`."""
        return bare_environment() | self.environment | more


def bare_environment() -> dict[str, str]:
    """This process's environment without what names an Azure, or whom to trust."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def ftctl(folder: Path, *arguments: str) -> str:
    """What a command of ftctl prints, for the local Azure of a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "ftctl", *arguments],
        env=bare_environment() | {"FTCTL_LOCAL_DIR": str(folder), "NO_COLOR": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def examples(number: int) -> bytes:
    """Training data for a chat model: `number` conversations, one a line."""
    lines = (
        {
            "messages": [
                {"role": "system", "content": "You answer in one short sentence."},
                {"role": "user", "content": f"What is {n} plus {n}?"},
                {"role": "assistant", "content": f"{n} plus {n} is {2 * n}."},
            ]
        }
        for n in range(number)
    )
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def github_token() -> str:
    """As GitHub's OIDC provider makes them for a workflow; Entra reads it, and here nobody can check who signed it."""
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256", "x5t": "k", "kid": "k"}
    claims = {
        "iss": "https://token.actions.githubusercontent.com",
        "sub": "repo:contoso/models:ref:refs/heads/main",
        "aud": "api://AzureADTokenExchange",
        "repository": "contoso/models",
        "iat": now,
        "nbf": now - 300,
        "exp": now + 300,
    }
    parts = (json.dumps(head).encode(), json.dumps(claims).encode(), b"signature")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def installed(path: Path) -> Path:
    """A client that `make others` installs, where it is installed."""
    if not path.exists():
        missing(f"{path.relative_to(ROOT)} is missing: `make others` makes it")
    return path


def missing(reason: str) -> NoReturn:
    """Skip a test that cannot run here; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Arm:
    """ARM by plain requests, as the one who set the local Azure up: what a lab needs before and after its client."""

    def __init__(self, azure: LocalAzure) -> None:
        self._azure = azure
        self._session = requests.Session()
        self._session.verify = str(azure.ca_file)
        self._session.trust_env = False
        self.token = self._signed_in()
        self._session.headers["Authorization"] = f"Bearer {self.token}"
        claims = self.token.split(".")[1]
        self.caller = str(json.loads(base64.urlsafe_b64decode(claims + "=="))["oid"])

    def _signed_in(self) -> str:
        env = self._azure.environment
        form = {
            "grant_type": "client_credentials",
            "client_id": env["AZURE_CLIENT_ID"],
            "client_secret": env["AZURE_CLIENT_SECRET"],
            "scope": "https://management.azure.com/.default",
        }
        url = f"{self._azure.url}/{env['AZURE_TENANT_ID']}/oauth2/v2.0/token"
        return str(self._session.post(url, data=form, timeout=10).json()["access_token"])

    def call(self, method: str, path: str, body: object = None, version: str = "2025-06-01") -> Any:
        reply = self._session.request(
            method, self._azure.url + path, json=body, params={"api-version": version}, timeout=10
        )
        assert reply.ok, reply.text
        return reply.json() if reply.content else None


@dataclass(frozen=True)
class Account:
    """An account with a chat model's home and a key, made for one test alone."""

    azure: LocalAzure
    arm: Arm
    name: str
    group: str
    id: str
    key: str = field(repr=False)

    @property
    def endpoint(self) -> str:
        return str(self.arm.call("GET", self.id)["properties"]["endpoint"])

    def deploy(self, deployment: str, model: str, sku: str = "GlobalStandard") -> None:
        """As the guides deploy a fine-tuned model: a PUT to ARM."""
        properties = {"model": {"format": "OpenAI", "name": model, "version": "1"}}
        self.arm.call(
            "PUT",
            f"{self.id}/deployments/{deployment}",
            {"sku": {"name": sku, "capacity": 1}, "properties": properties},
        )
        self.azure.advance("1h")

    def purge(self) -> None:
        """Delete it and what is in it for good, for a deleted account still counts."""
        for one in self.arm.call("GET", f"{self.id}/deployments")["value"]:
            self.undeploy(one["name"])
        self.arm.call("DELETE", self.id)
        subscription = self.id.partition("/resourceGroups/")[0]
        deleted = "providers/Microsoft.CognitiveServices/locations/swedencentral/resourceGroups"
        self.arm.call("DELETE", f"{subscription}/{deleted}/{self.group}/deletedAccounts/{self.name}")

    def undeploy(self, deployment: str) -> None:
        self.arm.call("DELETE", f"{self.id}/deployments/{deployment}")
        self.azure.advance("1h")


def _trainer(azure: LocalAzure, arm: Arm) -> dict[str, str]:
    """To be Owner is not enough: training takes a role with data actions."""
    subscription = f"/subscriptions/{azure.environment['AZURE_SUBSCRIPTION_ID']}"
    definition = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{OPENAI_CONTRIBUTOR}"
    return {"roleDefinitionId": definition, "principalId": arm.caller, "principalType": "ServicePrincipal"}


def new_account(azure: LocalAzure) -> Account:
    """A resource group and an account with a subdomain, ready to use."""
    arm, name = Arm(azure), f"acc-{uuid.uuid4().hex[:10]}"
    group = f"/subscriptions/{azure.environment['AZURE_SUBSCRIPTION_ID']}/resourceGroups/rg-{name}"
    arm.call("PUT", group, {"location": "swedencentral"})
    id_ = f"{group}/providers/Microsoft.CognitiveServices/accounts/{name}"
    body = {"location": "swedencentral", "kind": "OpenAI", "sku": {"name": "S0"}}
    arm.call("PUT", id_, body | {"properties": {"customSubDomainName": name}})
    role = f"{id_}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    arm.call("PUT", role, {"properties": _trainer(azure, arm)}, version="2022-04-01")
    azure.advance("5m")
    key = arm.call("POST", f"{id_}/listKeys")["key1"]
    return Account(azure, arm, name, f"rg-{name}", id_, key)
