"""The types and the schema made of them agree: what fits the types is nothing that the schema refuses."""

from __future__ import annotations

from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ftctl.spec.schema import validator
from ftctl.spec.shape import _fits

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("specs/*.yaml"), *ROOT.glob("examples/*/*.yaml")])
WORDS = ["", "a", "A b", "${x}", "job", "default", "auto", "true", "1", "2025-04-14", "ftjob-1", "-", "a--b", "x" * 100]
VALUES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from([None, True, False, 0, 1, 1.0, -1, 0.5, 1e300, 2**63, [], {}, ["a"], {"job": "a"}, {"a": None}]),
)


def documents():
    for path in FILES:
        found = yaml.safe_load(path.read_text("utf-8"))
        if isinstance(found, dict) and "apiVersion" in found:
            yield {key: value for key, value in found.items() if key not in {"environments", "variables"}}


DOCUMENTS = list(documents())


def places(value, path=()):
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def changed(value, path, new):
    """The same with something else at a place; a key of it, where `new` is in a tuple."""
    if not path:
        return new
    key, *rest = path
    if isinstance(value, list):
        return [changed(one, rest, new) if at == key else one for at, one in enumerate(value)]
    if not rest and isinstance(new, tuple):
        return {new[0] if at == key else at: one for at, one in value.items()}
    return {at: changed(one, rest, new) if at == key else one for at, one in value.items()}


@given(st.data())
def test_what_fits_is_refused_by_nobody(data):
    values = data.draw(st.sampled_from(DOCUMENTS))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([path for path in places(values) if path]))
        new = (data.draw(st.sampled_from(WORDS)),) if data.draw(st.booleans()) else data.draw(VALUES)
        if isinstance(new, tuple) and isinstance(path[-1], int):
            new = new[0]
        values = changed(values, path, new)
    if _fits(values):
        assert [error.message for error in validator().iter_errors(values)] == []


def test_good_specs_fit():
    assert len(DOCUMENTS) > 5
    fitting = [_fits(values) for values in DOCUMENTS]
    assert sum(fitting) >= len(fitting) - 2  # of those that need a variable only the schema speaks
