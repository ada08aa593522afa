"""Pausing and resuming of jobs, their checkpoints, and copies of them into other accounts."""

from __future__ import annotations

import csv
import io
import re

import openai
import pytest

from ftctl.local import copies, identity, models
from tests.local import plane
from tests.local.plane import HOUR, MODEL, STANDARD, chats, messages, refusal, start, upload

MINUTE = HOUR / 60


@pytest.fixture
def client(arm, account):
    with plane.v1(arm, account) as client:
        yield client


@pytest.fixture
def older(arm, account):
    with plane.dated(arm, account) as client:
        yield client


@pytest.fixture
def train(client, clock):
    made = upload(client, chats(20))
    clock.advance(1)
    return made.id


def rows_of(client, job):
    results = client.fine_tuning.jobs.retrieve(job.id).result_files[0]
    return list(csv.DictReader(io.StringIO(client.files.content(results).text)))


def deploy(arm, account, name, deployment="tone"):
    body = {
        "sku": {"name": "GlobalStandard", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": name, "version": "1"}},
    }
    return arm.put(f"{account}/deployments/{deployment}", body)


@pytest.mark.parametrize("route", ["client", "older"])
def test_a_pause_stops_the_work_and_resuming_goes_on_with_it(request, route, client, train, clock):
    at = request.getfixturevalue(route).fine_tuning.jobs
    job = start(client, train, seed=3)
    undisturbed = start(client, train, seed=3)
    clock.advance(HOUR / 2)
    assert at.pause(job.id).status == "pausing"
    steps = len(rows_of(client, job))
    assert 1 < steps < 100
    clock.advance(6 * MINUTE)
    assert at.retrieve(job.id).status == "paused"
    clock.advance(48 * HOUR)
    assert len(rows_of(client, job)) == steps
    assert messages(client, job)[-1] == "Job paused."
    assert at.resume(job.id).status == "resuming"
    clock.advance(MINUTE)
    assert at.retrieve(job.id).status == "resuming"
    clock.advance(2 * MINUTE)
    assert at.retrieve(job.id).status == "running"
    assert "Job resumed." in messages(client, job)
    clock.advance(HOUR)
    done = at.retrieve(job.id)
    assert done.status == "succeeded"
    other = client.fine_tuning.jobs.retrieve(undisturbed.id)
    assert done.finished_at - other.finished_at == pytest.approx(48 * HOUR + 8 * MINUTE, abs=3)
    assert rows_of(client, job) == rows_of(client, undisturbed)
    told = messages(client, job, limit=200)
    assert [line for line in told if line not in messages(client, undisturbed, limit=200)][:2] == [
        f"Created results file: {done.result_files[0]}",
        "Job paused.",
    ]
    steps_told = [line for line in told if line.startswith(("Step", "Job paused", "Job resumed"))]
    assert steps_told.index("Job resumed.") == steps_told.index("Job paused.") + 1
    numbers = [int(re.match(r"Step (\d+)", line)[1]) for line in steps_told if line.startswith("Step")]
    assert numbers == sorted(numbers)
    assert max(number for number in numbers[: steps_told.index("Job paused.")]) <= steps


def test_event_ids_stay_with_their_events_through_a_pause(client, train, clock):
    job, seen = start(client, train), {}
    for at in range(60):
        clock.advance(2 * MINUTE)
        if at == 15:
            client.fine_tuning.jobs.pause(job.id)
        if at == 25:
            client.fine_tuning.jobs.resume(job.id)
        for event in client.fine_tuning.jobs.list_events(job.id, limit=500).data:
            assert seen.setdefault(event.id, (event.message, event.created_at)) == (event.message, event.created_at)
    assert client.fine_tuning.jobs.retrieve(job.id).status == "succeeded"
    assert {"Job paused.", "Job resumed."} <= {message for message, _ in seen.values()}
    assert list(client.fine_tuning.jobs.list_events(job.id, limit=7)) == list(
        client.fine_tuning.jobs.list_events(job.id, limit=500)
    )


def test_a_pause_leaves_a_checkpoint_that_can_be_deployed(client, train, clock, arm, account):
    job = start(client, train, suffix="x", seed=1)
    clock.advance(HOUR / 2)
    client.fine_tuning.jobs.pause(job.id)
    step = len(rows_of(client, job))
    name = f"{MODEL}.ft-{job.id.removeprefix('ftjob-')}-x:ckpt-step-{step}"
    assert deploy(arm, account, name).status_code == 400
    clock.advance(6 * MINUTE)
    points = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert (points[0].step_number, points[0].fine_tuned_model_checkpoint) == (step, name)
    assert points[0].metrics.train_loss == float(rows_of(client, job)[-1]["train_loss"])
    assert deploy(arm, account, name).status_code == 201
    clock.advance(1)
    said = client.chat.completions.create(model="tone", messages=[{"role": "user", "content": "Ferry 3 to Turku?"}])
    assert said.model == name
    client.fine_tuning.jobs.resume(job.id)
    clock.advance(2 * HOUR)
    steps = [point.step_number for point in client.fine_tuning.jobs.checkpoints.list(job.id).data]
    assert steps == sorted({100, 80, 60, step}, reverse=True)


def test_only_a_running_job_with_a_step_can_be_paused_and_only_a_paused_one_resumed(client, train, clock):
    at = client.fine_tuning.jobs
    job = start(client, train)

    def refused(call):
        return refusal(lambda: call(job.id))[:2] == (409, "unexpectedEntityState")

    assert refused(at.pause)
    assert refused(at.resume)
    clock.advance(5 * MINUTE)
    assert at.retrieve(job.id).status == "running"
    assert refused(at.pause)  # no step yet
    clock.advance(HOUR / 3)
    at.pause(job.id)
    assert refused(at.pause)
    assert refused(at.resume)
    clock.advance(6 * MINUTE)
    assert refused(at.pause)
    at.resume(job.id)
    assert refused(at.resume)
    clock.advance(2 * HOUR)
    assert refused(at.pause)
    assert refused(at.resume)
    assert refusal(lambda: at.pause("ftjob-none"))[0] == 404


def test_a_paused_job_can_be_cancelled_and_keeps_its_checkpoint(client, train, clock, azure):
    job = start(client, train)
    clock.advance(HOUR / 2)
    client.fine_tuning.jobs.pause(job.id)
    clock.advance(6 * MINUTE)
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    clock.advance(HOUR)
    assert [model["id"] for model in azure.store.all("model")] == [
        client.fine_tuning.jobs.checkpoints.list(job.id).data[0].fine_tuned_model_checkpoint
    ]
    assert messages(client, job)[-2:] == ["Job paused.", "Job canceled."]
    assert refusal(lambda: client.fine_tuning.jobs.resume(job.id))[0] == 409


def test_a_paused_job_keeps_its_place_and_can_be_paused_again(client, train, clock):
    made = [start(client, train).id for _ in range(4)]
    clock.advance(HOUR / 2)
    for job in made[:3]:
        client.fine_tuning.jobs.pause(job)
    clock.advance(24 * HOUR)
    assert client.fine_tuning.jobs.retrieve(made[3]).status == "pending"
    for job in made[:3]:
        client.fine_tuning.jobs.resume(job)
    clock.advance(10 * MINUTE)
    client.fine_tuning.jobs.pause(made[0])
    clock.advance(6 * MINUTE)
    again = client.fine_tuning.jobs.retrieve(made[0])
    assert again.status == "paused"
    assert again.estimated_finish > clock.now().timestamp()
    client.fine_tuning.jobs.resume(made[0])
    clock.advance(3 * HOUR)
    assert {client.fine_tuning.jobs.retrieve(job).status for job in made} == {"succeeded"}


def test_pauses_without_anybody_looking(client, train, clock, azure):
    """The checkpoint is made when somebody comes back, from data that was kept for it."""
    job = start(client, train)
    clock.advance(HOUR / 2)
    client.fine_tuning.jobs.pause(job.id)
    clock.advance(6 * MINUTE)
    client.fine_tuning.jobs.resume(job.id)
    clock.advance(5 * HOUR)
    assert client.fine_tuning.jobs.retrieve(job.id).status == "succeeded"
    assert len(azure.store.all("model")) == 4
    folder = azure.blobs / "jobs" / job.id
    assert sorted(path.suffix for path in folder.iterdir()) == [".f64", ".json"] + [".model"] * 4


# -- copies ------------------------------------------------------------------------------------------------------------

OTHER = {
    "location": "swedencentral",
    "kind": "OpenAI",
    "sku": {"name": "S0"},
    "properties": {"customSubDomainName": "other-sub"},
}


@pytest.fixture
def other(arm, group, clock):
    name = f"{group}/providers/Microsoft.CognitiveServices/accounts/other"
    assert arm.put(name, OTHER).status_code == 201
    clock.advance(60)
    return name


@pytest.fixture
def neighbour(arm, other):
    """A client of the other account, which has a job of its own."""
    base_url = f"{arm.served.url}/cognitiveservices/other-sub/openai/v1/"
    with openai.OpenAI(base_url=base_url, api_key=plane.key(arm, other), http_client=plane.http(arm.served)) as one:
        yield one


@pytest.fixture
def done(client, train, clock):
    job = start(client, train, seed=1)
    clock.advance(2 * HOUR)
    return client.fine_tuning.jobs.retrieve(job.id)


@pytest.fixture
def copy(arm, client, done):
    point = client.fine_tuning.jobs.checkpoints.list(done.id).data[0]

    def call(
        method="POST", target="", region="swedencentral", *, header="preview", checkpoint=point.id, who=None, **more
    ):
        url = f"{arm.served.url}/cognitiveservices/acc-sub/openai/v1/fine_tuning/jobs/{done.id}/checkpoints"
        headers = {copies.HEADER: header} | ({} if who else {"Authorization": "", "api-key": client.api_key})
        body = {"destinationResourceId": target, "region": region} | more if method == "POST" else None
        caller = arm.as_(who) if who else arm
        return caller.call(
            method, f"{url}/{checkpoint}/copy", body, audience="https://cognitiveservices.azure.com", headers=headers
        )

    return call


def test_a_copy_arrives_and_can_be_deployed_and_trained_on(arm, copy, done, neighbour, other, clock, azure, account):
    start(neighbour, _their_file(neighbour, clock))
    made = copy(target=other, region="Sweden Central")
    assert made.status_code == 200
    assert made.json() == {
        "checkpointedModelName": done.fine_tuned_model,
        "fineTuningJobId": done.id,
        "copiedAccountDetails": [
            {"destinationResourceId": other, "region": "swedencentral", "status": "InProgress"},
        ],
    }
    assert deploy(arm, other, done.fine_tuned_model).status_code == 400
    clock.advance(HOUR / 4)
    assert copy("GET").json()["copiedAccountDetails"][0]["status"] == "Completed"
    assert copy("GET", checkpoint=done.fine_tuned_model).status_code == 200
    assert not any(model.id == done.fine_tuned_model for model in neighbour.models.list())
    models.forget_account(azure, account)  # the copy outlives what it was made of
    assert deploy(arm, other, done.fine_tuned_model).status_code == 201
    clock.advance(1)
    asked = chats(1)[0]["messages"]
    said = neighbour.chat.completions.create(model="tone", messages=asked[:2])
    assert said.choices[0].message.content == asked[2]["content"]
    file = _their_file(neighbour, clock)
    assert start(neighbour, file).model == MODEL
    on = neighbour.fine_tuning.jobs.create(model=done.fine_tuned_model, training_file=file, extra_body=STANDARD)
    assert on.model == done.fine_tuned_model


def _their_file(client, clock):
    made = upload(client, chats(12))
    clock.advance(1)
    return made.id


def test_a_copy_fails_where_its_destination_is_gone(copy, neighbour, other, clock, azure):
    start(neighbour, _their_file(neighbour, clock))
    copy(target=other)
    models.forget_account(azure, other)
    assert copy("GET").json()["copiedAccountDetails"][0]["status"] == "Failed"


def test_copies_that_are_refused(copy, other, account, neighbour, clock, arm):
    def told(**options):
        answer = copy(**options)
        return answer.status_code, answer.json()["error"]["message"]

    assert copy("GET").status_code == 404  # none was made
    assert told(target=other)[1] == "The destination must have at least one fine-tuning job."
    start(neighbour, _their_file(neighbour, clock))
    assert told(target=other, header="")[0] == 400
    assert "another region" in told(target=other, region="eastus2")[1]
    assert "is in" in told(target=account)[1]
    assert told(target=f"{account}x")[0] == 403
    assert told(target="")[0] == 400
    assert told(target=other, colour="red")[0] == 400
    assert told(target=other, checkpoint="ftchkpt-none")[0] == 404
    scope = "/providers/Microsoft.Authorization/roleAssignments/11111111-1111-4111-8111-111111111111"
    contributor = "a001fd3d-188f-4b5d-821b-7da978bf7442"
    body = {
        "properties": {
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{contributor}",
            "principalId": identity.CI_PIPELINE.id,
            "principalType": "ServicePrincipal",
        }
    }
    assert arm.put(account + scope, body, **{"api-version": "2022-04-01"}).status_code == 201
    assert told(target=other, who=identity.CI_PIPELINE)[0] == 403  # may train here, and not there
    assert arm.call("PATCH", other, {"properties": {"publicNetworkAccess": "Disabled"}}).status_code in (200, 202)
    assert "network access" in told(target=other)[1]
