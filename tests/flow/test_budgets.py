"""Budgets against a real apply: what is blocked creates no job, what is paid for already costs nothing."""

from __future__ import annotations

import pytest

from ftctl.catalog.prices import VARIABLE
from ftctl.core.changes import Action
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.model import Address

from .conftest import refused

JOB = Address("job", "tone")
BOOK = """
[[prices]]
source = "my contract"
date = "2026-10"
verified = true
models = {"gpt-4.1-mini" = {globalStandard = %s}}
"""


def change(plan, address=JOB):
    return next(one for one in plan.changes if one.address == address)


def priced(lab, monkeypatch, usd):
    path = lab.folder / f"prices-{usd}.toml"
    path.write_text(BOOK % usd, encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(path))


def test_a_plan_says_tokens_times_epochs_times_price(lab):
    plan = lab.plan()
    found = change(plan).estimate
    assert found.tokens.low == found.tokens.high == found.once.low * 2
    assert found.cost.low == found.cost.high == pytest.approx(found.tokens.low * 5.0 / 1e6)
    assert found.price == "5 USD per 1M tokens (reports of retail prices, 2026-10, not verified)"
    assert (found.seconds, plan.estimate().cost, plan.problems) == (None, found.cost, ())


@pytest.mark.parametrize("where", ["job", "stack", "command"])
def test_over_a_budget_nothing_is_created(lab, where):
    options = {}
    if where == "job":
        lab.spec["jobs"]["tone"]["maxCost"] = 0.0001
    elif where == "stack":
        lab.spec["limits"] = {"maxCost": 0.0001}
    else:
        options["max_cost"] = 0.0001
    (problem,) = lab.plan(**options).problems
    assert problem.code == "FT3020"
    assert (problem.where is None) == (where == "command")
    with pytest.raises(FtctlError) as caught:
        lab.apply(**options)
    assert caught.value.exit is Exit.BLOCKED
    assert lab.writes() == lab.jobs() == []


def test_an_unknown_price_and_a_budget_block_and_a_price_book_helps(lab, monkeypatch):
    lab.spec["jobs"]["tone"] |= {"model": "gpt-4o-2024-08-06", "trainingType": "standard", "maxCost": 1}
    assert lab.plan().problems == ()
    lab.spec["jobs"]["tone"] |= {"model": "Ministral-3B", "trainingType": "globalStandard"}
    assert refused(lab.apply) == ["FT3021"]
    assert lab.jobs() == []
    book = BOOK.replace("gpt-4.1-mini", "Ministral-3B") % 5
    (lab.folder / "own.toml").write_text(book, encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(lab.folder / "own.toml"))
    plan = lab.plan()
    assert plan.problems == ()
    assert change(plan).estimate.price == "5 USD per 1M tokens (my contract, 2026-10)"


def test_what_is_paid_for_costs_nothing_more(lab):
    while not lab.jobs():
        assert lab.apply(wait=0).exit is Exit.PENDING
        lab.clock.sleep(30)
    assert change(lab.plan()).action is Action.WAIT
    lab.spec["limits"] = {"maxCost": 0}
    lab.spec["jobs"]["tone"]["maxCost"] = 0
    assert lab.apply().exit is Exit.DONE
    lab.spec["deployments"]["prod"]["capacity"] = 10
    again = lab.plan(max_cost=0)
    assert (again.estimate().trainings, again.problems, len(lab.jobs())) == (0, (), 1)


def test_a_second_training_of_a_model_has_a_time(lab):
    assert lab.apply().exit is Exit.DONE
    (body,) = lab.stored("job")
    took = body["finished_at"] - body["created_at"]
    lab.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": 4}
    found = change(lab.plan()).estimate
    assert found.earlier == 1
    assert (found.seconds.low, found.seconds.high) == pytest.approx(
        (took, took * found.tokens.low / body["trained_tokens"]), abs=0.001
    )
    assert found.tokens.low == 4 * found.once.low
    lab.spec["jobs"]["tone"]["model"] = "gpt-4.1-nano-2025-04-14"
    assert change(lab.plan()).estimate.seconds is None


def test_epochs_that_azure_chooses_make_a_range_that_holds_its_choice(lab):
    lab.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": "auto"}
    found = change(lab.plan()).estimate
    assert found.epochs.low < found.epochs.high
    assert "Azure chooses the epochs" in found.notes[-1]
    assert lab.apply().exit is Exit.DONE
    assert found.tokens.low <= lab.stored("job")[0]["trained_tokens"] <= found.tokens.high


def test_data_that_is_not_here_has_no_tokens_and_no_cost(lab):
    lab.spec["datasets"]["train"] = {"url": "https://example.org/train.jsonl", "sha256": "a" * 64}
    found = change(lab.plan()).estimate
    assert (found.cost, found.unknown) == (None, "the tokens of dataset/train were not counted")
    assert [problem.code for problem in lab.plan(max_cost=1000).problems] == ["FT3021"]


def test_a_limit_that_is_no_number_is_refused(lab):
    for wrong in ("much", -1, True):
        lab.spec["limits"] = {"maxCost": wrong}
        assert all(code.startswith("FT11") for code in refused(lab.stack))
