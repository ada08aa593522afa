"""The Azure CLI, as it is published, in an environment and with a configuration of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from lab import MODEL, OTHERS, VERSION, bare_environment, examples, github_token, installed

pytestmark = pytest.mark.others

LOCATION = "swedencentral"
DATED = "api-version=2024-10-21"
PIPELINE = "00000000-0000-4000-8000-00000000c003"  # the application that has no role until somebody assigns one
CONTRIBUTOR, USER = "Cognitive Services OpenAI Contributor", "Cognitive Services OpenAI User"
TO_THE_DATA = ("--resource", "https://cognitiveservices.azure.com")  # the CLI cannot tell it from the address


@dataclass(frozen=True)
class Cli:
    """`az` with the configuration of a folder, in an environment that names no Azure."""

    program: Path
    folder: Path
    ca_file: Path
    more: dict[str, str] = field(default_factory=dict, repr=False)

    def __call__(self, *arguments):
        """What a command printed, as JSON."""
        done = self._run(arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, *arguments):
        """Why a command failed."""
        done = self._run(arguments)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def _run(self, arguments):
        environment = bare_environment() | self.more
        environment |= {"AZURE_CONFIG_DIR": str(self.folder), "REQUESTS_CA_BUNDLE": str(self.ca_file)}
        environment |= {"AZURE_CORE_COLLECT_TELEMETRY": "false", "AZURE_CORE_OUTPUT": "json"}
        command = [self.program, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def cloud(azure, tmp_path_factory):
    """The CLI with the local Azure as its cloud, and nobody signed in."""
    program = installed(OTHERS / "azure-cli" / "installed").with_name("bin") / "az"
    az = Cli(program, tmp_path_factory.mktemp("cloud"), azure.ca_file)
    az("config", "set", "core.instance_discovery=false")
    az("cloud", "register", "--name", "local", "--endpoint-resource-manager", azure.url)
    az("cloud", "set", "--name", "local")
    return az


@pytest.fixture
def stranger(cloud, tmp_path):
    """The same for one test alone, to sign in as it likes."""

    def become(**more):
        folder = shutil.copytree(cloud.folder, tmp_path / "azure")
        return Cli(cloud.program, folder, cloud.ca_file, more)

    return become


def sign_in(az, azure, kind, proof):
    env = azure.environment
    who = ("--username", env["AZURE_CLIENT_ID"], "--tenant", env["AZURE_TENANT_ID"], kind, proof)
    return az("login", "--service-principal", *who)


@pytest.fixture(scope="module")
def az(cloud, azure, tmp_path_factory):
    """The CLI, signed in by a client secret."""
    folder = shutil.copytree(cloud.folder, tmp_path_factory.mktemp("signed_in") / "azure")
    signed_in = Cli(cloud.program, folder, cloud.ca_file)
    [subscription] = sign_in(signed_in, azure, "--password", azure.environment["AZURE_CLIENT_SECRET"])
    assert subscription["id"] == azure.environment["AZURE_SUBSCRIPTION_ID"]
    return signed_in


@pytest.fixture
def place():
    """The options that name an account of the test's own: its group, and itself in it."""
    name = f"az-{uuid.uuid4().hex[:10]}"
    return ("--resource-group", f"rg-{name}", "--name", name)


def make(az, place):
    """The group and the account. OpenAI accounts that are to take tokens need a subdomain."""
    _, group, _, name = place
    az("group", "create", "--name", group, "--location", LOCATION)
    like = ("--kind", "OpenAI", "--sku", "S0", "--location", LOCATION, "--custom-domain", name, "--yes")
    return az("cognitiveservices", "account", "create", *place, *like)


def accounts(az, *arguments):
    """The names that a list of accounts shows."""
    return [one["name"] for one in az("cognitiveservices", "account", *arguments)]


def test_an_account_from_its_group_to_its_purge(az, place):
    _, group, _, name = place
    account = ("cognitiveservices", "account")
    made = make(az, place)
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert made["properties"]["customSubDomainName"] == name
    assert az(*account, "show", *place)["id"] == made["id"]
    assert accounts(az, "list", "--resource-group", group) == [name]

    keys = az(*account, "keys", "list", *place)
    fresh = az(*account, "keys", "regenerate", *place, "--key-name", "Key1")
    assert fresh["key2"] == keys["key2"]
    assert fresh["key1"] != keys["key1"]

    assert az(*account, "delete", *place) is None
    assert accounts(az, "list", "--resource-group", group) == []
    assert name in accounts(az, "list-deleted")
    assert "(FlagMustBeSetForRestore)" in az.refused(
        *account, "create", *place, "--kind", "OpenAI", "--sku", "S0", "--location", LOCATION, "--yes"
    )
    az(*account, "purge", *place, "--location", LOCATION)
    assert name not in accounts(az, "list-deleted")

    assert az("group", "show", "--name", group)["location"] == LOCATION
    az("group", "delete", "--name", group, "--yes")
    assert "(ResourceGroupNotFound)" in az.refused("group", "show", "--name", group)


def test_a_role_goes_by_its_name_to_an_application_by_its_id(az, account):
    given = ("--assignee", PIPELINE, "--scope", account.id)
    made = az("role", "assignment", "create", *given, "--role", USER)
    assert made["principalType"] == "ServicePrincipal"
    [found] = az("role", "assignment", "list", *given)
    assert (found["id"], found["roleDefinitionName"], found["principalName"]) == (made["id"], USER, PIPELINE)
    az("role", "assignment", "delete", *given, "--role", USER)
    assert az("role", "assignment", "list", *given) == []


def test_models_and_usages_of_a_location(az):
    models = az("cognitiveservices", "model", "list", "--location", LOCATION)
    [model] = [one["model"] for one in models if (one["model"]["name"], one["kind"]) == (MODEL, "OpenAI")]
    assert (model["version"], model["capabilities"]["globalFineTune"]) == (VERSION, "true")
    usages = az("cognitiveservices", "usage", "list", "--location", LOCATION)
    assert {one["name"]["value"]: one["limit"] for one in usages}["OpenAI.FineTuned.Deployments"] == 10
    assert {sku["usageName"] for sku in model["skus"]} <= {one["name"]["value"] for one in usages}


def upload(azure, endpoint, key):
    """`az rest` sends no forms: the file goes by other means."""
    reply = requests.post(
        f"{endpoint}openai/files?{DATED}",
        headers={"api-key": key},
        files={"file": ("train.jsonl", examples(20))},
        data={"purpose": "fine-tune"},
        verify=azure.ca_file,
        timeout=10,
    )
    assert reply.status_code == 201
    return reply.json()["id"]


def ask(az, endpoint, path, body=None):
    """A call of the data plane by `az rest`."""
    sent = ("--method", "post", "--body", json.dumps(body)) if body else ()
    return az("rest", *TO_THE_DATA, *sent, "--uri", f"{endpoint}openai/{path}")


def test_the_lab(az, azure, place):
    made = make(az, place)
    endpoint, account = made["properties"]["endpoint"], ("cognitiveservices", "account")
    jobs = f"fine_tuning/jobs?{DATED}"
    assert "PermissionDenied" in az.refused("rest", *TO_THE_DATA, "--uri", f"{endpoint}openai/{jobs}")
    caller = ("--assignee", azure.environment["AZURE_CLIENT_ID"], "--scope", made["id"])
    az("role", "assignment", "create", *caller, "--role", CONTRIBUTOR)

    file = upload(azure, endpoint, az(*account, "keys", "list", *place)["key1"])
    assert [(one["id"], one["status"]) for one in ask(az, endpoint, "v1/files")["data"]] == [(file, "processed")]
    order = {"model": f"{MODEL}-{VERSION}", "training_file": file, "trainingType": "globalStandard", "suffix": "az"}
    job = ask(az, endpoint, jobs, order)
    assert job["status"] == "pending"
    assert [one["id"] for one in ask(az, endpoint, jobs)["data"]] == [job["id"]]
    azure.advance("12h")
    done = ask(az, endpoint, f"fine_tuning/jobs/{job['id']}?{DATED}")
    assert done["status"] == "succeeded"
    assert done["fine_tuned_model"] == f"{MODEL}-{VERSION}.ft-{job['id'].removeprefix('ftjob-')}-az"

    deployed = (*place, "--deployment-name", "sums")
    model = ("--model-format", "OpenAI", "--model-name", done["fine_tuned_model"], "--model-version", "1")
    deployment = (*account, "deployment")
    az(*deployment, "create", *deployed, *model, "--sku-name", "GlobalStandard", "--sku-capacity", "1")
    azure.advance("1h")  # the CLI does not wait for a deployment
    shown = az(*deployment, "show", *deployed)
    assert shown["properties"]["provisioningState"] == "Succeeded"
    assert (shown["properties"]["model"]["name"], shown["sku"]["capacity"]) == (done["fine_tuned_model"], 1)
    assert [one["id"] for one in az(*deployment, "list", *place)] == [shown["id"]]
    question = {"messages": [{"role": "user", "content": "What is 3 plus 3?"}]}
    answer = ask(az, endpoint, f"deployments/sums/chat/completions?{DATED}", question)
    assert answer["choices"][0]["message"]["content"] == "3 plus 3 is 6."

    az(*deployment, "delete", *deployed)
    assert az(*deployment, "list", *place) == []
    az("role", "assignment", "delete", *caller, "--role", CONTRIBUTOR)
    assert "PermissionDenied" in az.refused("rest", *TO_THE_DATA, "--uri", f"{endpoint}openai/{jobs}")
    az(*account, "delete", *place)
    az(*account, "purge", *place, "--location", LOCATION)


def test_a_workflow_signs_in_by_its_token(stranger, azure, account):
    az = stranger()
    sign_in(az, azure, "--federated-token", github_token())
    assert account.name in accounts(az, "list")


def test_a_machine_signs_in_by_its_managed_identity(stranger, azure, account):
    az = stranger(**{name: azure.environment[name] for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")})
    assert az("login", "--identity")[0]["user"]["type"] == "servicePrincipal"
    assert account.name in accounts(az, "list")


def test_a_wrong_secret_is_told_as_entra_tells_it(stranger, azure):
    env = azure.environment
    who = ("--username", env["AZURE_CLIENT_ID"], "--tenant", env["AZURE_TENANT_ID"], "--password", "wrong")
    assert "AADSTS7000215" in stranger().refused("login", "--service-principal", *who)
