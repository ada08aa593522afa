"""Laws of what a field line says: every difference is shown or hidden by a rule, and what is left alone stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.core.changes import Action, Reason
from ftctl.core.diff import differences
from ftctl.core.digest import digest
from ftctl.core.errors import Where
from ftctl.core.fields import compared
from ftctl.core.ignored import applied, left_alone, was_applied
from ftctl.core.model import Address, Live, Resource, Unknown, Unreadable, Wanted
from ftctl.core.noise import Comparison, Noise, Rule, suppressed
from ftctl.core.why import Source, Why, why
from tests.core.test_plan import RULES, FakeRules, decide, declared, live

CASE = Rule(Noise.CASE, lambda value: value.lower() if isinstance(value, str) else value)
words = st.sampled_from(["a", "A", "b"])
tags = st.dictionaries(st.sampled_from(["x", "y", "z"]), words, max_size=3)
scalars = st.none() | st.just(1) | words
fields = st.fixed_dictionaries({"tags": tags}, optional=dict.fromkeys("abc", scalars))
ignored = st.frozensets(st.sampled_from([("a",), ("b",), ("tags", "x"), ("tags", "y")]))


def found(values) -> Live:
    return Live("account", "k", "id", "n", values)


@given(fields, fields, ignored, st.sets(st.sampled_from("abc")))
def test_every_difference_is_shown_or_hidden_and_never_both(live, wanted, ignored, noisy):
    rules = FakeRules("account", 1, replaceable=False, noise=dict.fromkeys(noisy, CASE))
    ignored = frozenset(place for place in ignored if place[0] in wanted)
    asked = Wanted("k", wanted, ignored=ignored)
    _, shown = compared(asked, found(live), rules)
    hidden = suppressed(Comparison(found(live), asked, rules.noise, shown))
    raw = {change.path for change in differences(live, wanted)}
    one_sided = {name for name in live if name not in wanted and live[name] is not None}
    one_sided |= {f"tags.{key}" for key in live["tags"] if key not in wanted["tags"]}
    told = [change.path for change in shown] + [one.path for one in hidden]
    assert sorted(told) == sorted(raw | one_sided)
    for one in hidden:
        name = one.path.partition(".")[0]
        match one.rule:
            case Noise.IGNORED:
                assert {(name,), tuple(one.path.split("."))} & ignored
            case Noise.CASE:
                assert (name in noisy, one.live != one.declared, one.live.lower() == one.declared.lower()) == (
                    True,
                ) * 3
            case rule:
                assert (rule, one.declared) == (Noise.AZURE, None)


@given(fields, fields, ignored)
def test_an_update_leaves_alone_what_is_ignored_and_sets_the_rest(live, wanted, ignored):
    ignored = frozenset(place for place in ignored if place[0] in wanted)
    sent = left_alone(Wanted("k", wanted, ignored=ignored), found(live)).fields
    assert set(sent) == set(wanted)
    for name in wanted:
        if (name,) in ignored:
            assert sent[name] == live.get(name)
        elif name != "tags":
            assert sent[name] == wanted[name]
    for key in {*wanted["tags"], *live["tags"]}:
        side = live["tags"] if ("tags", key) in ignored else wanted["tags"]
        assert sent["tags"].get(key) == side.get(key)


@given(fields, fields)
def test_the_mark_of_an_apply_is_as_ever_where_nothing_is_ignored(live, wanted):
    assert applied(Wanted("k", wanted)) == digest(wanted)
    assert left_alone(Wanted("k", wanted), found(live)).fields == wanted


@given(fields, fields, ignored)
def test_what_is_declared_of_an_ignored_field_is_no_part_of_the_mark(one, other, ignored):
    ignored = frozenset(place for place in ignored if place[0] in one and place[0] in other)
    both = Wanted("k", one, ignored=ignored)
    mixed = left_alone(both, found(other))  # the same but for what is ignored
    assert applied(mixed) == applied(both)
    assert was_applied(both, replace(found(other), applied=applied(mixed)[:12]))


def test_drift_stays_drift_when_something_is_ignored_from_now_on():
    before = Wanted("k", {"a": 1, "b": 2})
    marked = replace(found({"a": 9, "b": 9}), applied=applied(before)[:12])
    assert was_applied(replace(before, ignored=frozenset({("a",)})), marked)
    assert not was_applied(Wanted("k", {"a": 1, "b": 3}), marked)


# --- in a plan


def test_a_replacement_makes_all_of_it_anew_and_says_so():
    spec = {"fields": {"sku": "new", "capacity": 50}, "ignored": [("capacity",)]}
    mine = live("deployment/prod", fields={"sku": "old", "capacity": 77})
    (change,) = decide([declared("deployment/prod", **spec)], [mine]).changes
    assert (change.action, change.after) == (Action.REPLACE, {"sku": "new", "capacity": 50})
    moved = {one.path: (one.before, one.after) for one in change.fields}
    assert moved == {"sku": ("old", "new"), "capacity": (77, 50)}
    assert change.suppressed == ()
    kept = {**spec, "ignored": [("capacity",), ("sku",)]}
    (change,) = decide([declared("deployment/prod", **kept)], [mine]).changes
    assert (change.action, [one.rule for one in change.suppressed]) == (Action.NOOP, [Noise.IGNORED] * 2)


def test_what_is_hidden_is_no_part_of_the_digest():
    def made(**more):
        there = live("account/a", fields={"sku": "S0", **more}, key="account/a")
        return decide([declared("account/a", fields={"sku": "S1"})], [there])

    plain, busy = made(), made(tags={"x": "1"}, other="theirs")
    assert [len(plan.changes[0].suppressed) for plan in (plain, busy)] == [0, 2]
    assert plain.digest() == busy.digest()


def test_what_was_made_by_its_content_hides_what_only_one_side_tells():
    there = live("job/a", fields={"model": "m", "n_epochs": 3, "training": Unreadable.UNREADABLE}, key="job/a")
    (change,) = decide([declared("job/a", fields={"model": "M", "training": "x", "seed": 7})], [there]).changes
    assert (change.action, change.reason) == (Action.NOOP, Reason.AS_DECLARED)
    assert {one.path: one.rule for one in change.suppressed} == {
        "model": Noise.CONTENT,
        "n_epochs": Noise.AZURE,
        "seed": Noise.UNREADABLE,
        "training": Noise.UNREADABLE,
    }


def test_nothing_is_said_of_what_was_not_compared():
    there = live("account/a", fields={"sku": "S9"}, owner="theirs")
    (change,) = decide([declared("account/a", fields={"sku": "S0"}, reference=True)], [there]).changes
    assert (change.why, change.suppressed) == ({}, ())


# --- why

AT = {"": Where("a.yaml", 1), "sku": Where("a.yaml", 2, 8), "name": Where("a.yaml", 3, 9)}
AT |= {"tags": Where("a.yaml", 4, 5), "tags.team": Where("a.yaml", 5, 7), "model.job": Where("a.yaml", 6, 3)}
SPELLED = {"subdomain": ("subdomain", "name"), "model": ("model.name", "model.job"), "alone": ("network.alone",)}
THING = Resource(Address("account", "a"), None, places=AT, named={"model.job": Address("job", "tone")})


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("sku", "S0", Why(Source.DECLARED, AT["sku"])),
        ("tags.team", "x", Why(Source.DECLARED, AT["tags.team"])),
        ("tags.gone", None, Why(Source.DECLARED, AT["tags"])),
        ("subdomain", "a", Why(Source.FOLLOWS, AT["name"], "name")),
        ("model", "gpt", Why(Source.FOLLOWS, AT["model.job"], "job/tone")),
        ("model", Unknown(Address("job", "tone"), "model"), Why(Source.UNKNOWN, AT["model.job"], "job/tone")),
        ("inner", [Unknown(Address("job", "b"), "id")], Why(Source.UNKNOWN, None, "job/b")),
        ("alone", True, Why(Source.DEFAULT)),
        ("network", True, Why(Source.DEFAULT)),
    ],
)
def test_each_value_says_where_it_comes_from(path, value, expected):
    assert why(path, value, THING, SPELLED) == expected


def test_a_plan_says_it_of_every_line_and_of_nothing_else():
    there = live("account/a", fields={"tags": {"x": "1"}, "sku": "S0"})
    (change,) = decide([declared("account/a", fields={"tags": {"x": "2"}, "sku": "S0"})], [there]).changes
    assert change.why == {"tags.x": Why(Source.DEFAULT)}
    (change,) = decide([declared("account/a", fields={"tags": {"x": "2"}, "sku": "S0"})], []).changes
    assert set(change.why) == {"tags.x", "sku"}
    assert set(RULES) >= {"account", "job"}
