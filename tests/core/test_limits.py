"""How much a plan may change, as properties over plans of any size."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.limits import MANY, Deletes, Limits, stopped
from ftctl.core.model import Address, Home, Live, Mode

HOME = Home("mine", "sub", "rg")


@dataclass(frozen=True)
class FakeRules:
    serves: bool = False
    judges: bool = False


RULES = {
    "account": FakeRules(),
    "job": FakeRules(),
    "gate": FakeRules(judges=True),
    "deployment": FakeRules(serves=True),
}
UPDATES = [Action.UPDATE, Action.REPLACE, Action.DELETE]


def change(number, action=Action.NOOP, kind="job", owner="mine", reason=Reason.DIFFERS):
    at = Address(kind, f"x{number}")
    return Change(
        at, action, reason, key=f"/{kind}/x{number}", live=Live(kind, f"/{kind}/x{number}", "i", "n", {}, owner=owner)
    )


def codes(changes, mode=Mode.NORMAL, limits=None, lives=(), **more):
    plan = Plan(HOME, mode, tuple(changes))
    return sorted(one.code for one in stopped(plan, lives, RULES, limits or Limits(), **more))


@given(st.lists(st.sampled_from([*UPDATES, Action.NOOP, Action.WAIT, Action.JUDGE]), max_size=40), st.integers(0, 100))
def test_a_share_of_at_least_ten_owned_things(actions, percent):
    changes = [change(n, action) for n, action in enumerate(actions)]
    moved = sum(action in UPDATES for action in actions)
    limits = Limits(changed=percent)
    expected = len(actions) >= 10 and moved * 100 > percent * len(actions)
    assert codes(changes, limits=limits) == ["FT3040"] * expected
    exact = 100 * moved // max(len(actions), 1)
    assert codes(changes, limits=Limits(changed=exact)) == ["FT3040"] * (
        len(actions) >= 10 and exact * len(actions) < 100 * moved
    )
    assert codes(changes, limits=limits, allowed=[MANY]) == codes(changes, Mode.DESTROY, limits) == []


@given(st.lists(st.sampled_from([Action.UPDATE, Action.DELETE, Action.CREATE]), max_size=30))
def test_what_is_not_the_stacks_own_or_not_a_thing_does_not_count(actions):
    """None of these makes ten owned things of nine, nor one that changes."""
    others = [change(100 + n, action, kind="gate") for n, action in enumerate(actions)]
    others += [change(200 + n, action, owner=None) for n, action in enumerate(actions)]
    others += [change(300 + n, action, reason=Reason.EXPIRED) for n, action in enumerate(actions)]
    own = [change(n, Action.UPDATE) for n in range(9)]
    assert codes([*own, *others]) == []
    assert codes([*own, *others, change(9)]) == ["FT3040"]
    assert codes([*(change(n) for n in range(9)), *others, change(9)]) == []


@given(st.lists(st.sampled_from(UPDATES), max_size=9), st.integers(0, 9), st.integers(0, 9))
def test_both_limits_of_deletions_hold(actions, spec, command):
    changes = [change(n, action) for n, action in enumerate(actions)]
    gone = sum(action is not Action.UPDATE for action in actions)
    limits = Limits(Deletes(spec, "`limits.maxDeletes`"))
    expected = (gone > spec) + (gone > command)
    assert codes(changes, limits=limits, max_deletes=command, allowed=[MANY]) == ["FT3041"] * expected


@pytest.mark.parametrize("action", list(Action))
def test_what_serves_is_named_or_stays(action):
    one = change(1, action, kind="deployment")
    expected = ["FT3042"] * (action in {Action.DELETE, Action.REPLACE})
    assert codes([one]) == codes([one], allowed=["deployment/x2", MANY]) == expected
    assert codes([one], allowed=["deployment/x1"]) == []
    assert codes([change(1, action, kind="deployment", reason=Reason.LEFT_OVER)]) == []


@pytest.mark.parametrize("owner", ["mine", "theirs", None])
def test_what_holds_something_that_serves_is_named_or_stays(owner):
    account = change(1, Action.DELETE, kind="account")
    within = Live("deployment", "/account/x1/deployments/a", "i", "a", {}, owner=owner)
    beside = Live("deployment", "/account/x10/deployments/a", "i", "a", {}, owner=owner)
    passing = Live("deployment", "/account/x1/deployments/b", "i", "b", {}, owner=owner, made_for=Address("gate", "g"))
    assert codes([account], lives=[within]) == ["FT3043"]
    assert codes([account], lives=[within], allowed=["account/x1"]) == []
    assert codes([account], lives=[beside, passing]) == []
