"""Retail meters: what a name is surely for, and that nothing is guessed of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.catalog.meters import Paid, meant, read

TODAY = "2026-11-22"


def item(name="gpt-4.1-nano FT Training global Tokens", price=0.0015, unit="1K", **more):
    return {
        "meterName": name,
        "retailPrice": price,
        "unitOfMeasure": unit,
        "type": "Consumption",
        "currencyCode": "USD",
        "armRegionName": "eastus2",
        "tierMinimumUnits": 0.0,
        "effectiveStartDate": "2026-05-01T00:00:00Z",
    } | more


def meters(*items):
    return read(items, "eastus2", source="retail", today=TODAY, verified=True)


# As the service writes them.
@pytest.mark.parametrize(
    ("name", "paid"),
    [
        ("gpt-4.1-nano FT Training global Tokens", ("gpt4.1nano", "", "training", "globalStandard")),
        ("gpt-4.1-mini FT Training regional", ("gpt4.1mini", "", "training", "standard")),
        ("gpt 4.1 mini dev ft training glbl Tokens", ("gpt4.1mini", "", "training", "developerTier")),
        ("gpt-4o-0806-FT-Trng-glbl tkn Tokens", ("gpt4o", "0806", "training", "globalStandard")),
        ("gpt-4o-mini-0718-FT-Trng-glbl Tokens", ("gpt4omini", "0718", "training", "globalStandard")),
        ("gpt-4o-0806-FT-Hstng-glbl Unit", ("gpt4o", "0806", "hosting", "globalStandard")),
        ("gpt-4.1-nano-ft hosting regional", ("gpt4.1nano", "", "hosting", "standard")),
    ],
)
def test_names_that_say_it_all(name, paid):
    assert meant(name) == Paid(*paid)


@pytest.mark.parametrize(
    "name",
    [
        "gpt 4.1 nano Inp glbl Tokens",
        "gpt-4.1-nano-ft input global",
        "gpt 4.1 nano dev ft inp glbl",
        "gpt-4.1-dev-ft cchd inpt glbl Tokens",
        "gpt-4.1 FT Training",
        "gpt-4.1 FT Training global batch",
        "gpt-4.1 FT Training global regional",
        "gpt-4.1 FT Training hosting global",
        "gpt-4.1 dev FT Training regional",
        "FT Training global",
        "davinci-002-base-glbl Tokens",
        "",
    ],
)
def test_names_that_leave_a_doubt_are_for_nothing(name):
    assert meant(name) is None


@given(st.text())
def test_any_text_is_a_name(name):
    meant(name)


def test_prices_are_told_by_model_and_type_with_their_meter_and_day():
    found = meters(
        item(),
        item("gpt 4.1 nano dev ft training glbl", 0.75, "1M Tokens"),
        item("gpt-4.1-nano-ft hosting global", 1.7, "1Hour"),
    )
    price = found.training("gpt-4.1-nano-2025-04-14", "globalStandard")
    assert (price.usd, price.unit, price.date, price.verified) == (1.5, "1M tokens", "2026-05-01", True)
    assert price.source == "retail, eastus2, meter 'gpt-4.1-nano FT Training global Tokens'"
    assert found.training("gpt-4.1-nano-2025-04-14.ft-0a1b-tone", "developerTier").usd == 0.75
    assert found.hosting("gpt-4.1-nano-2025-04-14.ft-0a1b-tone", "GlobalStandard").usd == 1.7
    assert found.training("gpt-4.1-nano-2025-04-14", "standard") is None
    assert found.training("gpt-4.1-2025-04-14", "globalStandard") is None
    assert found.hosting("gpt-4.1-nano-2025-04-14.ft-0a1b-tone", "DeveloperTier") is None


def test_a_meter_with_a_date_is_for_that_version_alone():
    found = meters(item("gpt-4o-0806-FT-Trng-glbl tkn Tokens", 0.025))
    assert found.training("gpt-4o-2024-08-06", "globalStandard").usd == 25
    assert found.training("gpt-4o-2024-11-20", "globalStandard") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": 0},
        {"price": -1},
        {"price": "0.1"},
        {"price": None},
        {"price": float("nan")},
        {"price": float("inf")},
        {"unit": "1 GB"},
        {"unit": None},
        {"type": "Reservation"},
        {"currencyCode": "EUR"},
        {"armRegionName": "westus"},
        {"tierMinimumUnits": 1000.0},
        {"effectiveStartDate": "2026-12-01T00:00:00Z"},
    ],
    ids=str,
)
def test_what_is_no_price_of_today_is_passed_over(wrong):
    assert meters(item(**wrong)).prices == {}


def test_of_several_days_the_newest_counts_and_a_contradiction_is_no_price():
    old = item(price=0.001, effectiveStartDate="2025-05-01T00:00:00Z")
    assert meters(old, item()).training("gpt-4.1-nano", "globalStandard").usd == 1.5
    assert meters(item(), item()).training("gpt-4.1-nano", "globalStandard").usd == 1.5
    other = item("gpt 4.1 nano ft trng glbl", 0.002)
    assert meters(item(), other).training("gpt-4.1-nano", "globalStandard") is None
