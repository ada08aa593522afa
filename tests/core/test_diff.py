"""Laws of comparison."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.core.diff import FieldChange, differences, has_unknown
from ftctl.core.digest import canonical, digest
from ftctl.core.model import Address, Unknown, Unreadable

words = st.text("abc", max_size=3)
scalars = st.none() | st.booleans() | st.integers() | words
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8
)
fields = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


@given(fields)
def test_a_thing_does_not_differ_from_itself(found):
    assert differences(found, found) == ()


@given(fields, fields)
def test_what_azure_adds_is_no_difference(live, wanted):
    assert differences({**live, **wanted}, wanted) == ()


@given(fields, fields)
def test_taking_over_every_difference_leaves_none(live, wanted):
    changed = {change.path.partition(".")[0] for change in differences(live, wanted)}
    assert differences({**live, **{name: wanted[name] for name in changed}}, wanted) == ()


@given(fields)
def test_the_digest_does_not_depend_on_the_order_of_keys(found):
    turned = dict(reversed(found.items()))
    assert digest(found) == digest(turned)
    assert canonical(found) == canonical(turned)


def test_an_unknown_always_differs_and_never_forces_by_itself():
    model = Unknown(Address("job", "tone"), "model")
    assert differences({"model": "old"}, {"model": model}) == (FieldChange("model", "old", model),)
    assert has_unknown({"a": [{"b": model}]})
    assert not has_unknown({"a": [1, "x", None]})


def test_an_unreadable_value_is_no_difference():
    assert differences({"key": Unreadable.UNREADABLE}, {"key": "x"}) == ()


def test_a_structured_difference_names_the_place():
    changes = differences({"tags": {"team": "a", "other": "kept"}}, {"tags": {"team": "b", "env": "prod"}})
    assert changes == (FieldChange("tags.env", None, "prod"), FieldChange("tags.team", "a", "b"))


@pytest.mark.parametrize(("live", "wanted"), [("SwedenCentral", "swedencentral"), ("sweden central", "swedencentral")])
def test_spelling_that_azure_changes_is_no_difference(live, wanted):
    def normal(_path, value):
        return value.replace(" ", "").lower()

    assert differences({"location": live}, {"location": wanted}, normal=normal) == ()


def test_immutable_fields_force():
    (change,) = differences({"sku": "Standard"}, {"sku": "GlobalStandard"}, immutable={"sku"})
    assert change.forces
