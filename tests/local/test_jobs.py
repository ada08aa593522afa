"""Fine-tuning jobs from creation to model, as the OpenAI SDK sees them on both routes."""

from __future__ import annotations

import csv
import io
import re

import pytest

from ftctl.local import jobs
from ftctl.local.azure import Azure
from tests.local import plane
from tests.local.plane import DATED, HOUR, MODEL, STANDARD, chats, jsonl, messages, refusal, start, upload


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


@pytest.fixture
def valid(client, clock):
    made = upload(client, chats(5, first=30), "valid.jsonl")
    clock.advance(1)
    return made.id


def body(job):
    """The job as it came over the wire: what is set, with the SDK's own names."""
    return job.model_dump(exclude_unset=True)


# -- a job's life ------------------------------------------------------------------------------------------------------


def test_created_job_has_no_nulls_and_minus_one_for_what_is_not_chosen(client, train):
    job = body(start(client, train, suffix="tone", seed=105))
    assert re.fullmatch(r"ftjob-[0-9a-f]{32}", job.pop("id"))
    assert job.pop("estimated_finish") > job.pop("created_at")
    assert job == {
        "model": MODEL,
        "object": "fine_tuning.job",
        "seed": 105,
        "status": "pending",
        "suffix": "tone",
        "training_file": train,
        "trainingType": "standard",
        "hyperparameters": {"batch_size": -1, "learning_rate_multiplier": 2.0, "n_epochs": -1},
    }


def test_method_is_echoed_only_if_sent_and_repeats_the_hyperparameters(client, train):
    given = {"n_epochs": 2, "learning_rate_multiplier": 1.5}
    job = body(start(client, train, method={"type": "supervised", "supervised": {"hyperparameters": given}}))
    expected = {"batch_size": -1, "learning_rate_multiplier": 1.5, "n_epochs": 2}
    assert job["hyperparameters"] == expected
    assert job["method"] == {"type": "supervised", "supervised": {"hyperparameters": expected}}


def test_life_of_a_job(client, train, valid, clock):
    job = start(client, train, validation_file=valid, suffix="tone", seed=1)
    seen = []
    for _ in range(90):
        clock.advance(HOUR / 60)
        now = client.fine_tuning.jobs.retrieve(job.id)
        if now.status not in seen:
            seen.append(now.status)
    assert seen == ["pending", "running", "succeeded"]
    end = body(client.fine_tuning.jobs.retrieve(job.id))
    assert end["fine_tuned_model"] == f"{MODEL}.ft-{job.id.removeprefix('ftjob-')}-tone"
    assert end["hyperparameters"] == {"batch_size": 1, "learning_rate_multiplier": 2.0, "n_epochs": 5}
    assert end["finished_at"] - end["created_at"] == pytest.approx(HOUR, abs=3)
    assert end["trained_tokens"] > 2000
    assert len(end["result_files"]) == 1
    assert "error" not in end


def test_events_in_the_order_and_words_of_the_service(client, train, valid, clock):
    job = start(client, train, validation_file=valid, seed=1, hyperparameters={"n_epochs": 2})
    clock.advance(2 * HOUR)
    told = messages(client, job)
    results = client.fine_tuning.jobs.retrieve(job.id).result_files[0]
    losses = [line for line in told if line.startswith("Step ")]
    assert [line for line in told if line not in losses] == [
        "Job enqueued. Waiting for jobs ahead to complete.",
        # gpt-4.1-mini still trains on the test's day, so no warning is here
        "Preprocessing running for file training file.",
        "Preprocessing completed for file training file.",
        "Preprocessing running for file validation file.",
        "Preprocessing completed for file validation file.",
        "Job started.",
        "Data Import started.",
        "Finetuning started.",
        "Job queued, waiting for GPUs.",
        "Training started.",
        f"Created results file: {results}",
        "Job succeeded.",
        "Model Evaluation Passed.",
        f"Completed results file: {results}",
        f"Training tokens billed: {client.fine_tuning.jobs.retrieve(job.id).trained_tokens}",
    ]
    assert [re.match(r"Step (\d+): training loss=\d+\.\d+$", line)[1] for line in losses] == [
        "1",
        "10",
        "20",
        "30",
        "40",
    ]
    assert told.index("Job succeeded.") == told.index(losses[-1]) + 1


def test_events_are_paged_newest_first_and_tell_metrics(client, train, clock):
    job = start(client, train, hyperparameters={"n_epochs": 10})
    clock.advance(2 * HOUR)
    whole = client.fine_tuning.jobs.list_events(job.id, limit=500).data
    page = client.fine_tuning.jobs.list_events(job.id)
    assert (len(page.data), page.has_more) == (20, True)
    assert list(page) == whole  # by pages
    assert [event.created_at for event in whole] == sorted((event.created_at for event in whole), reverse=True)
    metric = next(event for event in whole if event.type == "metrics")
    assert metric.data.keys() == {"step", "train_loss", "train_mean_token_accuracy"}
    assert metric.message == f"Step {metric.data['step']}: training loss={metric.data['train_loss']}"
    assert "data" not in whole[0].model_dump(exclude_unset=True)
    for forged in ("ftevent-0", f"ftevent-{'0' * 32}", f"{whole[0].id[:-8]}0000ffff"):
        assert refusal(lambda: client.fine_tuning.jobs.list_events(job.id, after=forged))[0] == 400  # noqa: B023  called at once


def test_steps_events_checkpoints_and_results_grow_together(client, train, valid, clock):
    job = start(client, train, validation_file=valid, hyperparameters={"n_epochs": 5})
    assert client.fine_tuning.jobs.checkpoints.list(job.id).data == []
    steps = []
    for _ in range(40):
        clock.advance(HOUR / 40)
        told = messages(client, job)
        now = client.fine_tuning.jobs.retrieve(job.id)
        assert bool(now.model_extra.get("result_files") or now.result_files) == any(
            "Created results" in x for x in told
        )
        if not now.result_files:
            continue
        rows = list(csv.DictReader(io.StringIO(client.files.content(now.result_files[0]).text)))
        steps.append(len(rows))
        assert client.files.retrieve(now.result_files[0]).purpose == "fine-tune-results"
        assert sum(line.startswith("Step ") for line in told) == (1 + len(rows) // 10 if rows else 0)
        points = client.fine_tuning.jobs.checkpoints.list(job.id).data
        ends = list(range(20, len(rows) + 1, 20))[-3:]
        assert [point.step_number for point in points] == ends[::-1]
        assert [bool(row["full_valid_loss"]) for row in rows] == [int(row["step"]) % 20 == 0 for row in rows]
    assert steps[0] < 5
    assert steps[-1] == 100
    assert steps == sorted(steps)
    assert len(set(steps)) > 10


def test_checkpoints_carry_the_measures_of_their_rows(client, train, valid, clock):
    job = start(client, train, validation_file=valid, hyperparameters={"n_epochs": 4}, suffix="x")
    clock.advance(2 * HOUR)
    done = client.fine_tuning.jobs.retrieve(job.id)
    points = client.fine_tuning.jobs.checkpoints.list(job.id).data
    name = done.fine_tuned_model
    assert [point.fine_tuned_model_checkpoint for point in points] == [
        name,
        f"{name}:ckpt-step-60",
        f"{name}:ckpt-step-40",
    ]
    assert all(re.fullmatch(r"ftchkpt-[0-9a-f]{32}", point.id) for point in points)
    rows = list(csv.DictReader(io.StringIO(client.files.content(done.result_files[0]).text)))
    assert list(rows[0]) == [
        "step",
        "train_loss",
        "train_mean_token_accuracy",
        "valid_loss",
        "valid_mean_token_accuracy",
        "full_valid_loss",
        "full_valid_mean_token_accuracy",
    ]
    for point in points:
        measured = point.metrics.model_dump(exclude_unset=True)
        assert {key: float(value) for key, value in rows[point.step_number - 1].items()} == measured
    page = client.fine_tuning.jobs.checkpoints.list(job.id, limit=2)
    assert page.has_more
    assert list(page) == points


def test_same_recipe_same_numbers(client, train, clock):
    first, second = (start(client, train, seed=3) for _ in range(2))
    clock.advance(2 * HOUR)
    texts = [
        client.files.content(client.fine_tuning.jobs.retrieve(job.id).result_files[0]).text for job in (first, second)
    ]
    assert texts[0] == texts[1]


def test_deleted_files_do_not_stop_a_job(client, train, valid, clock):
    job = start(client, train, validation_file=valid)
    client.files.delete(train)
    client.files.delete(valid)
    clock.advance(2 * HOUR)
    assert client.fine_tuning.jobs.retrieve(job.id).status == "succeeded"


def test_another_process_sees_the_same(tmp_path, clock):
    """Everything is in the folder: a second server on it goes on where the first one was."""
    from ftctl.local import jobstate  # noqa: PLC0415  used here alone

    folder = tmp_path / "azure"
    first, second = Azure(folder, clock=clock), Azure(folder, clock=clock)
    aside = jobstate.job_folder(first, "ftjob-1")
    aside.mkdir(parents=True)
    (aside / "training.jsonl").write_bytes(jsonl(chats(10)))
    chosen = {"n_epochs": 1, "batch_size": 1, "learning_rate_multiplier": 1.0}
    job = {"id": "ftjob-1", "_account": "a", "_created": clock.now().timestamp(), "_unit": 1 / 360, "_steps": 10}
    job |= {"_chosen": chosen, "_asked": chosen, "_own_rate": 1.0, "_root": MODEL, "_result": "m.ft-1", "seed": 1}
    job |= {"_method": {"kind": "supervised", "sent": False, "parts": {}}}
    job |= {"_method": {"kind": "supervised", "sent": False, "parts": {}}}
    first.store.put("job", "ftjob-1", job, parent="a")
    first.store.put("open_job", "ftjob-1", {"id": "ftjob-1"}, parent="a")
    jobstate.settle(first, "a")
    clock.advance(2 * HOUR)
    jobstate.settle(second, "a")
    assert first.store.get("model", "a|m.ft-1")["_step"] == 10
    assert jobstate.present(first, first.store.get("job", "ftjob-1"))["status"] == "succeeded"
    first.close()
    second.close()


# -- the other ends ----------------------------------------------------------------------------------------------------


def test_cancel_ends_a_running_job(client, train, clock):
    job = start(client, train)
    clock.advance(HOUR / 2)
    steps = [line for line in messages(client, job) if line.startswith("Step")]
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    clock.advance(5 * HOUR)
    now = body(client.fine_tuning.jobs.retrieve(job.id))
    assert now["status"] == "cancelled"
    assert "fine_tuned_model" not in now
    assert messages(client, job)[-1] == "Job canceled."
    assert [line for line in messages(client, job) if line.startswith("Step")] == steps
    rows = client.files.content(now["result_files"][0]).text.splitlines()
    assert 1 < len(rows) < 100
    status, code, told = refusal(lambda: client.fine_tuning.jobs.cancel(job.id))
    assert (status, code) == (409, "unexpectedEntityState")
    assert "'cancelled'" in told


def test_results_outlive_their_job(older, client, train, clock, azure):
    cancelled, done = start(client, train), start(client, train)
    clock.advance(HOUR / 2)
    client.fine_tuning.jobs.cancel(cancelled.id)
    clock.advance(2 * HOUR)
    for job in (cancelled, done):
        results = client.fine_tuning.jobs.retrieve(job.id).result_files[0]
        before = client.files.content(results).text
        older.delete(f"/fine_tuning/jobs/{job.id}", cast_to=type(None))
        assert client.files.content(results).text == before
        assert client.files.retrieve(results).bytes == len(before)
        assert "_job" not in azure.store.get("file", results)


def test_data_that_suits_no_supervised_training_fails_the_job(client, clock):
    rows = chats(15)
    rows[3]["messages"].pop()
    file = upload(client, rows)
    clock.advance(1)
    job = start(client, file.id)
    assert job.status == "pending"
    clock.advance(HOUR)
    now = client.fine_tuning.jobs.retrieve(job.id)
    assert now.status == "failed"
    assert (now.error.code, now.error.param) == ("jsonlValidationFailed", "training_file")
    assert "Line 4: the last message is from the user" in now.error.message
    assert now.fine_tuned_model is None
    last = client.fine_tuning.jobs.list_events(job.id).data[0]
    assert (last.level, last.message) == ("error", f"Job failed: {now.error.message}")
    assert client.fine_tuning.jobs.checkpoints.list(job.id).data == []


def test_three_run_and_the_rest_wait_their_turn(client, train, clock):
    made = [start(client, train).id for _ in range(5)]

    def states():
        return [client.fine_tuning.jobs.retrieve(job).status for job in made]

    clock.advance(HOUR / 4)
    assert states() == ["running"] * 3 + ["pending"] * 2
    assert messages(client, client.fine_tuning.jobs.retrieve(made[4])) == [
        "Job enqueued. Waiting for jobs ahead to complete."
    ]
    client.fine_tuning.jobs.cancel(made[0])
    clock.advance(HOUR / 4)
    assert states() == ["cancelled", "running", "running", "running", "pending"]
    clock.advance(HOUR * 3 / 5)
    assert states() == ["cancelled", "succeeded", "succeeded", "running", "running"]
    clock.advance(2 * HOUR)
    assert states() == ["cancelled"] + ["succeeded"] * 4


def test_the_queue_runs_while_nobody_looks(client, train, clock):
    made = [start(client, train).id for _ in range(7)]
    clock.advance(10 * HOUR)
    ends = [client.fine_tuning.jobs.retrieve(job).finished_at for job in made]
    first = ends[0] - client.fine_tuning.jobs.retrieve(made[0]).created_at
    assert [round((end - ends[0]) / first) for end in ends] == [0, 0, 0, 1, 1, 1, 2]


def test_queue_and_job_limits(client, train, monkeypatch):
    monkeypatch.setattr(jobs, "QUEUE_LIMIT", 1)
    for _ in range(4):
        start(client, train)
    assert refusal(lambda: start(client, train))[:2] == (429, "quotaExceeded")
    monkeypatch.setattr(jobs, "JOBS_LIMIT", 4)
    assert refusal(lambda: start(client, train))[:2] == (400, "quotaExceeded")


def test_list_pages_newest_first(client, train):
    made = [start(client, train).id for _ in range(5)]
    page = client.fine_tuning.jobs.list(limit=2)
    assert ([job.id for job in page.data], page.has_more) == (made[:2:-1], True)
    assert [job.id for job in page] == made[::-1]
    assert refusal(lambda: client.fine_tuning.jobs.list(after="ftjob-none"))[0] == 400


def test_dated_route_creates_with_201_and_deletes_ended_jobs(older, client, train, clock, arm):
    answer = older.fine_tuning.jobs.with_raw_response.create(model=MODEL, training_file=train, extra_body=STANDARD)
    job = answer.parse()
    assert answer.http_response.status_code == 201
    assert answer.headers["Location"].endswith(f"/openai/fine_tuning/jobs/{job.id}?api-version={DATED}")
    plain = client.fine_tuning.jobs.with_raw_response.retrieve(job.id)
    assert plain.http_response.status_code == 200
    path = f"{arm.served.url}/cognitiveservices/acc-sub/openai/fine_tuning/jobs/{job.id}"
    headers = {"Authorization": "", "api-key": client.api_key}

    def delete(url):
        return arm.session.delete(url, headers=headers, verify=arm.served.ca_file, timeout=10)

    assert delete(f"{path}?api-version={DATED}").status_code == 409
    clock.advance(2 * HOUR)
    results = client.fine_tuning.jobs.retrieve(job.id).result_files[0]
    name = client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    assert delete(path.replace("/openai/", "/openai/v1/")).status_code == 405
    gone = delete(f"{path}?api-version={DATED}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert refusal(lambda: client.fine_tuning.jobs.retrieve(job.id))[:2] == (404, "notFound")
    assert client.files.content(results).text.startswith("step,train_loss,")
    assert client.models.retrieve(name).id == name
