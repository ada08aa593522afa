"""Microsoft's and OpenAI's JavaScript SDKs, as they are published, in one program that does the whole lab."""

from __future__ import annotations

import base64
import json
import math
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
from lab import MODEL, OPENAI_CONTRIBUTOR, OTHERS, VERSION, Arm, bare_environment, examples, installed, missing

pytestmark = pytest.mark.others

PROGRAM = Path(__file__).parent / "javascript" / "lab.mjs"
USED = "AZURE_SUBSCRIPTION_ID AZURE_TENANT_ID AZURE_CLIENT_ID AZURE_CLIENT_SECRET AZURE_AUTHORITY_HOST"
USED += " AZURE_RESOURCE_MANAGER_ENDPOINT IDENTITY_ENDPOINT IDENTITY_HEADER"
MANAGED = "00000000-0000-4000-8000-00000000a004"  # the managed identity's object id


@pytest.fixture(scope="module")
def name():
    return f"js-{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="module")
def caller(azure):
    return Arm(azure).caller


@pytest.fixture(scope="module")
def seen(azure, name, caller):
    """What the program saw; each test looks at a part of it."""
    packages = installed(OTHERS / "javascript" / "installed").parent
    if not (node := shutil.which("node")):
        missing("node is missing")
    _group(azure, name)
    wanted = {"packages": packages, "group": f"rg-{name}", "account": name, "model": f"{MODEL}-{VERSION}"}
    wanted |= {"trainers": f"{caller},{MANAGED}", "data": base64.b64encode(examples(20)).decode()}
    environment = {one: azure.environment[one] for one in USED.split()} | {"NODE_EXTRA_CA_CERTS": str(azure.ca_file)}
    done = subprocess.run(
        [node, PROGRAM, *(f"--{option}={value}" for option, value in wanted.items())],
        env=bare_environment() | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _group(azure, name):
    """The group that the account goes in; none of the SDKs here makes any."""
    subscription = f"/subscriptions/{azure.environment['AZURE_SUBSCRIPTION_ID']}"
    Arm(azure).call("PUT", f"{subscription}/resourceGroups/rg-{name}", {"location": "swedencentral"})


def test_an_account_is_made_by_a_secret_and_seen_by_the_managed_identity(seen, name):
    assert seen["account"]["properties"]["provisioningState"] == "Succeeded"
    assert seen["account"]["properties"]["endpoint"].endswith(f"/{name}/")
    assert seen["listed"] == [name]
    assert seen["keys"] == ["key1", "key2"]


def test_nobody_trains_before_the_role_is_there(seen, caller):
    assert seen["before"] == {"status": 401, "code": "PermissionDenied"}
    assert [one["principalId"] for one in seen["roles"]] == [caller, MANAGED]
    assert {one["scope"] for one in seen["roles"]} == {seen["account"]["id"]}
    assert {one["roleDefinitionId"].rpartition("/")[2] for one in seen["roles"]} == {OPENAI_CONTRIBUTOR}


@pytest.mark.parametrize("way", ["dated", "v1"])
def test_a_job_trains_on_both_routes(seen, way):
    lab = seen[way]
    file, created, done = lab["file"], lab["created"], lab["done"]
    assert (file["status"], file["filename"], file["bytes"]) == ("processed", f"{way}.jsonl", len(examples(20)))
    assert (created["training_file"], created["trainingType"]) == (file["id"], "globalStandard")
    assert done["status"] == "succeeded"
    assert done["fine_tuned_model"] == f"{MODEL}-{VERSION}.ft-{done['id'].removeprefix('ftjob-')}-{way}"
    assert lab["events"][0] == f"Training tokens billed: {done['trained_tokens']}"
    assert lab["events"][-1] == "Job enqueued. Waiting for jobs ahead to complete."
    assert len(lab["events"]) == len(set(lab["events"])) > 20  # more than a page, and none of them twice
    epochs, batch = done["hyperparameters"]["n_epochs"], done["hyperparameters"]["batch_size"]
    assert lab["checkpoints"] == 3 < epochs  # one an epoch, and the last three are kept
    assert lab["results"].startswith("step,train_loss,train_mean_token_accuracy,")
    assert len(lab["results"].splitlines()) == 1 + math.ceil(20 / batch) * epochs
    assert sorted(seen["jobs"][way]) == sorted(seen[one]["done"]["id"] for one in ("dated", "v1"))


def test_the_model_answers_on_both_routes_at_once_and_in_pieces(seen):
    properties = seen["deployment"]["properties"]
    assert properties["provisioningState"] == "Succeeded"
    assert properties["model"]["name"] == seen["dated"]["done"]["fine_tuned_model"]
    for way in ("dated", "v1"):
        whole = seen["chat"][way]
        assert whole["choices"][0]["message"]["content"] == "3 plus 3 is 6."
        assert whole["usage"]["total_tokens"] > 0
        assert "".join(seen["chat"]["streamed"][way]) == "3 plus 3 is 6."
        assert len(seen["chat"]["streamed"][way]) > 1


def test_what_can_be_trained_is_listed_with_its_quota(seen):
    assert MODEL in seen["models"]
    assert "OpenAI.FineTuned.Deployments" in seen["usages"]


def test_nothing_is_left(seen):
    cleaned = seen["cleaned"]
    assert cleaned["file"] == {"id": seen["v1"]["file"]["id"], "object": "file", "deleted": True}
    assert cleaned["deleted"] == ["Microsoft.CognitiveServices/deletedAccounts"]
    assert cleaned["left"] == 0
    assert cleaned["gone"] == {"status": 404, "code": "ResourceNotFound"}
