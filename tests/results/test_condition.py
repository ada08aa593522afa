"""Conditions on what a training measured: bounds, the overfit ratio, improvements; and what holds for all of them."""

from __future__ import annotations

from array import array
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.results.condition import Bounds, Improvement, Judged, Served, Trained, judge
from ftctl.results.job import Checkpoint
from ftctl.results.table import Series, Table

LOSS, ACCURACY = "full_valid_loss", "full_valid_mean_token_accuracy"
numbers = st.floats(0, 1e6)


def trained(value: float | None, *losses: float, metric: str = LOSS) -> Trained:
    """A checkpoint at the last step, with the losses of the steps before it."""
    series = Series(LOSS, array("q", range(1, len(losses) + 1)), array("d", losses))
    one = Checkpoint(len(losses) + 1, "m", metrics={} if value is None else {metric: value})
    return Trained(one, Table((LOSS,), {LOSS: series}), (one,))


def served(value: float) -> Served:
    return Served(trained(value))


@pytest.mark.parametrize(
    ("bounds", "value", "passed"),
    [
        (Bounds(LOSS, most=1.2), 1.2, True),
        (Bounds(LOSS, most=1.2), 1.2000001, False),
        (Bounds(ACCURACY, least=0.6), 0.6, True),
        (Bounds(ACCURACY, least=0.6), 0.59, False),
        (Bounds(LOSS, least=0.5, most=0.9), 0.4, False),
        (Bounds(LOSS, least=0.5, most=0.9), 0.7, True),
        (Bounds(LOSS, most=1.2), None, False),
        (Bounds(LOSS, most=1.2), nan, False),
        (Bounds(LOSS, least=0.1), inf, False),
    ],
)
def test_bounds_are_included_and_what_is_no_number_does_not_pass(bounds, value, passed):
    assert bounds.judge(trained(value, metric=bounds.metric)).passed is passed


def test_what_the_table_has_at_the_step_counts_where_the_checkpoint_says_nothing():
    found = trained(None, 3.0, 2.0)
    at_two = Trained(Checkpoint(2, "m"), found.table)
    assert Bounds(LOSS, most=2.0).judge(at_two) == Judged("full_valid_loss at most 2", passed=True, value=2.0)


@pytest.mark.parametrize(
    ("value", "losses", "ratio"),
    [(1.5, (2.0, 1.0), 1.5), (0.5, (2.0, 1.0), 1.0), (0.0, (1.0,), 1.0), (1.0, (0.0,), None), (None, (1.0,), None)],
)
def test_the_overfit_ratio_is_the_loss_over_the_lowest_of_the_training(value, losses, ratio):
    assert trained(value, *losses).measure("overfit_ratio") == ratio


@pytest.mark.parametrize(
    ("metric", "here", "there", "by", "passed"),
    [
        (LOSS, 1.0, 1.0, 0.0, True),
        (LOSS, 1.1, 1.0, 0.0, False),
        (LOSS, 0.5, 1.0, 0.5, True),
        (LOSS, 0.75, 1.0, 0.5, False),
        (ACCURACY, 0.75, 0.5, 0.25, True),
        (ACCURACY, 0.5, 0.75, 0.0, False),
    ],
)
def test_an_improvement_knows_which_way_is_better(metric, here, there, by, passed):
    other = Served(trained(there, metric=metric))
    assert Improvement(metric, by).judge(trained(here, metric=metric), other).passed is passed


@pytest.mark.parametrize("unknown", [False, True])
def test_an_improvement_over_what_cannot_be_read_is_what_was_said_of_it(unknown):
    cannot = Improvement(LOSS, unknown=unknown).judge(trained(1.0), Served(cannot="no job of this account"))
    assert (cannot.passed, cannot.beside) == (unknown, "no job of this account")
    assert not Improvement(LOSS, unknown=unknown).judge(trained(None), served(1.0)).passed
    assert Improvement(LOSS, by=9.0).judge(trained(1.0), Served(needless="nothing serves yet")).passed


def test_what_serves_is_only_read_for_a_comparison():
    def never() -> Served:
        raise AssertionError

    assert judge([Bounds(LOSS, most=2)], trained(1.0), never)[0].passed


def test_a_judgement_in_words():
    assert str(Bounds(LOSS, 0.5, 1.2).judge(trained(0.83211))) == (
        "full_valid_loss at least 0.5 and at most 1.2: it is 0.83211"
    )
    assert str(Bounds(LOSS, most=1).judge(trained(None))) == "full_valid_loss at most 1: not measured at step 1"
    assert str(Improvement(LOSS).judge(trained(0.8), served(0.9))) == (
        "full_valid_loss no worse than that of the model served now: it is 0.8, that is 0.9"
    )


# --- monotone: a looser threshold never refuses what a stricter one lets pass


@given(numbers, numbers, numbers)
def test_bounds_are_monotone(value, one, other):
    low, high = sorted((one, other))
    at_most, at_least = (Bounds(LOSS, most=low), Bounds(LOSS, most=high)), (Bounds(LOSS, high), Bounds(LOSS, low))
    for strict, loose in (at_most, at_least):
        assert loose.judge(trained(value)).passed >= strict.judge(trained(value)).passed


@given(numbers, numbers, numbers, numbers)
def test_an_improvement_is_monotone_in_what_it_asks_for_and_in_what_it_gets(value, better, there, by):
    lower, higher = sorted((value, better))
    assert Improvement(LOSS, by / 2).judge(trained(value), served(there)).passed >= (
        Improvement(LOSS, by).judge(trained(value), served(there)).passed
    )
    assert Improvement(LOSS, by).judge(trained(lower), served(there)).passed >= (
        Improvement(LOSS, by).judge(trained(higher), served(there)).passed
    )


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9), st.floats(1e-3, 1e3), st.floats(1, 9))
def test_the_overfit_ratio_is_at_least_one_and_rises_with_the_loss(losses, value, factor):
    ratio, more = (trained(one, *losses).measure("overfit_ratio") for one in (value, value * factor))
    assert 1 <= ratio <= more * (1 + 1e-12)
