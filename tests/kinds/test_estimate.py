"""What a job is estimated at, in tables: tokens, epochs, prices, hours, and the times of earlier trainings."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.catalog.prices import Price, asks_retail, own_book
from ftctl.core.estimate import Span
from ftctl.core.model import Address, Health, Live, Resource
from ftctl.data.report import Report, Tokens
from ftctl.data.stats import likely_epochs, possible_epochs
from ftctl.data.tokens import ESTIMATE, O200K
from ftctl.kinds.estimate import estimated, priced
from ftctl.kinds.job import JobSpec
from ftctl.local.training import automatic_epochs

MODEL = "gpt-4.1-mini-2025-04-14"
CENT = Price(10_000.0, "1M tokens", "a book", "2026-11", verified=True)  # a cent a token
GRADER = {"type": "string_check", "input": "{{sample.output_text}}", "reference": "{{item.a}}", "operation": "eq"}
REWARDED = {"reinforcement": {"grader": GRADER}}
HOURLY = Price(100.0, "hour", "a page", "2026-03", verified=True)


def job(price=CENT, epochs=3, **more):
    spec = msgspec.convert(
        {"model": MODEL, "training": "train", "hyperparameters": {"n_epochs": epochs}, **more}, JobSpec
    )
    return Resource(Address("job", "tone"), spec, prepared={"price": price})


def data(tokens=100, *, examples=100, estimated=0, encoding=O200K, counted=True):
    """A dataset of `tokens` tokens in all."""
    counts = {tokens: 1} if tokens else {}
    found = Tokens(encoding=encoding, total=counts, assistant=counts, billed=counts, estimated=estimated)
    report = Report(format="chat", sound=examples, tokens=found if counted else None)
    one = Resource(Address("dataset", "train"), None, prepared={"report": report})
    return {one.address: one}


def trained(tokens, seconds, *, within="account", model=MODEL, method="supervised", health=Health.READY, **raw):
    raw = {"created_at": 1_000, "finished_at": 1_000 + seconds, "trained_tokens": tokens} | raw
    fields = {"model": model, "method": method}
    return Live("job", "k", "id", "n", fields, within=within, health=health, created=1_000.0, raw=raw)


def about(resource, declared=None, lives=()):
    return estimated(resource, "account", data() if declared is None else declared, lives)


def test_the_cost_is_tokens_times_epochs_times_price():
    found = about(job())
    assert (found.once, found.epochs, found.tokens) == (Span.of(100), Span.of(3), Span.of(300))
    assert (found.cost.low, found.cost.high) == pytest.approx((3.0, 3.0))
    assert (found.price, found.notes, found.unknown) == (CENT.basis, (), "")


@pytest.mark.parametrize(
    ("declared", "once", "note"),
    [
        (data(estimated=40), Span(60, 140), "40 tokens of a pass are guesses, for tools and images"),
        (data(estimated=400), Span(0, 200), "100 tokens of a pass are guesses, for tools and images"),
        (data(encoding=ESTIMATE), Span(50, 200), "without a tokenizer, four bytes are taken for a token"),
    ],
)
def test_tokens_that_were_guessed_make_a_range(declared, once, note):
    found = about(job(), declared)
    assert (found.once, found.notes) == (once, (note,))
    assert (found.cost.low, found.cost.high) == pytest.approx((once.low * 0.03, once.high * 0.03))


def test_a_model_with_another_tokenizer_is_a_range():
    found = about(job(model="Ministral-3B"))
    assert (found.once, found.notes) == (Span(75, 133), ("counted as o200k_base, not with the model's own tokenizer",))


@pytest.mark.parametrize(
    ("examples", "fewest", "most"),
    [(1, 25, 25), (10, 10, 25), (12, 8, 25), (60, 2, 25), (100, 1, 25), (2_750, 1, 9), (25_000, 1, 1), (90_000, 1, 1)],
)
def test_epochs_that_azure_chooses_are_those_of_the_published_rule(examples, fewest, most):
    found = about(job(epochs="auto"), data(examples=examples))
    assert found.epochs == Span(fewest, most)
    assert found.tokens == Span(100 * fewest, 100 * most)
    assert found.notes[-1].startswith("Azure chooses the epochs: ")
    assert found.notes[-1].endswith(f"likely {likely_epochs(examples)}")


@given(st.integers(1, 1_000_000))
def test_the_rules_own_choice_lies_within_its_bounds_and_so_does_the_local_azures(examples):
    fewest, most = possible_epochs(examples)
    assert 1 <= fewest <= likely_epochs(examples) <= most <= 25
    assert fewest <= automatic_epochs(examples) <= most


@pytest.mark.parametrize(
    ("resource", "declared", "why"),
    [
        (job(price=None), data(), f"no price for {MODEL} (globalStandard)"),
        (job(), data(counted=False), "the tokens of dataset/train were not counted"),
        (job(), {}, "the tokens of dataset/train were not counted"),
        (
            job(price=None, method=REWARDED),
            data(),
            f"no price for {MODEL} (globalStandard), which is billed by the hour",
        ),
        (job(method=REWARDED), data(), f"no price for {MODEL} (globalStandard), which is billed by the hour"),
        (
            job(price=HOURLY, method=REWARDED),
            data(),
            f"it is billed by the hour, at {HOURLY.basis}, and no earlier training says how many",
        ),
    ],
)
def test_what_is_not_known_has_no_amount_and_a_reason(resource, declared, why):
    found = about(resource, declared)
    assert (found.cost, found.unknown) == (None, why)


def test_a_price_of_nothing_is_known():
    assert about(job(price=Price(0.0, "1M tokens", "a gift", "2026", verified=True))).cost == Span.of(0)


@pytest.mark.parametrize(
    ("lives", "seconds"),
    [
        ([trained(300, 600)], Span(600, 600)),
        ([trained(100, 600)], Span(600, 1_800)),
        ([trained(600, 600)], Span(300, 600)),
        ([trained(None, 600)], Span(600, 600)),
        ([trained(300, 600), trained(300, 900)], Span(600, 900)),
        ([trained(1, 5), trained(250, 600), trained(310, 620), trained(400, 640)], Span(480, 720)),
        ([trained(300, 600, model=f"{MODEL}.ft-1a-tone")], Span(600, 600)),
        ([trained(300, 600, within="another")], None),
        ([trained(300, 600, model="gpt-4.1-2025-04-14")], None),
        ([trained(300, 600, method="dpo")], None),
        ([trained(300, 600, health=Health.FAILED)], None),
        ([trained(300, 600, health=Health.PENDING, finished_at=None)], None),
        ([trained(300, -5)], None),
        ([], None),
    ],
)
def test_the_time_is_that_of_the_nearest_earlier_trainings(lives, seconds):
    found = about(job(), lives=lives)
    assert found.seconds == seconds
    assert found.earlier == (min(len(lives), 3) if seconds else 0)


def test_hours_of_reinforcement_come_from_earlier_trainings():
    lives = [trained(None, 3_600, method="reinforcement"), trained(9, 5_400, method="reinforcement")]
    found = about(job(price=HOURLY, method=REWARDED), lives=lives)
    assert (found.hours.low, found.hours.high) == pytest.approx((1, 1.5))
    assert (found.cost.low, found.cost.high) == pytest.approx((100, 150))
    assert (found.tokens, found.price, found.earlier) == (None, HOURLY.basis, 2)
    assert "a grader's tokens come on top" in found.notes


def test_the_price_book_of_the_environment_comes_first(tmp_path, monkeypatch):
    monkeypatch.delenv("FTCTL_PRICES", raising=False)
    assert priced(job().spec, {})["price"].usd == 5.0
    own = tmp_path / "own.toml"
    own.write_text('[[prices]]\nsource = "s"\ndate = "d"\nmodels = {"gpt-4.1-mini" = {any = 7}}\n', "utf-8")
    monkeypatch.setenv("FTCTL_PRICES", str(own))
    assert priced(job().spec, {})["price"].usd == 7
    assert priced(job(model="o9").spec, {}) == {"price": None}


def test_retail_is_no_file():
    assert own_book({"FTCTL_PRICES": "retail"}) is None
    assert (asks_retail({"FTCTL_PRICES": "retail"}), asks_retail({"FTCTL_PRICES": "own.toml"})) == (True, False)
