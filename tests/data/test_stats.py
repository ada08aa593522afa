"""Figures of a distribution: percentiles as others define them, bins that lose nobody, epochs and cost."""

from __future__ import annotations

import statistics
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.catalog import prices
from ftctl.catalog.prices import Price, own_book, training_price
from ftctl.core.errors import FtctlError
from ftctl.data.report import Report, Tokens
from ftctl.data.stats import Use, bins, cost, likely_epochs, percentile, spread

LENGTHS = st.lists(st.integers(0, 5_000), min_size=2, max_size=200)


@given(LENGTHS)
def test_percentiles_are_those_of_the_standard_library(lengths):
    cuts = statistics.quantiles(lengths, n=20, method="inclusive")
    counts = Counter(lengths)
    assert percentile(counts, 0.05) == pytest.approx(cuts[0])
    assert percentile(counts, 0.95) == pytest.approx(cuts[-1])
    assert percentile(counts, 0.5) == pytest.approx(statistics.median(lengths))
    assert (percentile(counts, 0), percentile(counts, 1)) == (min(lengths), max(lengths))


@given(LENGTHS)
def test_a_spread_says_what_the_lengths_say(lengths):
    found = spread(Counter(lengths))
    assert (found.examples, found.total) == (len(lengths), sum(lengths))
    assert (found.least, found.most) == (min(lengths), max(lengths))
    assert found.mean == pytest.approx(statistics.fmean(lengths))


def test_p5_is_not_the_tenth_percentile():
    counts = dict.fromkeys(range(1, 101), 1)
    found = spread(counts)
    assert (found.p5, found.p95) == pytest.approx((5.95, 95.05))
    assert percentile(counts, 0.1) == pytest.approx(10.9)


def test_one_example_and_none():
    found = spread({7: 1})
    assert {found.least, found.most, found.mean, found.median, found.p5, found.p95} == {7}
    assert spread({}) is None
    assert bins({}) == ()


@given(st.lists(st.integers(0, 200_000), min_size=1, max_size=300), st.integers(1, 20))
def test_bins_hold_every_example_once(lengths, most):
    found = bins(Counter(lengths), most)
    assert 1 <= len(found) <= most
    assert sum(one.examples for one in found) == len(lengths)
    for one in found:
        assert one.examples == sum(
            one.start <= length and (one.stop is None or length < one.stop) for length in lengths
        )
    assert all(one.stop is not None for one in found[:-1])
    assert [one.stop for one in found[:-1]] == [one.start for one in found[1:]]


def test_a_long_tail_does_not_flatten_the_rest():
    found = bins(Counter([*range(100, 300)] * 5 + [90_000]))
    assert sum(one.examples for one in found) == 1_001
    assert found[-1].stop is None
    assert len([one for one in found if one.examples]) > 5


@pytest.mark.parametrize(
    ("examples", "epochs"), [(0, 3), (3, 25), (10, 10), (33, 3), (34, 3), (100, 3), (8_333, 3), (8_334, 2), (99_999, 1)]
)
def test_likely_epochs_follow_the_rule_of_thumb(examples, epochs):
    assert likely_epochs(examples) == epochs


def report(billed=None, sound=100):
    tokens = Tokens(encoding="o200k_base", total={}, assistant={}, billed=billed) if billed else None
    return Report(format="chat", examples=sound, sound=sound, tokens=tokens)


def test_cost_is_tokens_times_epochs_times_price():
    price = Price(3.0, "1M tokens", "a list", "2026-02", verified=False)
    found = cost(report({1_000: 80, 5_000: 20}), Use(epochs=5), price)
    assert (found.tokens, found.assumed) == (900_000, False)
    assert found.usd == pytest.approx(2.7)
    assert cost(report({1_000: 100}), Use(), price).epochs == 3
    assert cost(report({1_000: 100}), Use(), price).assumed


def test_what_is_unknown_is_never_zero():
    price = Price(100.0, "hour", "a list", "2026-03", verified=True)
    assert cost(report({10: 100}), Use(), None).usd is None
    assert cost(report(), Use(), Price(3.0, "1M tokens", "a list", "2026-02", verified=True)).usd is None
    assert cost(report({10: 100}), Use(), price).usd is None


# --- prices


@pytest.mark.parametrize(
    ("model", "training_type", "usd"),
    [
        ("gpt-4.1-mini-2025-04-14", "globalStandard", 5.0),
        ("gpt-4.1-mini", "standard", 6.6),
        ("gpt-4o-2024-08-06.ft-0a1b2c-tone", "developerTier", 12.5),
        ("o4-mini-2025-04-16", "standard", 100.0),
    ],
)
def test_known_prices(model, training_type, usd):
    found = training_price(model, training_type)
    assert found is not None
    assert found.usd == usd
    assert found.source
    assert date.fromisoformat(f"{found.date}-01")


@pytest.mark.parametrize(
    ("model", "training_type"),
    [
        ("gpt-9", "standard"),
        ("gpt-4.1", "globalStandard"),
        ("gpt-4.1-mini", "batch"),
        ("", ""),
        ("gpt-4.1-minimal", "standard"),
    ],
)
def test_unknown_prices(model, training_type):
    assert training_price(model, training_type) is None


def test_prices_of_one_s_own_come_first(tmp_path):
    own = tmp_path / "prices.toml"
    own.write_text(
        '[[prices]]\nsource = "our contract"\ndate = "2026-11"\nverified = true\n'
        '[prices.models]\n"gpt-4.1-mini" = {globalStandard = 0.5}\n'
        '"gpt-4.1-mini-2025-04-14" = {globalStandard = 0.45}\n',
        encoding="utf-8",
    )
    found = training_price("gpt-4.1-mini-2025-04-14", "globalStandard", own=own)
    assert found.basis == "0.45 USD per 1M tokens (our contract, 2026-11)"
    assert training_price("gpt-4.1-mini", "globalStandard", own=own).usd == 0.5
    assert training_price("gpt-4.1-mini", "standard", own=own).usd == 6.6
    assert own_book({prices.VARIABLE: str(own)}) == own
    assert own_book({prices.VARIABLE: ""}) is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "prices: 3",
        "[[prices]]\nsource = 'x'",
        "[[prices]]\nsource = 'x'\ndate = '2026'\nmodels = {a = {standard = -1.0}}",
        "[[prices]]\nsource = 'x'\ndate = '2026'\nmodels = {a = {cheap = 1.0}}",
    ],
)
def test_a_price_book_that_is_none_is_refused(tmp_path, text):
    own = tmp_path / "prices.toml"
    if text is not None:
        own.write_text(text, encoding="utf-8")
    with pytest.raises(FtctlError) as error:
        training_price("gpt-4.1-mini", "standard", own=own)
    assert error.value.problems[0].code == "FT6011"


def test_the_book_is_part_of_the_package():
    assert Path(prices.__file__).with_suffix(".toml").is_file()
