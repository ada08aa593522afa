"""The OpenAI SDK for Python does the fine-tuning lab: both of Azure's routes, signed in by key and by Entra."""

from __future__ import annotations

import csv
import io
import ssl

import openai
import pytest
from azure.identity import ClientSecretCredential, get_bearer_token_provider
from lab import MODEL, VERSION, examples

BASE = f"{MODEL}-{VERSION}"
SCOPE = "https://cognitiveservices.azure.com/.default"


@pytest.fixture
def token(azure):
    env = azure.environment
    with ClientSecretCredential(
        env["AZURE_TENANT_ID"],
        env["AZURE_CLIENT_ID"],
        env["AZURE_CLIENT_SECRET"],
        authority=azure.url,
        disable_instance_discovery=True,
        connection_verify=str(azure.ca_file),
    ) as credential:
        yield get_bearer_token_provider(credential, SCOPE)


@pytest.fixture(params=["dated, key", "dated, Entra", "v1, key", "v1, Entra"])
def client(request, account, token):
    """As Microsoft's guides make it; only whom to trust is said, for the environment of a test is not its own."""
    http = openai.DefaultHttpxClient(verify=ssl.create_default_context(cafile=account.azure.ca_file))
    way, entra = request.param.split(", ")[0], request.param.endswith("Entra")
    if way == "v1":
        base_url = f"{account.endpoint}openai/v1/"
        client = openai.OpenAI(base_url=base_url, api_key=token if entra else account.key, http_client=http)
    else:
        signed_in = {"azure_ad_token_provider": token} if entra else {"api_key": account.key}
        client = openai.AzureOpenAI(
            azure_endpoint=account.endpoint, api_version="2025-04-01-preview", http_client=http, **signed_in
        )
    with client:
        yield client


def upload(client, number, name):
    sent = client.files.create(file=(name, io.BytesIO(examples(number))), purpose="fine-tune")
    return client.files.wait_for_processing(sent.id, poll_interval=0.05)


def test_the_lab(client, account, azure):
    train, valid = upload(client, 20, "training_set.jsonl"), upload(client, 10, "validation_set.jsonl")
    assert (train.status, train.filename, valid.status) == ("processed", "training_set.jsonl", "processed")
    assert {train.id, valid.id} <= {one.id for one in client.files.list(purpose="fine-tune")}

    job = client.fine_tuning.jobs.create(
        training_file=train.id,
        validation_file=valid.id,
        model=BASE,
        seed=105,
        suffix="sums",
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
        extra_body={"trainingType": "GlobalStandard"},
    )
    assert (job.status, job.model_extra["trainingType"]) == ("pending", "globalStandard")
    assert [one.id for one in client.fine_tuning.jobs.list(limit=1)] == [job.id]

    azure.advance("12h")
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert (done.status, done.hyperparameters.n_epochs) == ("succeeded", 2)
    assert done.fine_tuned_model == f"{BASE}.ft-{job.id.removeprefix('ftjob-')}-sums"
    told = [one.message for one in client.fine_tuning.jobs.list_events(job.id, limit=5)]  # page after page
    assert told[-1] == "Job enqueued. Waiting for jobs ahead to complete."
    assert "Job succeeded." in told
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id))
    assert [one.fine_tuned_model_checkpoint for one in checkpoints[:1]] == [done.fine_tuned_model]
    assert len(checkpoints) == 2

    rows = list(csv.DictReader(io.StringIO(client.files.content(done.result_files[0]).text)))
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    assert float(rows[-1]["full_valid_loss"]) == pytest.approx(checkpoints[0].metrics.full_valid_loss)

    account.deploy("sums", done.fine_tuned_model)
    messages = [{"role": "user", "content": "What is 3 plus 3?"}]
    answer = client.chat.completions.create(model="sums", messages=messages, temperature=0)
    assert answer.model == done.fine_tuned_model
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("3 plus 3 is 6.", "stop")
    with client.chat.completions.create(
        model="sums", messages=messages, temperature=0, stream=True, stream_options={"include_usage": True}
    ) as stream:
        pieces = list(stream)
    said = "".join(one.choices[0].delta.content or "" for one in pieces if one.choices)
    assert said == answer.choices[0].message.content
    assert pieces[-1].usage == answer.usage

    with pytest.raises(openai.ConflictError):
        client.with_options(max_retries=0).models.delete(done.fine_tuned_model)
    account.undeploy("sums")
    client.models.delete(done.fine_tuned_model)
    assert done.fine_tuned_model not in {one.id for one in client.models.list()}
    assert client.files.delete(train.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(train.id)


def test_a_job_is_cancelled(client):
    train = upload(client, 10, "training_set.jsonl")
    job = client.fine_tuning.jobs.create(
        training_file=train.id, model=BASE, extra_body={"trainingType": "GlobalStandard"}
    )
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    assert client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model is None


def test_a_wrong_key_and_a_missing_deployment_are_the_sdks_own_errors(client, account):
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="none", messages=[{"role": "user", "content": "Hi"}])
    assert missing.value.code == "DeploymentNotFound"
    with pytest.raises(openai.AuthenticationError) as refused:
        client.with_options(api_key="0" * 32).files.list()
    assert refused.value.code == "401"
