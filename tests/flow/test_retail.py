"""Azure's retail prices, where they are asked for: in plans and bills, over all pages, and when they cannot be had."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ftctl import workflow
from ftctl.catalog.prices import VARIABLE
from ftctl.core.errors import Exit
from ftctl.core.model import Address
from ftctl.local import prices as local_prices
from ftctl.local.azure import Fault
from ftctl.local.wire import Reply

from .conftest import Lab, refused

JOB = Address("job", "tone")


@pytest.fixture
def retail(lab, monkeypatch):
    """The lab's cloud has the service, and the environment asks for it."""
    monkeypatch.setenv(VARIABLE, "retail")
    lab.cloud = replace(lab.cloud, retail_prices=f"{lab.cloud.arm}/api/retail/prices")
    return lab


def asked(lab: Lab) -> int:
    return sum(call.route == "prices.prices" for call in lab.azure.calls)


def estimate(lab: Lab, **options):
    return next(one for one in lab.plan(**options).changes if one.address == JOB).estimate


def bill(lab: Lab):
    with lab.clients() as clients:
        return workflow.bill(lab.stack(), clients, clock=lab.clock)


class Answers:
    """The service answers with these pages, by their `$skip`; `met` are the headers that it was asked with."""

    after = True

    def __init__(self, lab: Lab, pages: dict[str, dict]) -> None:
        self.pages = pages
        self.met: list[dict] = []
        lab.azure.faults.append(lambda _request, route: self if route.name == "prices.prices" else None)

    def work(self, request, _handler) -> Reply:
        self.met.append(dict(request.headers))
        return Reply(200, self.pages[request.query.get("$skip", "0")])


def test_a_plan_goes_by_the_regions_own_price_and_says_so(retail):
    found = estimate(retail)
    assert found.cost.high == pytest.approx(found.tokens.high * 5.0 / 1e6)
    assert found.price == (
        "5 USD per 1M tokens (retail prices of the cloud local, swedencentral,"
        " meter 'gpt-4.1-mini FT Training global Tokens', 2026-03-01, not verified)"
    )
    assert asked(retail) >= 1


def test_budgets_go_by_it_too(retail):
    cost = estimate(retail).cost.high
    assert [one.code for one in retail.plan(max_cost=cost * 0.99).problems] == ["FT3020"]
    assert retail.plan(max_cost=cost * 1.01).problems == ()


def test_nothing_is_asked_where_nothing_trains_or_nobody_wants_it(retail, monkeypatch):
    assert retail.apply().exit is Exit.DONE
    before = asked(retail)
    retail.spec["deployments"]["prod"]["capacity"] = 60
    assert not retail.plan().empty
    assert asked(retail) == before
    monkeypatch.delenv(VARIABLE)
    retail.spec["jobs"]["tone"]["seed"] = 106
    assert estimate(retail).price.startswith("5 USD per 1M tokens (reports of retail prices")
    assert asked(retail) == before


def test_a_bill_goes_by_it(retail):
    retail.apply()
    found = bill(retail)
    (training,), (hosting,) = found.trainings, found.hosting
    assert training.billed == pytest.approx(training.tokens * 5.0 / 1e6)
    assert (training.price, training.estimate.price) == (training.estimate.price, training.price)
    assert (hosting.hourly, "gpt-4.1-mini-ft hosting global" in hosting.basis) == (1.7, True)


def test_a_model_without_a_meter_has_no_price_and_the_hearsay_of_the_book_does_not_count(retail):
    Answers(retail, {"0": {"Items": [], "NextPageLink": None}})
    found = estimate(retail)
    assert found.cost is None
    assert found.unknown == (
        "no price for gpt-4.1-mini-2025-04-14 (globalStandard):"
        " no meter in the retail prices of swedencentral is surely its own"
    )
    retail.spec["limits"] = {"maxCost": 1000}
    assert refused(retail.apply) == ["FT3021"]
    assert retail.jobs() == []


def test_what_stands_in_microsofts_documentation_counts_where_no_meter_does(retail):
    retail.apply()
    Answers(retail, {"0": {"Items": []}})
    (hosting,) = bill(retail).hosting
    assert (hosting.hourly, hosting.basis) == (1.7, "1.7 USD per hour (Microsoft's documentation, 2026-03)")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=503, code="ServiceUnavailable"),
        Fault("lose"),
        Fault("reset"),
        Fault(status=404, code="NotFound"),
        Fault(status=429, code="TooManyRequests", headers={"Retry-After": "600"}),
        Fault("cut", after=True),
    ],
    ids=["503", "lost", "reset", "404", "throttled", "cut"],
)
def test_without_the_service_the_book_stands_in_and_the_plan_says_so(retail, fault):
    retail.azure.faults.append(lambda _request, route: fault if route.name == "prices.prices" else None)
    before = retail.clock.now()
    found = estimate(retail)
    assert found.price == "5 USD per 1M tokens (reports of retail prices, 2026-10, not verified)"
    (note,) = [note for note in found.notes if note.startswith("Azure's retail prices could not be read (")]
    assert note.endswith("so the price is the price book's")
    assert (retail.clock.now() - before).total_seconds() < 5


def test_a_cloud_without_the_service_says_so(retail):
    retail.cloud = replace(retail.cloud, retail_prices="")
    assert "this cloud names no such service" in estimate(retail).notes[-1]


def test_all_pages_are_read_without_a_token(retail):
    real = json.loads(json.dumps([one for one in local_prices._items() if one["armRegionName"] == "swedencentral"]))
    link = f"{retail.cloud.retail_prices}?$skip="
    pages = {str(n): {"Items": [one], "NextPageLink": f"{link}{n + 1}"} for n, one in enumerate(real)}
    pages[str(len(real))] = {"Items": [], "NextPageLink": None}
    answers = Answers(retail, pages)
    assert estimate(retail).price.startswith("5 USD")
    assert len(answers.met) == len(real) + 1
    assert not any("authorization" in headers for headers in answers.met)


@pytest.mark.parametrize("link", ["https://example.org/api/retail/prices?$skip=1", "http://127.0.0.1/x"])
def test_a_page_that_leads_elsewhere_is_not_followed(retail, link):
    Answers(retail, {"0": {"Items": [], "NextPageLink": link}})
    assert "pages lead elsewhere" in estimate(retail).notes[-1]
