"""Which jobs are refused and to whom, and the models that come of those that are not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from ftctl.local import identity
from ftctl.local.azure import Settings
from tests.local import plane
from tests.local.plane import HOUR, MODEL, STANDARD, chats, messages, refusal, start, upload


@pytest.fixture
def client(arm, account):
    with plane.v1(arm, account) as client:
        yield client


@pytest.fixture
def train(client, clock):
    made = upload(client, chats(20))
    clock.advance(1)
    return made.id


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "param", "told"),
    [
        ({"model": "gpt-9"}, "model", "does not exist"),
        ({"model": 5}, "model", "is required"),
        ({"model": f"{MODEL}.ft-0123"}, "model", "does not exist"),
        ({"training_file": "file-none"}, "training_file", "does not exist"),
        ({"training_file": None}, "training_file", "is required"),
        ({"validation_file": "file-none"}, "validation_file", "does not exist"),
        ({"suffix": "a.b"}, "suffix", "up to 40"),
        ({"suffix": "x" * 41}, "suffix", "up to 40"),
        ({"seed": "7"}, "seed", "whole number"),
        ({"seed": True}, "seed", "whole number"),
        ({"trainingType": "cheap"}, "trainingType", "must be one of"),
        ({"trainingType": 7}, "trainingType", "must be one of"),
        ({"trainingType": ["standard"]}, "trainingType", "must be one of"),
        ({"hyperparameters": {"n_epochs": "auto"}}, "hyperparameters.n_epochs", "whole number"),
        ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs", "whole number"),
        ({"hyperparameters": {"n_epochs": 1.5}}, "hyperparameters.n_epochs", "whole number"),
        ({"hyperparameters": {"batch_size": 10**30}}, "hyperparameters.batch_size", "whole number"),
        ({"hyperparameters": {"learning_rate_multiplier": 0}}, "hyperparameters.learning_rate_multiplier", "over 0"),
        ({"hyperparameters": {"beta": 0.1}}, "hyperparameters.beta", "not known"),
        ({"hyperparameters": {"prompt_loss_weight": 2}}, "hyperparameters.prompt_loss_weight", "from 0, up to 1"),
        ({"hyperparameters": {"prompt_loss_weight": True}}, "hyperparameters.prompt_loss_weight", "from 0, up to 1"),
        ({"hyperparameters": []}, "hyperparameters", "must be an object"),
        ({"method": {"type": "magic"}}, "method", "takes a type"),
        ({"method": {"type": ["dpo"]}}, "method", "takes a type"),
        ({"method": {"type": "supervised", "dpo": {}}}, "method", "takes a type"),
        ({"method": {"type": "supervised", "supervised": {"grader": {}}}}, "method.supervised", "has no 'grader'"),
        ({"integrations": [{"type": "wandb"}]}, "integrations", "takes one integration"),
        ({"integrations": [{"type": ["wandb"], "wandb": {"project": "p"}}]}, "integrations", "takes one integration"),
        ({"integrations": [{"type": "wandb", "wandb": {}}]}, "integrations", "needs a project"),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "p", "tags": [5]}}]}, "integrations", "a project"),
        ({"integrations": "wandb"}, "integrations", "takes one integration"),
        ({"metadata": {"a": 5}}, "metadata", "text of up to 512"),
        ({"metadata": {"a" * 65: "b"}}, "metadata", "up to 64"),
        ({"metadata": {str(n): "b" for n in range(17)}}, "metadata", "up to 16"),
        ({"colour": "red"}, "colour", "not known"),
    ],
)
def test_bad_orders_are_refused_and_nothing_is_made(client, train, changes, param, told):
    sent = {"model": MODEL, "training_file": train, "trainingType": "standard"} | changes
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/fine_tuning/jobs", cast_to=object, body=sent)
    assert caught.value.body["param"] == param
    assert told in caught.value.body["message"]
    assert client.fine_tuning.jobs.list().data == []


def test_left_out_training_type_means_standard_with_the_misleading_refusal(client, train, arm):
    """gpt-4o-mini trains in swedencentral in every way, gpt-4.1-nano not everywhere: the region decides."""
    job = client.fine_tuning.jobs.create(model=MODEL, training_file=train)
    assert "trainingType" not in job.model_dump(exclude_unset=True)
    refused = refusal(lambda: client.fine_tuning.jobs.create(model="Ministral-3B", training_file=train))
    assert refused == (400, "invalidPayload", "The specified base model does not support fine-tuning.")
    taken = client.fine_tuning.jobs.create(
        model="ministral-3b", training_file=train, extra_body={"trainingType": "GLOBALSTANDARD"}
    )
    assert (taken.model, taken.model_extra["trainingType"]) == ("Ministral-3B", "globalStandard")
    assert taken.hyperparameters.learning_rate_multiplier == 1.0


def test_file_must_be_processed_and_of_ten_examples(client, clock):
    few, bad = upload(client, chats(9)), upload(client, b"nothing")
    assert "not processed: its status is 'pending'" in refusal(lambda: start(client, few.id))[2]
    clock.advance(1)
    assert "9 example(s); at least 10" in refusal(lambda: start(client, few.id))[2]
    assert "its status is 'error'" in refusal(lambda: start(client, bad.id))[2]


def test_past_retirement_warns_or_is_enforced(client, train, clock, azure):
    clock.advance(365 * 24 * 3600)
    job = start(client, train)
    warning = next(event for event in client.fine_tuning.jobs.list_events(job.id) if event.level == "warning")
    assert "Training of the model 'gpt-4.1-mini-2025-04-14' ended on 2026-10-14" in warning.message
    azure.settings = Settings(retirements="enforce")
    assert refusal(lambda: start(client, train))[2].endswith("ended on 2026-10-14.")


def test_another_accounts_job_is_not_found(client, train, arm, group, clock):
    job = start(client, train)
    body = {
        "location": "swedencentral",
        "kind": "OpenAI",
        "sku": {"name": "S0"},
        "properties": {"customSubDomainName": "other-sub"},
    }
    other = f"{group}/providers/Microsoft.CognitiveServices/accounts/other"
    assert arm.put(other, body).status_code == 201
    clock.advance(60)
    base_url = f"{arm.served.url}/cognitiveservices/other-sub/openai/v1/"
    with openai.OpenAI(
        base_url=base_url, api_key=plane.key(arm, other), http_client=plane.http(arm.served)
    ) as stranger:
        assert stranger.fine_tuning.jobs.list().data == []
        assert stranger.files.list().data == []
        assert refusal(lambda: stranger.fine_tuning.jobs.retrieve(job.id))[0] == 404
        assert refusal(lambda: stranger.files.retrieve(train))[0] == 404


def test_reader_reads_and_chats_but_neither_uploads_nor_trains(client, train, arm):
    """As Cognitive Services OpenAI User allows; and Owner alone has no right at all on the data plane."""
    job = start(client, train)

    def entra(who):
        token = arm.as_(who).token("https://cognitiveservices.azure.com")
        return openai.OpenAI(base_url=client.base_url, api_key=token, http_client=plane.http(arm.served), max_retries=0)

    with entra(identity.FTCTL_READER) as reader:
        assert reader.files.retrieve(train).status == "processed"
        assert reader.files.content(train).read()
        assert reader.fine_tuning.jobs.retrieve(job.id).id == job.id
        assert reader.fine_tuning.jobs.list_events(job.id).data
        assert reader.models.retrieve(MODEL).id == MODEL
        jobs_of = reader.fine_tuning.jobs
        for write in (
            lambda: upload(reader, chats(1)),
            lambda: reader.files.delete(train),
            lambda: start(reader, train),
            lambda: jobs_of.cancel(job.id),
            lambda: reader.models.delete("x"),
        ):
            assert refusal(write)[:2] == (401, "PermissionDenied")
        question = [{"role": "user", "content": "x"}]
        asked = refusal(lambda: reader.chat.completions.create(model="none", messages=question))
        assert asked[:2] == (404, "DeploymentNotFound")
    with entra(identity.FTCTL_LOCAL) as owner:
        assert refusal(lambda: owner.files.retrieve(train))[:2] == (401, "PermissionDenied")


def test_many_at_once_see_one_training(client, train, clock):
    job = start(client, train, seed=2)
    clock.advance(2 * HOUR)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: messages(client, job, limit=200), range(16)))
    assert len(set(map(tuple, told))) == 1
    assert len(client.models.list().data) == len({model.id for model in client.models.list()})


# -- models ------------------------------------------------------------------------------------------------------------


def test_models_list_base_and_own_ones(client, train, clock):
    job = start(client, train)
    assert not any(".ft-" in model.id for model in client.models.list())
    clock.advance(2 * HOUR)
    name = client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    own = [model.model_dump() for model in client.models.list() if ".ft-" in model.id]
    assert [model["id"] for model in own] == [name]
    assert (own[0]["model"], own[0]["fine_tune"], own[0]["status"]) == (MODEL, job.id, "succeeded")
    base = client.models.retrieve(MODEL).model_dump()
    assert base["capabilities"]["fine_tune"]
    assert base["lifecycle_status"] == "generally-available"
    assert base["deprecation"]["fine_tune"] > base["created_at"]
    assert client.models.delete(name).deleted
    assert refusal(lambda: client.models.retrieve(name))[0] == 404
    assert refusal(lambda: client.models.delete(MODEL))[:2] == (403, "forbidden")
    assert refusal(lambda: client.models.delete("nothing"))[:2] == (404, "notFound")


def test_going_on_from_a_fine_tuned_model(client, train, clock):
    first = start(client, train)
    clock.advance(2 * HOUR)
    name = client.fine_tuning.jobs.retrieve(first.id).fine_tuned_model
    second = client.fine_tuning.jobs.create(model=name, training_file=train, extra_body=STANDARD)
    assert second.model == name
    clock.advance(2 * HOUR)
    after = client.fine_tuning.jobs.retrieve(second.id).fine_tuned_model
    assert after == f"{MODEL}.ft-{second.id.removeprefix('ftjob-')}"

    def first_loss(job):
        return client.fine_tuning.jobs.list_events(job.id, limit=200).data

    losses = [
        next(event.data["train_loss"] for event in first_loss(job)[::-1] if event.type == "metrics")
        for job in (first, second)
    ]
    assert losses[1] < losses[0] / 3
