"""The whole way from a group to an answer, through the real SDKs, against the local Azure."""

from __future__ import annotations

import json
import uuid

import pytest

from ftctl.catalog.roles import find_role
from ftctl.clients import ids
from ftctl.clients.errors import AzureError
from ftctl.local import identity
from ftctl.local.azure import Fault

SUBSCRIPTION = identity.SUBSCRIPTION_ID
GROUP = ids.group_id(SUBSCRIPTION, "rg-finetune")
ACCOUNT = ids.account_id(SUBSCRIPTION, "rg-finetune", "aoai-test")
ASK = [{"role": "user", "content": "q 1"}]


@pytest.fixture
def account(clients, clock):
    """The endpoint of an account on which nobody has data rights yet."""
    clients.rest.put_group(GROUP, {"location": "northcentralus"})
    properties = {"customSubDomainName": "aoai-test"}
    body = {"kind": "AIServices", "location": "northcentralus", "sku": {"name": "S0"}, "properties": properties}
    clients.arm.put_account(ACCOUNT, body)
    clock.advance(60)
    return clients.arm.get_account(ACCOUNT)["properties"]["endpoint"]


@pytest.fixture
def data(clients, account):
    role = find_role("Cognitive Services OpenAI Contributor")
    properties = {
        "roleDefinitionId": ids.role_definition_id(SUBSCRIPTION, role.id),
        "principalId": identity.FTCTL_LOCAL.id,
        "principalType": "ServicePrincipal",
    }
    clients.rest.put_role_assignment(ids.role_assignment_id(ACCOUNT, str(uuid.UUID(int=1))), {"properties": properties})
    return clients.data(account)


@pytest.fixture
def file(data, clock, tmp_path):
    rows = ([{"role": "user", "content": f"q {i}"}, {"role": "assistant", "content": f"a {i}"}] for i in range(20))
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps({"messages": row}) for row in rows), encoding="utf-8")
    with path.open("rb", buffering=0) as content:
        made = data.upload_file(content, "ftctl--t--train--0a.jsonl")
    clock.advance(60)
    return made["id"]


def job_body(file):
    model = "gpt-4.1-mini-2025-04-14"
    return {"model": model, "training_file": file, "trainingType": "globalStandard", "suffix": "t-1", "seed": 1}


def test_an_owner_has_no_data_rights(clients, account):
    with pytest.raises(AzureError) as caught:
        clients.data(account).list_files()
    assert caught.value.code == "FT2005"
    assert "OpenAI/files/read" in caught.value.problem.what
    assert caught.value.problem.correlation


def test_from_a_file_to_an_answer(clients, data, file, clock):
    assert data.get_file(file)["filename"] == "ftctl--t--train--0a.jsonl"
    job = data.create_job(job_body(file))
    assert job["trainingType"] == "globalStandard"
    clock.advance(3600)
    job = data.get_job(job["id"])
    assert job["status"] == "succeeded"
    events = data.events_since(job["id"])
    assert events[0]["message"].startswith("Job enqueued")
    assert data.events_since(job["id"], events[-2]["id"]) == events[-1:]
    assert data.checkpoints(job["id"])
    assert b"".join(data.file_content(job["result_files"][0])).startswith(b"step,train_loss")
    model = {"format": "OpenAI", "name": job["fine_tuned_model"], "version": "1"}
    body = {"sku": {"name": "GlobalStandard", "capacity": 1}, "properties": {"model": model}}
    clients.arm.put_deployment(ids.deployment_id(ACCOUNT, "tone"), body)
    clock.advance(600)
    answer = data.chat("tone", ASK, 20)["choices"][0]["message"]["content"]
    assert answer
    assert "".join(data.chat_stream("tone", ASK, 20)) == answer
    data.delete_job(job["id"])
    assert data.get_job(job["id"]) is None
    data.delete_file(file)
    data.delete_file(file)
    assert file not in [one["id"] for one in data.list_files()]


def test_a_job_whose_answer_was_lost_is_there_once(data, file, azure):
    lost = [Fault(kind="lose", after=True)]
    azure.faults.append(lambda request, _: lost.pop() if lost and request.method == "POST" else None)
    with pytest.raises(AzureError) as caught:
        data.create_job(job_body(file))
    assert caught.value.ambiguous
    assert len(data.list_jobs()) == 1


def test_a_running_job_is_cancelled(data, file):
    job = data.create_job(job_body(file))
    assert data.cancel_job(job["id"])["status"] == "cancelled"


def test_a_model_the_region_does_not_train(data, file):
    with pytest.raises(AzureError) as caught:
        data.create_job(job_body(file) | {"model": "qwen3-32b"})
    assert caught.value.code == "FT2202"
    assert caught.value.status == 400
