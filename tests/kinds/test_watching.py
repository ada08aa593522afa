"""How far a training is, by its body and its newest events: what can be known, and nothing that cannot."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.catalog.prices import Price
from ftctl.core.estimate import Span
from ftctl.core.model import Address, Resource
from ftctl.data.report import Report, Tokens
from ftctl.kinds.watching import reckoned

BORN = 1_780_000_000
MODEL = "gpt-4.1-mini-2025-04-14"
BODY = {
    "id": "ftjob-1",
    "status": "running",
    "created_at": BORN,
    "hyperparameters": {"n_epochs": 3, "batch_size": 10, "learning_rate_multiplier": 2.0},
    "estimated_finish": BORN + 4000,
}
DATA = Address("dataset", "train")
TOKENS = Price(2.0, "1M tokens", "a book", "2026-02", verified=False)
HOURS = Price(100.0, "hour", "a book", "2026-02", verified=False)


def job(price=TOKENS):
    spec = SimpleNamespace(training="train", model=MODEL, method="supervised")
    return Resource(Address("job", "tone"), spec, prepared={"price": price})


def data(examples=1000, tokens=1_000_000):
    billed = Tokens(encoding="o200k_base", total={}, assistant={}, billed={tokens: 1})
    return {DATA: Resource(DATA, None, prepared={"report": Report(format="chat", sound=examples, tokens=billed)})}


def said(message, after=0, **more):
    return {"id": f"ftevent-{after}", "created_at": BORN + after, "level": "info", "message": message, **more}


def step(number, after, loss=0.5):
    return said(f"Step {number}: training loss={loss}", after, data={"step": number, "train_loss": loss})


def far(events, now=1000, *, resource=None, declared=None, **body):
    return reckoned(BODY | body, events, resource or job(), data() if declared is None else declared, BORN + now)


STEPS = [step(30, 900), step(20, 600), step(10, 300)]


def test_everything_that_can_be_known():
    found = far([step(30, 900, 0.25), *STEPS[1:]])
    assert (found.status, found.stage, found.words) == ("running", "training", "")
    assert (found.step, found.steps, found.loss) == (30, 300, 0.25)
    assert found.elapsed == 1000
    assert found.left == Span(3000, 270 * 30 - 100)  # Azure's, and 30 seconds a step
    assert (found.cost.low, found.cost.high) == pytest.approx((0.6, 0.6))  # of three million tokens a tenth, at 2 USD


@pytest.mark.parametrize(
    ("message", "stage"),
    [
        ("Job enqueued. Waiting for jobs ahead to complete.", "queued"),
        ("Preprocessing running for file training file.", "checking its data"),
        ("Job started.", "starting"),
        ("Data Import started.", "importing its data"),
        ("Finetuning started.", "starting"),
        ("Job queued, waiting for GPUs.", "waiting for GPUs"),
        ("Training started.", "training"),
        ("Created results file: file-1", "training"),
        ("Postprocessing started.", "evaluating the model"),
        ("Model Evaluation Passed.", "evaluating the model"),
    ],
)
def test_the_stage_is_what_the_newest_event_says(message, stage):
    found = far([said(message), said("Job enqueued. Waiting for jobs ahead to complete.")])
    assert (found.stage, found.words) == (stage, "")


def test_what_the_service_says_in_other_words_is_passed_on_and_warnings_are_not():
    usual = said("Training started.", 100)
    assert str(far([said("Node replaced.", 200), usual])) == "training: Node replaced."
    assert str(far([said("Nothing known before.", 200)])) == "running: Nothing known before."
    assert str(far([said("Careful!", 200, level="warning"), usual])) == "training"
    assert str(far([])) == "running"


def test_a_paused_training_says_so_and_has_no_time_left():
    found = far(STEPS, status="paused")
    assert (found.stage.split(":")[0], found.left, found.step) == ("paused", None, 30)


def test_after_the_last_step_the_model_is_evaluated():
    assert far([step(300, 900)]).stage == "evaluating the model"


def test_the_number_of_steps_is_not_told_where_it_is_unknown_or_wrong():
    assert far(STEPS, hyperparameters={"n_epochs": -1, "batch_size": -1}).steps is None
    assert far(STEPS, hyperparameters={}).steps is None
    assert far(STEPS, declared={}).steps is None
    assert far([step(301, 900)]).steps is None


def test_a_cost_is_never_a_silent_zero():
    assert far([]).cost is None
    assert far(STEPS, resource=job(None)).cost is None
    assert far(STEPS, declared={}).cost is None
    assert reckoned(BODY, STEPS, None, {}, BORN + 1000).cost is None


def test_what_is_billed_by_the_hour_costs_since_the_first_step():
    begun = said("Training started.", 100)
    assert far([*STEPS, begun], 3700, resource=job(HOURS)).cost == Span.of(100.0)
    assert far(STEPS, 3600, resource=job(HOURS)).cost == Span.of(100.0)  # 30 steps of 30 seconds before 900
    assert far([step(1, 900)], 3600, resource=job(HOURS)).cost is None


def test_time_that_is_over_is_not_left():
    assert far([], 5000).left is None
    assert far([step(10, 300)], 5000).left is None
    assert far(STEPS, 50_000).left == Span.of(30)  # later than its pace says: a step is the least


def test_rewards_and_odd_values():
    rewarded = said("Step 5: training mean reward=0.4", 9, data={"step": 5, "train_mean_reward": 0.4})
    assert far([rewarded]).reward == 0.4
    assert far([said("Step 5: training loss=0.7", 9)]).loss == 0.7
    assert far([said("Step 5: training loss=nan", 9)]).loss is None
    assert far([said("Step 5: training loss=?", 9)]).loss is None


events = st.builds(
    said,
    st.sampled_from(
        ["Job started.", "Step 7: training loss=1", "Step 9: training loss=nan", "Step x", "", "Training started."]
    ),
    st.integers(0, 10_000),
)


@given(
    st.lists(events, max_size=20), st.integers(-100, 20_000), st.sampled_from(["running", "pending", "odd", "paused"])
)
def test_whatever_comes_nothing_is_below_zero(found, now, status):
    watched = far(found, now, status=status)
    assert watched.elapsed is None or watched.elapsed >= 0
    assert watched.left is None or watched.left.low > 0
    assert watched.cost is None or watched.cost.low > 0
    assert watched.later(1e9).left is None
