"""Preference and reinforcement tuning, from the order to the model, and what supervised orders may say besides."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path
from statistics import fmean

import openai
import pytest

from ftctl.local import faults, measures, preference
from ftctl.local.datafile import validate
from ftctl.local.textmodel import Reader, pieces
from ftctl.local.training import Recipe, fitted, model_path, read_model
from tests.local import plane
from tests.local.plane import HOUR, MODEL, TOWNS, chats, jsonl, messages, refusal, start, upload

DPO = {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 2, "batch_size": 2}}}
GRADER = {"type": "string_check", "name": "right", "operation": "eq"}
GRADER |= {"input": "{{sample.output_text}}", "reference": "{{item.answer}}"}
RFT = {
    "type": "reinforcement",
    "reinforcement": {"grader": GRADER, "hyperparameters": {"n_epochs": 4, "batch_size": 4}},
}
O4 = "o4-mini-2025-04-16"
GLOBAL = {"trainingType": "globalStandard"}
REAL = Path(__file__).resolve().parents[3] / "shared" / "azure" / "datasets"


def pairs(number, *, first=0):
    def one(n):
        town = TOWNS[n % len(TOWNS)]
        return {
            "input": {"messages": [{"role": "user", "content": f"When does ferry {n} leave for {town}?"}]},
            "preferred_output": [{"role": "assistant", "content": f"Ferry {n} to {town} leaves at {n % 24}:15."}],
            "non_preferred_output": [{"role": "assistant", "content": f"No idea about {town}. Ask somebody else."}],
        }

    return [one(n) for n in range(first, first + number)]


def tasks(number, *, first=0):
    asked = "Is {} an even number? Answer with the word yes or the word no."
    return [
        {"messages": [{"role": "user", "content": asked.format(n)}], "answer": ("yes", "no")[n % 2]}
        for n in range(first, first + number)
    ]


def fit(folder, rows, valid, method, options, *, epochs=3, batch=1, seed=7, rate=1.0):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training.jsonl").write_bytes(jsonl(rows))
    (folder / "validation.jsonl").write_bytes(jsonl(valid))
    return fitted(Recipe(folder, epochs, batch, rate, seed, method, options))


def reinforce(folder, rows, valid, *, grader=GRADER, epochs=8, seed=1, **options):
    given = {"grader": grader, "eval_interval": 5, "eval_samples": 4, "compute_multiplier": 1.0}
    return fit(folder, rows, valid, "reinforcement", given | options, epochs=epochs, batch=4, seed=seed)


@pytest.fixture
def client(arm, account):
    with plane.v1(arm, account) as client:
        yield client


@pytest.fixture
def older(arm, account):
    with plane.dated(arm, account) as client:
        yield client


@pytest.fixture
def put(client, clock):
    def call(rows):
        made = upload(client, rows)
        clock.advance(1)
        return made.id

    return call


def body(job):
    return job.model_dump(exclude_unset=True)


def table(client, job):
    results = client.fine_tuning.jobs.retrieve(job.id).result_files[0]
    return list(csv.DictReader(io.StringIO(client.files.content(results).text)))


# -- preference --------------------------------------------------------------------------------------------------------


def test_preference_loss_begins_at_ln_2_and_falls(tmp_path):
    rows = fit(tmp_path, pairs(20), pairs(6, first=30), "dpo", {}).rows
    assert rows[0].train_loss == pytest.approx(math.log(2), abs=1e-5)
    assert fmean(row.train_loss for row in rows[40:]) < 0.01
    checked = [row.full_valid_loss for row in rows if row.full_valid_loss is not None]
    assert len(checked) == 3
    assert checked[-1] <= checked[0] < math.log(2) / 2
    assert rows[-1].train_accuracy > rows[0].train_accuracy


def test_the_loss_is_the_published_formula(tmp_path):
    """Computed here once more from the fitted model and an untrained one."""
    last = fit(tmp_path, pairs(20), pairs(1, first=30), "dpo", {"beta": 0.05}, epochs=1).rows[-1]
    policy, reference = read_model(model_path(tmp_path, 20)), Reader()
    (row,) = pairs(1, first=30)
    prompt = row["input"]["messages"][0]["content"]

    def margin(reader):
        def score(name):
            return -reader.measure(reader.turn(prompt, row[name][0]["content"])).loss

        return score("preferred_output") - score("non_preferred_output")

    expected = -math.log(1 / (1 + math.exp(-0.05 * (margin(policy) - margin(reference)))))
    assert last.full_valid_loss == pytest.approx(expected, rel=1e-4)


def test_beta_seed_and_data_count_and_the_same_gives_the_same(tmp_path):
    def run(name, rows=None, **changes):
        options = {"beta": changes.pop("beta", 0.01)}
        return fit(tmp_path / name, rows or pairs(20), pairs(3, first=30), "dpo", options, **changes)

    one = run("one")
    assert run("two") == one
    assert run("seed", seed=8) != one
    assert run("beta", beta=1.0).rows[-1].full_valid_loss < one.rows[-1].full_valid_loss
    swapped = [row | {"preferred_output": row["non_preferred_output"]} for row in pairs(20)]
    swapped = [row | {"non_preferred_output": pairs(20)[n]["preferred_output"]} for n, row in enumerate(swapped)]
    assert run("swapped", swapped).rows[-1].full_valid_loss > math.log(2)


def test_the_model_answers_as_preferred_and_the_prompt_counts_twice(tmp_path):
    found = fit(tmp_path, pairs(20), pairs(1), "dpo", {})
    reader = read_model(model_path(tmp_path, 60))
    for row in pairs(20):
        asked = row["input"]["messages"][0]["content"]
        said, town = reader.answer(asked, 60)[0], asked.rpartition(" ")[2].strip("?")
        assert re.fullmatch(rf"Ferry \d+ to {town} leaves at \d+:15\.", said)
    count = 0
    for row in pairs(20):
        asked, *answers = (
            len(pieces(one["content"])) + 3
            for one in (*row["input"]["messages"], *row["preferred_output"], *row["non_preferred_output"])
        )
        count += 3 + 2 * asked + sum(answers)
    assert found.trained_tokens == 3 * count


def test_going_on_from_a_model_measures_against_it(tmp_path):
    fit(tmp_path / "one", pairs(20), pairs(1), "dpo", {})
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "base.model").write_bytes(model_path(tmp_path / "one", 60).read_bytes())
    rows = fit(tmp_path / "two", pairs(20), pairs(3), "dpo", {}, epochs=1).rows
    assert rows[0].train_loss == pytest.approx(math.log(2), abs=1e-5)


def test_long_answers_are_read_in_part(tmp_path, monkeypatch):
    monkeypatch.setattr(preference, "PIECES_READ", 200)
    rows = pairs(12)
    for row in rows:
        row["preferred_output"][0]["content"] *= 50
    assert fit(tmp_path, rows, pairs(2), "dpo", {}, epochs=1).rows[-1].train_loss < math.log(2)


def test_a_preference_job_from_order_to_model(client, put, clock):
    train, valid = put(pairs(20)), put(pairs(5, first=30))
    job = start(client, train, validation_file=valid, method=DPO, seed=1, suffix="kind")
    asked = {"n_epochs": 2, "batch_size": 2, "learning_rate_multiplier": 2.0, "beta": -1, "l2_multiplier": 0.1}
    assert body(job)["hyperparameters"] == asked
    assert body(job)["method"] == {"type": "dpo", "dpo": {"hyperparameters": asked}}
    clock.advance(2 * HOUR)
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert (done.status, done.fine_tuned_model) == ("succeeded", f"{MODEL}.ft-{job.id[6:]}-kind")
    assert body(done)["method"]["dpo"]["hyperparameters"] == asked | {"beta": 0.1}
    rows = table(client, job)
    assert list(rows[0]) == list(measures.COLUMNS[measures.Row])
    assert float(rows[0]["train_loss"]) > 10 * float(rows[-1]["train_loss"])
    told = messages(client, job, limit=100)
    assert told[-1] == f"Training tokens billed: {done.trained_tokens}"
    assert any(re.fullmatch(r"Step 10: training loss=[\d.e-]+", line) for line in told)
    points = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert [point.step_number for point in points] == [20, 10]


# -- reinforcement -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rewards_rise(tmp_path, seed):
    rows = reinforce(tmp_path, tasks(20), tasks(10, first=30), seed=seed).rows
    assert len(rows) == 40
    first, last = (fmean(row.train_reward for row in part) for part in (rows[:5], rows[-5:]))
    assert first < 0.35
    assert last > 0.43
    checked = [row.full_valid_reward for row in rows if row.full_valid_reward is not None]
    assert len(checked) == 8
    assert checked[-1] > checked[0]
    assert read_model(model_path(tmp_path, 40)).answer(tasks(1)[0]["messages"][0]["content"], 20)[0] in ("yes", "no")


def test_equal_rewards_teach_nothing(tmp_path):
    never = GRADER | {"reference": "not in any answer"}
    found = reinforce(tmp_path, tasks(12), tasks(3), grader=never, epochs=2)
    assert {row.train_reward for row in found.rows} == {0.0}
    assert read_model(model_path(tmp_path, 6)).model.alone.total == 0


def test_the_grader_decides_what_is_learned(tmp_path):
    brief = {"type": "python", "source": "def grade(sample, item): return -float(len(sample['output_text']))"}
    long = {"type": "python", "source": "def grade(sample, item): return float(min(len(sample['output_text']), 60))"}
    means = []
    for name, grader in (("brief", brief), ("long", long)):
        rows = reinforce(tmp_path / name, tasks(20), tasks(3), grader=grader, epochs=12).rows
        means.append([fmean(getattr(row, of) for row in rows[-8:]) for of in ("train_reward", "completion_tokens")])
        assert means[-1][0] > fmean(row.train_reward for row in rows[:8])
    assert means[1][1] > means[0][1] + 1


def test_same_seed_same_rewards_and_reference_answers_stay_hidden(tmp_path):
    one, two, other = (
        reinforce(tmp_path / str(n), tasks(12), tasks(3), seed=seed, epochs=2) for n, seed in enumerate((1, 1, 2))
    )
    assert one == two
    assert one != other
    secret = [row | {"answer": "zanzibar"} for row in tasks(12)]
    reinforce(tmp_path / "secret", secret, secret[:2], epochs=2)
    assert "zanzibar" not in read_model(model_path(tmp_path / "secret", 6)).model.vocabulary


def test_json_answers_by_schema(tmp_path):
    schema = {"type": "object", "properties": {"even": {"enum": ["yes", "no"]}, "n": {"type": "integer"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    grader = GRADER | {"input": "{{sample.output_json.even}}"}
    rows = reinforce(tmp_path, tasks(20), tasks(5), grader=grader, response_format=form).rows
    assert {row.parse_errors for row in rows} == {0}
    assert fmean(row.train_reward for row in rows) > 0.3
    said = read_model(model_path(tmp_path, 40)).answer(tasks(1)[0]["messages"][0]["content"], 60)[0]
    assert json.loads(said).keys() == {"even", "n"}


def test_errors_of_answers_and_graders_are_counted(tmp_path):
    parse = reinforce(
        tmp_path / "a", tasks(10), tasks(2), grader=GRADER | {"input": "{{sample.output_json.x}}"}, epochs=1
    )
    assert (parse.rows[0].parse_errors, parse.rows[0].other_errors, parse.rows[0].unresponsive) == (16, 0, 1.0)
    broken = {"type": "python", "source": "def grade(sample, item): return 1 / 0"}
    other = reinforce(tmp_path / "b", tasks(10), tasks(2), grader=broken, epochs=1)
    assert (other.rows[0].parse_errors, other.rows[0].other_errors) == (0, 16)


def test_a_reinforcement_job_from_order_to_model(client, put, clock, arm, account):
    train, valid = put(tasks(20)), put(tasks(5, first=30))
    order = {"model": O4, "training_file": train, "validation_file": valid, "method": RFT, "seed": 1}
    job = client.fine_tuning.jobs.create(**order, extra_body=GLOBAL)
    asked = body(job)["method"]["reinforcement"]
    assert asked["grader"] == GRADER
    assert asked["hyperparameters"] == {
        "n_epochs": 4,
        "batch_size": 4,
        "learning_rate_multiplier": 2.0,
        "eval_interval": -1,
        "eval_samples": -1,
        "compute_multiplier": -1,
        "reasoning_effort": "default",
    }
    clock.advance(2 * HOUR)
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.status == "succeeded"
    assert "trained_tokens" not in body(done)
    assert body(done)["method"]["reinforcement"]["hyperparameters"]["eval_interval"] == 2
    rows = table(client, job)
    assert list(rows[0]) == [
        "step",
        "train_mean_reward",
        "full_valid_mean_reward",
        "completion_tokens_mean",
        "reasoning_tokens_mean",
        "mean_unresponsive_rewards",
        "train_sample_parse_error_count",
        "train_other_error_count",
    ]
    assert [bool(row["full_valid_mean_reward"]) for row in rows] == [n % 2 == 0 or n % 5 == 0 for n in range(1, 21)]
    told = messages(client, job, limit=100)
    assert re.fullmatch(r"Training hours billed: 0\.\d{3}", told[-1])
    assert f"Step 10: training mean reward={rows[9]['train_mean_reward']}" in told
    event = next(one for one in client.fine_tuning.jobs.list_events(job.id).data if one.type == "metrics")
    assert event.data["step"] == 20
    point = client.fine_tuning.jobs.checkpoints.list(job.id).data[0]
    assert point.metrics.model_extra["train_mean_reward"] == float(rows[-1]["train_mean_reward"])


# -- what is refused, and what fails


@pytest.mark.parametrize(
    ("changes", "param", "told"),
    [
        ({"method": RFT, "model": MODEL}, "method", "'reinforcement'"),
        ({"method": DPO, "model": O4, **GLOBAL}, "method", "'dpo'"),
        ({"method": DPO, "model": "Ministral-3B", **GLOBAL}, "method", "'dpo'"),
        ({"method": RFT, "model": O4, **GLOBAL, "validation_file": None}, "validation_file", "needs a validation file"),
        ({"method": {"type": "reinforcement"}}, "method.reinforcement.grader", "needs a grader"),
        (
            {"method": {"type": "reinforcement", "reinforcement": {"grader": {"type": "magic"}}}},
            "method.reinforcement.grader.type",
            "must be one of",
        ),
        (
            {"method": {"type": "reinforcement", "reinforcement": {"grader": {"type": "python", "source": "x ="}}}},
            "method.reinforcement.grader.source",
            "SyntaxError",
        ),
        (
            {"method": {"type": "reinforcement", "reinforcement": {"grader": GRADER, "tools": []}}},
            "method.reinforcement.tools",
            "not emulate",
        ),
        (
            {"method": {"type": "reinforcement", "reinforcement": {"grader": GRADER, "response_format": "json"}}},
            "method.reinforcement.response_format",
            "json_schema",
        ),
        ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0}}}}, "hyperparameters.beta", "over 0"),
        (
            {"method": {"type": "dpo", "dpo": {"hyperparameters": {"l2_multiplier": -1}}}},
            "hyperparameters.l2_multiplier",
            "from 0",
        ),
        ({"method": {"type": "dpo", "dpo": {"grader": GRADER}}}, "method.dpo", "has no 'grader'"),
        (
            {"method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}} | {}, "model": O4, **GLOBAL}
            | {"hyperparameters": {"reasoning_effort": "great"}},
            "hyperparameters.reasoning_effort",
            "One of these",
        ),
        (
            {"method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}}, "model": O4, **GLOBAL}
            | {"hyperparameters": {"eval_samples": 11}},
            "hyperparameters.eval_samples",
            "from 1 to 10",
        ),
    ],
)
def test_orders_that_do_not_suit_their_method(client, put, changes, param, told):
    file = put(tasks(12))
    sent = {"model": MODEL, "training_file": file, "validation_file": file, "trainingType": "standard"} | changes
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/fine_tuning/jobs", cast_to=object, body=sent)
    assert (caught.value.body["param"], told in caught.value.body["message"]) == (param, True), caught.value.body
    assert client.fine_tuning.jobs.list().data == []


@pytest.mark.parametrize(
    ("rows", "method", "told"),
    [
        (chats(12), DPO, "'input', 'preferred_output'"),
        (pairs(12), None, "this is a preference example"),
        (tasks(12), None, "the last message is from the user"),
        (chats(12), RFT, "the last message must be from the user"),
        (pairs(12), RFT, "this is a preference example"),
    ],
)
def test_data_of_another_method_fails_the_job(client, put, clock, rows, method, told):
    file = put(rows)
    model = O4 if method is RFT else MODEL
    options = {"method": method} if method else {}
    job = client.fine_tuning.jobs.create(
        model=model, training_file=file, validation_file=file, extra_body=GLOBAL, **options
    )
    clock.advance(HOUR)
    now = client.fine_tuning.jobs.retrieve(job.id)
    assert (now.status, now.error.code) == ("failed", "jsonlValidationFailed")
    assert told in now.error.message


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda row: row.pop("non_preferred_output"), "missing required field `non_preferred_output`"),
        (lambda row: row["input"]["messages"].clear(), "no message from the user"),
        (lambda row: row["preferred_output"].clear(), "'preferred_output' needs a message"),
        (lambda row: row["non_preferred_output"][0].update(role="user"), "'non_preferred_output' may hold"),
        (lambda row: row["preferred_output"][0].update(content=""), "'preferred_output' needs a message"),
        (lambda row: row["preferred_output"].insert(0, {"role": "tool", "content": "x"}), ""),
        (lambda row: row["input"].update(tools=[], parallel_tool_calls=True), ""),
    ],
)
def test_what_preference_training_cannot_use(tmp_path, change, told):
    rows = pairs(3)
    change(rows[1])
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl(rows))
    found = validate(path).unfit.get("dpo", "")
    assert found.startswith("Line 2: ") if told else not found
    assert told in found


def test_deeply_nested_lines_are_refused_and_not_read(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"messages": [{"role": "user", "content": "x"}], "y": ' + b"[" * 5000 + b"]" * 5000 + b"}")
    assert validate(path).problem == "Line 1: it is no valid JSON in UTF-8."


def test_metadata_integrations_and_prompt_weight_are_shown_as_sent(client, older, put, clock):
    file = put(chats(12))
    wandb = {"project": "ferries", "name": None, "tags": ["a", "b"]}
    job = start(
        client,
        file,
        metadata={"team": "desk"},
        integrations=[{"type": "wandb", "wandb": wandb}],
        hyperparameters={"prompt_loss_weight": 0.5},
    )
    told = body(job)
    assert told["metadata"] == {"team": "desk"}
    assert told["integrations"] == [{"type": "wandb", "wandb": {"project": "ferries", "tags": ["a", "b"]}}]
    assert told["hyperparameters"]["prompt_loss_weight"] == 0.5
    clock.advance(2 * HOUR)
    assert body(client.fine_tuning.jobs.retrieve(job.id))["metadata"] == {"team": "desk"}
    refused = refusal(lambda: start(older, file, metadata={"team": "desk"}))
    assert refused[:2] == (400, "invalidPayload")
    secret = {"project": "p", "api_key": "very-secret"}
    refused = refusal(lambda: start(client, file, integrations=[{"type": "wandb", "wandb": secret}]))
    assert refused[:2] == (400, "invalidPayload")
    assert "secret" not in refused[2]


def test_prompt_weight_counts(tmp_path):
    one, other = (
        fit(tmp_path / str(weight), chats(12), chats(2), "supervised", {"prompt_loss_weight": weight})
        for weight in (0, 0.5)
    )
    assert one.rows[0].train_loss == other.rows[0].train_loss
    assert one != other
    said = [
        {reader.model.vocabulary[piece].strip() for piece in reader.model.alone.weights}
        for reader in (read_model(model_path(tmp_path / str(weight), 36)) for weight in (0, 0.5))
    ]
    assert "When" not in said[0]
    assert "When" in said[1]


# -- failures on request -----------------------------------------------------------------------------------------------


@pytest.fixture
def failing(client, put, clock, azure):
    def call(kind, hours=2.0):
        faults.add(azure.store, [faults.rule({"failure": kind, "suffix": "bad*", "times": 1})])
        file = put(chats(20))
        good, bad, after = (start(client, file, suffix=name) for name in ("good", "bad-1", "bad-2"))
        clock.advance(hours * HOUR)
        at = client.fine_tuning.jobs
        assert [at.retrieve(one.id).status for one in (good, after)] == ["succeeded"] * 2
        return at.retrieve(bad.id)

    return call


def test_data_that_is_refused(client, failing):
    job = failing("data")
    assert job.status == "failed"
    assert job.error.message == (
        "The provided training data failed RAI checks for harm types: [hate_fairness, self_harm, violence]. Please fix "
        "the data and try again."
    )
    told = messages(client, job)
    assert (told[-1], len(told)) == (f"Job failed: {job.error.message}", 3)
    assert not job.result_files


def test_training_that_fails(client, failing, azure):
    job = failing("training")
    assert (job.status, job.error.code, job.fine_tuned_model) == ("failed", "internalFailure", None)
    told = messages(client, job)
    assert told[-1].startswith("Job failed: The training failed")
    assert told[-2].startswith("Step 50:")
    assert len(table(client, job)) == 50
    assert client.fine_tuning.jobs.checkpoints.list(job.id).data == []
    assert not any(job.id in model["fine_tune"] for model in azure.store.all("model"))


def test_evaluation_that_blocks_the_model(client, failing, azure, arm, account):
    job = failing("evaluation")
    assert job.status == "failed"
    assert job.error.message.startswith("This model is unable to be deployed. Model evaluation identified that")
    assert len(table(client, job)) == 100
    assert "trained_tokens" not in body(job)
    assert messages(client, job)[-1] == f"Job failed: {job.error.message}"
    name = f"{MODEL}.ft-{job.id.removeprefix('ftjob-')}-bad-1"
    assert refusal(lambda: client.models.retrieve(name))[0] == 404


def test_validation_that_never_ends(client, failing, clock):
    job = failing("stuck-validation")
    assert job.status == "pending"
    clock.advance(1000 * HOUR)
    assert client.fine_tuning.jobs.retrieve(job.id).status == "pending"
    assert messages(client, job)[-1] == "Preprocessing running for file training file."
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"


# -- real data ---------------------------------------------------------------------------------------------------------


@pytest.mark.reference
@pytest.mark.skipif(not REAL.exists(), reason="the data that Azure accepted is not beside the project")
def test_real_reinforcement_data_trains(tmp_path):
    rows = [json.loads(line) for line in (REAL / "rft_countdown_train_100.jsonl").read_text().splitlines()]
    valid = [json.loads(line) for line in (REAL / "rft_countdown_valid_50.jsonl").read_text().splitlines()]
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl(rows))
    assert "reinforcement" not in validate(path).unfit
    near = {"type": "text_similarity", "evaluation_metric": "rouge_1"}
    near |= {"input": "{{sample.output_text}}", "reference": "{{item.target}} {{item.nums}}"}
    found = reinforce(tmp_path, rows, valid, grader=near, epochs=2).rows
    assert fmean(row.train_reward for row in found[-10:]) > fmean(row.train_reward for row in found[:10])
