"""Estimates and budgets: ranges that add up, the unknown that is never zero, and plans that are stopped."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.errors import Exit, FtctlError, Where
from ftctl.core.estimate import Budget, Estimate, Span, added, amounts, told, total
from ftctl.core.guard import over_budget
from ftctl.core.model import Address, ChangeClass, Home, Mode
from ftctl.render.estimate import estimate_json, money_text, time_text, total_json, total_text
from ftctl.render.look import Look

LOOK = Look()
AMOUNT = st.floats(0, 1e6, allow_nan=False)
SPANS = st.tuples(AMOUNT, AMOUNT).map(lambda ends: Span(min(ends), max(ends)))
KNOWN = SPANS.map(lambda span: Estimate(span, tokens=Span(1, 2), price="1 USD per 1M tokens (a book, 2026)"))
UNKNOWN = Estimate(unknown="no price for x")
ESTIMATES = st.lists(st.one_of(KNOWN, st.just(UNKNOWN), st.none()), max_size=6)


def training(name, estimate, **more):
    address = Address("job", name)
    return Change(address, Action.CREATE, Reason.NEW_RECIPE, ChangeClass.TRAIN, key=name, estimate=estimate, **more)


def trainings(estimates):
    return [training(f"j{number}", estimate) for number, estimate in enumerate(estimates)]


def codes(changes, *budgets):
    return [problem.code for problem in over_budget(changes, budgets)]


@given(ESTIMATES)
def test_a_total_is_the_sum_of_what_is_known_and_counts_the_rest(estimates):
    found = total(estimates)
    known = [one for one in estimates if one and one.cost]
    assert found.unknown == len(estimates) - len(known)
    assert (found.cost is None) == (not known)
    if known:
        assert found.cost.low == pytest.approx(sum(one.cost.low for one in known))
        assert found.cost.high == pytest.approx(sum(one.cost.high for one in known))


@given(st.lists(SPANS, min_size=1), SPANS)
def test_sums_of_ranges_hold_every_sum_of_their_members(spans, factor):
    sum_ = added(spans)
    assert sum_.low <= sum_.high
    assert (sum_ * factor).low <= (sum_ * factor).high
    middle = sum((one.low + one.high) / 2 for one in spans)
    assert sum_.low * (1 - 1e-9) <= middle <= sum_.high * (1 + 1e-9)


@given(ESTIMATES, AMOUNT, AMOUNT)
def test_a_budget_that_allows_more_never_stops_what_less_lets_through(estimates, one, other):
    small, large = sorted((one, other))
    changes = trainings(estimates)
    if not codes(changes, Budget(small, "small")):
        assert not codes(changes, Budget(large, "large"))


@given(ESTIMATES, AMOUNT)
def test_a_plan_passes_a_budget_exactly_if_all_is_known_and_within(estimates, amount):
    known = [one.cost.high for one in estimates if one and one.cost]
    within = len(known) == len(estimates) and sum(known) <= amount
    assert bool(codes(trainings(estimates), Budget(amount, "all"))) == (not within)


@given(ESTIMATES)
def test_the_unknown_is_never_shown_as_nothing(estimates):
    found = total(estimates)
    text = total_text(found, LOOK)
    assert ("unknown" in text) == bool(found.unknown)
    assert (text == "") == (not estimates)
    assert total_json(found)["unknown"] == found.unknown
    if found.cost is None:
        assert total_json(found)["cost"] is None


def test_an_estimate_without_amount_says_why():
    with pytest.raises(ValueError, match="says why"):
        Estimate()
    with pytest.raises(ValueError, match="says why"):
        Estimate(Span.of(1), unknown="x")
    assert estimate_json(UNKNOWN)["cost"] is None
    assert estimate_json(UNKNOWN)["unknown"] == "no price for x"


@pytest.mark.parametrize(("low", "high"), [(2, 1), (-1, 1), (nan, 1), (1, nan)])
def test_no_span_runs_backwards_or_below_nothing(low, high):
    with pytest.raises(ValueError, match="no span"):
        Span(low, high)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (41.2, 54.9, "≈ 41–55 USD"),
        (1.2, 1.2, "≈ 1.20 USD"),
        (9.99, 31, "≈ 9.99–31.00 USD"),
        (0.0025, 0.0025, "≈ 0.0025 USD"),
        (0, 0, "≈ 0.00 USD"),
        (0, 0.004, "≈ 0.0000–0.0040 USD"),
        (1_234_567.8, 1_234_567.8, "≈ 1,234,568 USD"),
    ],
)
def test_money_has_the_digits_it_needs(low, high, text):
    assert money_text(Span(low, high), LOOK) == text
    assert money_text(Span(low, high), Look(unicode=False)).isascii()


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_an_amount_that_costs_never_looks_free(one, other):
    assert all(float(text.replace(",", "")) > 0 for text in amounts(one, other))


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (600, 1200, "10–20 min"),
        (7_200, 14_400, "2–4 h"),
        (5_400, 9_000, "1.5–2.5 h"),
        (30, 30, "30 s"),
        (180_000, 400_000, "2.1–4.6 days"),
        (45, 3_600, "0.8–60 min"),
    ],
)
def test_time_is_in_the_unit_that_suits_it(low, high, text):
    assert time_text(Span(low, high), LOOK) == text


def test_several_trainings_take_from_the_longest_to_all_in_turn():
    first = Estimate(Span.of(1), seconds=Span(600, 900))
    second = Estimate(Span.of(2), seconds=Span(1_200, 1_300))
    assert total_text(total([first, second]), LOOK) == "≈ 3.00 USD, 20–37 min"
    assert total_text(total([first, Estimate(Span.of(2))]), LOOK) == "≈ 3.00 USD"
    assert total_text(total([first, UNKNOWN]), LOOK) == "≈ 1.00 USD and 1 unknown"
    assert total_text(total([UNKNOWN]), LOOK) == "cost unknown"


CHEAP = Estimate(
    Span(1, 3), once=Span.of(1e6), epochs=Span(1, 3), tokens=Span(1e6, 3e6), price="1 USD per 1M tokens (a book, 2026)"
)
GUARDS = {
    "within": ([CHEAP], [Budget(3, "`--max-cost`")], []),
    "the high end counts": ([CHEAP], [Budget(2.99, "`--max-cost`")], ["FT3020"]),
    "all together": ([CHEAP, CHEAP], [Budget(5, "`limits.maxCost`")], ["FT3020"]),
    "each budget by itself": ([CHEAP, CHEAP], [Budget(6, "a"), Budget(5, "b"), Budget(4, "c")], ["FT3020", "FT3020"]),
    "one job's": ([CHEAP, CHEAP], [Budget(2, "`maxCost`", of=Address("job", "j1"))], ["FT3020"]),
    "another job's": ([CHEAP], [Budget(2, "`maxCost`", of=Address("job", "j7"))], []),
    "other stacks come first": ([CHEAP], [Budget(5, "`--max-cost`", spent=2.5)], ["FT3020"]),
    "unknown": ([UNKNOWN], [Budget(1e9, "`--max-cost`")], ["FT3021"]),
    "without any estimate": ([None], [Budget(1e9, "`--max-cost`")], ["FT3021"]),
    "known is over, so that is told": ([CHEAP, UNKNOWN], [Budget(2, "a")], ["FT3020"]),
    "nothing trains": ([], [Budget(0, "a")], []),
    "nothing is allowed": ([CHEAP], [Budget(0, "a")], ["FT3020"]),
    "no number allows nothing": ([CHEAP], [Budget(nan, "a")], ["FT3020"]),
    "no budget": ([CHEAP, UNKNOWN, None], [], []),
}


@pytest.mark.parametrize("case", GUARDS)
def test_budgets(case):
    estimates, budgets, expected = GUARDS[case]
    problems = list(over_budget(trainings(estimates), budgets))
    assert [problem.code for problem in problems] == expected
    assert not problems or FtctlError.all(problems).exit is Exit.BLOCKED


def test_a_stopped_plan_says_numbers_basis_and_what_to_do():
    where = Where("specs/tone.yaml", 7, 3)
    (found,) = over_budget([training("tone", CHEAP)], [Budget(2.5, "`maxCost`", Address("job", "tone"), where)])
    assert found.what == "training job/tone could cost 1.00 to 3.00 USD, and `maxCost` allows 2.5 USD"
    assert found.why == "job/tone: at most 3,000,000 tokens at 1 USD per 1M tokens (a book, 2026)."
    assert found.fix == "Say how many epochs with `n_epochs`, or allow more with `maxCost`."
    assert found.where == where
    fixed = replace(CHEAP, epochs=Span.of(3))
    (found,) = over_budget([training("tone", fixed)], [Budget(2.5, "`--max-cost`", spent=1)])
    assert "after 1.00 USD for other stacks, and `--max-cost` allows" in found.what
    assert found.fix.startswith("Train fewer epochs")
    (found,) = over_budget([training("tone", UNKNOWN)], [Budget(2.5, "`--max-cost`")])
    assert found.what == "training job/tone would cost nobody knows what, and `--max-cost` allows 2.5 USD"
    assert (found.why, "FTCTL_PRICES" in found.fix) == ("job/tone: no price for x.", True)
    both = [training("known", CHEAP), training("tone", UNKNOWN)]
    (found,) = over_budget(both, [Budget(50, "`--max-cost`")])
    assert found.what.startswith("training job/tone would cost nobody knows what")


def a_plan(*changes):
    return Plan(Home("s", "sub", "rg"), Mode.NORMAL, changes)


def test_what_ran_or_runs_costs_nothing_more_and_one_recipe_is_paid_once():
    waits = replace(training("a", CHEAP), action=Action.WAIT)
    again = replace(training("b", CHEAP), key="c")
    plan = a_plan(waits, again, training("c", CHEAP))
    assert [str(change.address) for change in plan.trainings] == ["job/b"]
    assert plan.estimate().cost == CHEAP.cost


def test_another_price_makes_no_plan_stale():
    assert a_plan(training("a", CHEAP)).digest() == a_plan(training("a", UNKNOWN)).digest()


def test_told():
    assert told(Span(0.01, 0.11)) == "0.010 to 0.110 USD"
    assert told(Span.of(2)) == "2.00 USD"


def test_every_declaration_of_one_recipe_has_its_own_budget():
    twins = [training("a", CHEAP), replace(training("b", CHEAP), key="a")]
    assert codes(twins, Budget(3, "all")) == []
    assert codes(twins, Budget(1, "own", of=Address("job", "a"))) == ["FT3020"]
    assert codes(twins, Budget(1, "own", of=Address("job", "b"))) == ["FT3020"]
