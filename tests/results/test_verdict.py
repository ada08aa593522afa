"""The verdict on curves whose answer is known, whatever their length, scale and noise."""

from __future__ import annotations

import re
from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftctl.results import thresholds
from ftctl.results.table import Series, Table
from ftctl.results.verdict import Outcome, judge
from tests.results.curves import SHAPES, Shape, bowl, falling, table_of

PAGE = Path(__file__).parents[2] / "docs/results.md"
shapes = st.sampled_from(sorted(SHAPES))
few = settings(max_examples=60, deadline=None)


def losses(**columns):
    series = {name: Series(name, array("q", steps), array("d", values)) for name, (steps, values) in columns.items()}
    steps = [step for one in series.values() for step in one.steps]
    return Table(tuple(series), series, {}, max(steps, default=0), min(steps, default=0))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("steps", [20, 33, 100, 1000])
def test_a_curve_without_noise(name, steps):
    shape = SHAPES[name]
    if steps < 40 and not shape.full and shape.outcome == "overfitting":
        pytest.skip("there is no overfitting to be seen")
    assert judge(table_of(shape, steps)).outcome == shape.outcome


@few
@given(name=shapes, steps=st.integers(300, 2000), noise=st.floats(0, 0.04), seed=st.integers(0, 10**6))
def test_noise_of_4_per_cent_of_what_was_learned_changes_nothing_from_300_steps_on(name, steps, noise, seed):
    assert judge(table_of(SHAPES[name], steps, noise=noise, seed=seed)).outcome == SHAPES[name].outcome


@few
@given(name=shapes, steps=st.integers(100, 300), noise=st.floats(0, 0.01), seed=st.integers(0, 10**6))
def test_noise_of_1_per_cent_changes_nothing_from_100_steps_on(name, steps, noise, seed):
    assert judge(table_of(SHAPES[name], steps, noise=noise, seed=seed)).outcome == SHAPES[name].outcome


@few
@given(name=shapes, scale=st.floats(1e-4, 1e6), seed=st.integers(0, 100))
def test_the_scale_changes_nothing(name, scale, seed):
    here = judge(table_of(SHAPES[name], 300, noise=0.03, seed=seed))
    there = judge(table_of(SHAPES[name], 300, noise=0.03, seed=seed, scale=scale))
    assert (here.outcome, here.since) == (there.outcome, there.since)


@few
@given(
    steps=st.lists(st.integers(0, 200), min_size=0, max_size=200, unique=True).map(sorted),
    values=st.lists(st.floats(), min_size=200, max_size=200),
    names=st.sampled_from(["train_loss", "train_mean_reward", "valid_loss", "full_valid_mean_reward"]),
)
def test_any_numbers_at_all_get_a_verdict(steps, values, names):
    verdict = judge(losses(**{names: (steps, values[: len(steps)]), "more": (steps, values[: len(steps)])}))
    assert verdict.title
    assert verdict.seen.endswith(".")
    assert verdict.rule.endswith(".")
    assert verdict.advice.endswith(".")


def test_overfitting_names_the_step_it_began_at_and_its_numbers():
    verdict = judge(table_of(SHAPES["evaluations rise"], 600))
    assert verdict.since == 200  # the evaluation nearest to the bowl's lowest point, at 240
    assert verdict.title == "overfitting since step 200"
    assert verdict.numbers["best"] == pytest.approx(bowl(1 / 3))
    assert verdict.numbers["end"] == pytest.approx(bowl(1.0))
    assert "best at step 200 with 0.904 and is 1.19 now, 31% higher" in verdict.seen


def test_a_single_high_evaluation_at_the_end_is_no_overfitting():
    at, values = [100, 200, 300, 400], [1.0, 0.9, 0.8, 0.95]
    train = (range(1, 401), [falling(1.5, 4, 0.1)(step / 400) for step in range(1, 401)])
    assert judge(losses(train_loss=train, full_valid_loss=(at, values))).outcome != Outcome.OVERFITTING
    twice = losses(train_loss=train, full_valid_loss=([*at, 500], [*values, 0.95]))
    assert judge(twice).title == "overfitting since step 300"


def test_evaluations_that_came_down_again_are_no_overfitting():
    train = (range(1, 501), [falling(1.5, 4, 0.1)(step / 500) for step in range(1, 501)])
    for last in ([0.95, 0.81], [0.81, 0.95]):
        table = losses(train_loss=train, full_valid_loss=([100, 200, 300, 400, 500], [1.0, 0.9, 0.8, *last]))
        assert judge(table).outcome != Outcome.OVERFITTING


def test_validation_that_is_worse_because_training_is_worse_is_no_overfitting():
    def turning(time):  # back by a fifth of what was learned: too little to be called diverging
        return 2 - 2 * time if time < 0.5 else 1 + 0.4 * (time - 0.5)

    table = table_of(Shape("", turning, lambda time: turning(time) - 0.1, epochs=6), 600)
    assert judge(table).outcome not in {"overfitting", "diverging"}


def test_a_rise_of_less_than_the_threshold_is_no_overfitting():
    train = (range(1, 401), [falling(1.5, 4, 0.1)(step / 400) for step in range(1, 401)])
    for rise, overfit in ((thresholds.OVERFIT_RISE * 0.9, False), (thresholds.OVERFIT_RISE * 1.1, True)):
        values = [1.1, 1.0, 1.0 + rise, 1.0 + rise]
        table = losses(train_loss=train, full_valid_loss=([100, 200, 300, 400], values))
        assert (judge(table).outcome == Outcome.OVERFITTING) is overfit


def test_validation_that_rises_together_with_training_is_no_overfitting():
    shape = SHAPES["training blows up"]
    assert judge(table_of(replace(shape, full=shape.train, epochs=8), 400)).outcome == "diverging"


def test_a_single_spike_is_nothing():
    calm = table_of(SHAPES["training alone has converged"], 400)
    for place in (5, 200, 399):
        calm.series["train_loss"].values[place] = 50.0
    assert judge(calm).outcome in {"converged", "too short to tell"}


def test_rewards_that_stay_near_nothing_are_stuck_however_they_jump():
    table = table_of(Shape("reward stuck", lambda time: 0.02, reward=True), 400, noise=2.0, seed=1)
    assert judge(table).outcome == "reward stuck"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_a_loss_that_ends_in_no_number_diverges(value):
    table = table_of(SHAPES["training alone has converged"], 100)
    for place in range(60, 100):
        table.series["train_loss"].values[place] = value
    verdict = judge(table)
    assert (verdict.outcome, verdict.since) == ("diverging", 61)
    table.series["train_loss"].values[99] = 0.7
    assert judge(table).outcome != "diverging"
    assert any("39 values that are no numbers were passed over" in limit for limit in judge(table).limits)


def test_too_few_steps():
    verdict = judge(table_of(SHAPES["training alone still falls"], 19))
    assert (verdict.outcome, verdict.seen) == ("too short to tell", "The training loss was measured at 19 steps.")
    assert judge(Table((), {})).outcome == "too short to tell"


def test_noise_that_hides_everything_is_said():
    table = table_of(SHAPES["training alone has converged"], 60, noise=0.15, seed=4)
    verdict = judge(table)
    assert verdict.outcome == "too short to tell"
    assert "is noise, beside" in verdict.seen


def test_what_limits_the_judgement_is_said():
    blind = judge(table_of(SHAPES["training alone has converged"], 100), running=True)
    assert blind.limits == (
        "The job still runs: this is how it stands so far.",
        "No validation data: whether the model overfits cannot be seen.",
    )
    assert judge(table_of(SHAPES["validation has converged"], 100)).limits == ()


def test_a_file_without_its_beginning_is_not_said_to_have_learned_nothing():
    flat = Shape("not learning", lambda time: 1.2)
    assert judge(table_of(flat, 400)).outcome == "not learning"
    late = judge(table_of(flat, 400, first=300))
    assert late.outcome == "converged"
    assert "What was before step 300 is not in the file." in late.limits


def test_the_page_publishes_every_threshold():
    page = PAGE.read_text("utf-8")
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| ([0-9.]+) \|", page, re.MULTILINE))
    known = {name: value for name, value in vars(thresholds).items() if name.isupper()}
    assert {name: float(value) for name, value in told.items()} == known


def test_the_page_explains_every_verdict():
    page = PAGE.read_text("utf-8")
    assert [one for one in Outcome if f"**{one}**" not in page] == []
