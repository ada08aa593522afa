"""The bill of a stack in the local Azure, with what Azure might say of its jobs put in by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftctl import workflow
from ftctl.core.errors import Exit
from ftctl.core.model import Health
from ftctl.core.plan import plan as compare
from ftctl.kinds import kinds
from ftctl.kinds.bill import by_the_hour, drawn_up


def bill(lab, alter=lambda live: live, hours=None):
    """The bill, with each live job as `alter` makes it; None leaves it away."""
    stack = lab.stack()
    with lab.clients() as clients:
        observed = workflow.observe(stack, clients)
    lives = [alter(live) if live.kind == "job" else live for live in observed.lives]
    observed = replace(observed, lives=tuple(live for live in lives if live))
    made = compare(stack.home, stack.resources, kinds(), observed)
    return drawn_up(stack.resources, made, observed.lives, hours or {})


def raw(**more):
    return lambda live: replace(live, raw=live.raw | more)


@pytest.fixture
def done(lab):
    assert lab.apply().exit is Exit.DONE
    return lab


def test_what_azure_trained_on_is_billed_at_the_price_of_now(done):
    (one,) = bill(done, raw(trained_tokens=2_000_000)).trainings
    assert (one.state, one.over, one.tokens, one.billed) == ("succeeded", True, 2_000_000, pytest.approx(10.0))
    assert one.price == "5 USD per 1M tokens (reports of retail prices, 2026-10, not verified)"


def test_a_bill_without_tokens_is_unknown(done):
    (one,) = bill(done, raw(trained_tokens=None)).trainings
    assert (one.billed, one.unknown) == (None, "Azure does not say how many tokens it was billed")
    assert bill(done, raw(trained_tokens=None)).billed() == (0, 1)


def test_a_model_without_a_price_has_an_unknown_bill(done):
    (one,) = bill(done, lambda live: replace(live, fields=live.fields | {"model": "o9"})).trainings
    assert (one.billed, one.unknown) == (None, "no price for o9 (globalStandard)")


def test_what_runs_has_no_bill_yet(done):
    (one,) = bill(done, lambda live: replace(live, health=Health.PENDING)).trainings
    assert (one.over, one.billed, one.unknown) == (False, None, "")


def test_what_failed_is_not_billed(done):
    (one,) = bill(done, lambda live: replace(live, health=Health.FAILED)).trainings
    assert (one.over, one.billed, one.price) == (True, 0, "failed trainings are not billed")


def test_reinforcement_is_billed_for_the_hours_of_its_events(done):
    def reinforced(live):
        return replace(live, fields=live.fields | {"method": "reinforcement", "model": "o4-mini-2025-04-16"})

    stack = done.stack()
    with done.clients() as clients:
        (live,) = (live for live in workflow.observe(stack, clients).lives if live.kind == "job")
    assert not by_the_hour(live, stack.home)
    assert by_the_hour(reinforced(live), stack.home)
    assert not by_the_hour(replace(reinforced(live), owner="another"), stack.home)
    (one,) = bill(done, reinforced, {live.id: 1.5}).trainings
    assert (one.hours, one.billed) == (1.5, pytest.approx(150))
    (one,) = bill(done, reinforced).trainings
    assert (one.billed, one.unknown) == (None, "Azure does not say how many hours it was billed")


def test_earlier_trainings_are_the_stacks_own_and_none_twice(done):
    assert bill(done).earlier == ()
    done.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": 3}
    found = bill(done)
    assert ([one.state for one in found.trainings], [one.state for one in found.earlier]) == (
        ["to train"],
        ["succeeded"],
    )
    assert found.earlier[0].estimate is None
    assert bill(done, lambda live: replace(live, owner="another")).earlier == ()
    del done.spec["jobs"], done.spec["deployments"]
    found = bill(done)
    assert (found.trainings, found.hosting, len(found.earlier)) == ((), (), 1)


def test_an_estimate_knows_no_time_of_itself_or_of_later_trainings(done):
    (one,) = bill(done).trainings
    assert one.estimate.seconds is None
    done.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": 3}
    (one,) = bill(done).trainings
    assert one.estimate.earlier == 1
