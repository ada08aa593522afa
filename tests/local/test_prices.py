"""The retail price list: filtered, paged, and never taken for the real one."""

from __future__ import annotations

import pytest

from tests.local.conftest import code

PATH = "/api/retail/prices"


def ask(arm, condition=None, **query):
    if condition is not None:
        query["$filter"] = condition
    return arm.session.get(arm.served.url + PATH, params=query, verify=arm.served.ca_file)


def test_it_says_that_these_are_no_prices(arm):
    body = ask(arm).json()
    assert "not Microsoft's prices" in body["Notice"]
    assert {item["notice"] for item in body["Items"]} == {body["Notice"]}
    assert body["Count"] == len(body["Items"]) == 100
    assert body["BillingCurrency"] == "USD"


def test_pages_are_followed_to_the_end(arm):
    condition = "serviceName eq 'Cognitive Services' and contains(productName, 'Azure OpenAI')"
    page, seen = ask(arm, condition).json(), []
    while True:
        seen += page["Items"]
        if not page["NextPageLink"]:
            break
        page = arm.session.get(page["NextPageLink"], verify=arm.served.ca_file).json()
    assert len(seen) > 200
    assert len({item["meterId"] for item in seen}) == len(seen)
    assert all(item["productName"] == "Azure OpenAI" for item in seen)


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("armRegionName eq 'eastus2' and skuName eq 'gpt-4.1-mini FT Training global'", 1),
        ("armRegionName eq 'eastus2' and skuName eq 'nothing'", 0),
        ("skuName eq 'gpt-4.1-ft hosting regional' and (armRegionName eq 'x')", None),
        ("armRegionName eq 'eastus2' and skuName eq 'a' or skuName eq 'gpt-4o-ft input dev'", 0),
        ("startswith(skuName,'gpt-4.1-nano-ft output g') and armRegionName eq 'swedencentral'", 1),
        ("endswith(skuName, 'hosting global') and armRegionName eq 'swedencentral' and priceType eq 'Consumption'", 5),
        ("armRegionName ne 'eastus2' and skuName eq 'gpt-4.1-mini FT Training regional'", 2),
        ("serviceName eq 'Virtual Machines'", 0),
        ("price eq '1'", None),
        ("skuName eq gpt", None),
        ("skuName eq 'a' xor skuName eq 'b'", None),
        ("contains(skuName,'a'", None),
    ],
)
def test_filters(arm, condition, count):
    response = ask(arm, condition)
    if count is None:
        assert code(response) == (400, "BadRequest")
    else:
        assert len(response.json()["Items"]) == count


def test_other_currencies_are_refused(arm):
    assert code(ask(arm, currencyCode="EUR")) == (400, "BadRequest")
    assert ask(arm, currencyCode="'USD'", **{"$top": "3"}).json()["Count"] == 3
    assert code(ask(arm, **{"$top": "-1"})) == (400, "BadRequest")
