"""A stack's bill: how far off, what it adds up to, and how it is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftctl.core.bill import Bill, Hosting, Training
from ftctl.core.estimate import Estimate, Span
from ftctl.core.model import Address
from ftctl.render.cost import bill_json, bill_markdown, bill_text
from ftctl.render.look import Look, width_of
from tests.golden import kept

GOLDEN = Path(__file__).parent.parent / "cli" / "golden"
PRICE = "0.6 USD per 1M tokens (community table, 2026-02, not verified)"
EXACT = Estimate(
    Span.of(0.6), once=Span.of(250_000), epochs=Span.of(4), tokens=Span.of(1_000_000), price=PRICE, notes=()
)
RANGE = Estimate(Span(0.3, 0.6), once=Span.of(250_000), epochs=Span(2, 4), tokens=Span(5e5, 1e6), price=PRICE)
HOURS = Estimate(Span(100, 150), hours=Span(1, 1.5), price="100 USD per hour (a page, 2026-03)")
UNKNOWN = Estimate(unknown="no price for Ministral-3B (globalStandard)")


def training(name, estimate, **more):
    return Training(Address("job", name), more.pop("state", "succeeded"), f"ftjob-{name}", estimate, **more)


def ended(name, estimate, tokens, **more):
    return training(name, estimate, tokens=tokens, billed=tokens * 0.6e-6, price=PRICE, over=True, **more)


BILL = Bill(
    "support-tone",
    "rg-finetune",
    (
        ended("tone", EXACT, 950_000),
        training("next", RANGE, state="to train"),
        training("open-weight", UNKNOWN, state="running"),
        training("reasoning", HOURS, hours=1.65, billed=165.0, price="100 USD per hour (a page, 2026-03)", over=True),
        training("broken", EXACT, state="failed", billed=0.0, price="failed trainings are not billed", over=True),
    ),
    (ended("old", None, 2_000_000), training("x", None, over=True, unknown="Azure does not say how many tokens")),
    (
        Hosting(
            Address("deployment", "tone-prod"), "ready", "GlobalStandard", "m.ft-1", 1.7, "1.7 USD per hour (a page)"
        ),
        Hosting(Address("deployment", "tone-test"), "ready", "DeveloperTier", "m.ft-1", 0.0, "0 USD per hour (a page)"),
        Hosting(
            Address("deployment", "big"),
            "missing",
            "ProvisionedManaged",
            "m",
            None,
            "ProvisionedManaged is paid by units",
        ),
    ),
)


@pytest.mark.parametrize(
    ("estimate", "used", "deviation"),
    [
        (EXACT, 1_000_000, 0.0),
        (EXACT, 950_000, -0.05),
        (EXACT, 1_100_000, 0.1),
        (RANGE, 500_000, 0.0),
        (RANGE, 700_000, 0.0),
        (RANGE, 250_000, -0.5),
        (RANGE, 1_500_000, 0.5),
        (UNKNOWN, 10, None),
        (None, 10, None),
        (EXACT, None, None),
    ],
)
def test_a_bill_is_off_by_what_lies_outside_of_the_estimate(estimate, used, deviation):
    found = training("t", estimate, tokens=used, over=True).deviation
    assert found == (None if deviation is None else pytest.approx(deviation))
    assert training("t", estimate, tokens=used).deviation is None  # it has not ended


def test_hours_are_compared_with_hours():
    assert training("t", HOURS, hours=1.65, tokens=7, over=True).deviation == pytest.approx(0.1)


def test_sums_count_what_is_unknown():
    assert BILL.billed() == (pytest.approx(0.57 + 165 + 0 + 1.2), 1)
    assert BILL.hourly() == (pytest.approx(1.7), 1)
    assert (BILL.estimated().unknown, BILL.estimated().trainings) == (1, 5)


def test_the_text():
    text = bill_text(BILL, Look())
    kept(GOLDEN / "cost.txt", text + "\n")
    assert all(width_of(line) <= 80 for line in text.splitlines())
    assert bill_text(BILL, Look(unicode=False)).isascii()


def test_long_names_are_cut_and_nothing_is_wider_than_the_terminal():
    long = "a-deployment-whose-name-is-as-long-as-names-of-deployments-can-be"
    host = Hosting(Address("deployment", long), "ready", "GlobalStandard", "m.ft-1", 1.7, "a price")
    for look in (Look(), Look(unicode=False), Look(width=60)):
        table = bill_text(Bill("s", "g", hosting=(host,)), look).splitlines()[2:4]
        assert all(width_of(line) <= look.width for line in table), table
        assert look.pick("…", "...") in table[1]


def test_markdown():
    kept(GOLDEN / "cost-markdown.txt", bill_markdown(BILL) + "\n")


def test_json():
    found = json.loads(json.dumps(bill_json(BILL)))
    assert found["totals"]["billed_unknown"] == 1
    assert found["trainings"][2]["billed"] is None
    assert found["trainings"][2]["estimate"]["cost"] is None
    assert found["trainings"][0]["deviation_percent"] == -5.0
    assert [host["hourly"] for host in found["hosting"]] == [1.7, 0.0, None]
    assert found["hosting"][0]["monthly"] == 1241.0


def test_a_stack_that_costs_nothing_says_so():
    assert bill_text(Bill("s", "g"), Look()) == "s in g\n\n  It has nothing that costs."
    assert bill_markdown(Bill("s", "g")).endswith("It has nothing that costs.")
