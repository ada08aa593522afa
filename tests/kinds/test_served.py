"""What the tags of a deployment remember of the models before, whatever models those were and in whatever order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ftctl.kinds import marks, served

NAMES = ("gpt-4o", "gpt-4.1-mini", "gpt-4.1-mini-2025-04-14.ft-0a1b-tone-f94b-9f9b129f1815", "gpt-oss-20b.ft-9-x")
MODEL = st.builds(
    lambda name, version, publisher: {"name": name, "version": "1" if ".ft-" in name else version, "format": publisher},
    st.sampled_from(NAMES),
    st.sampled_from(("2024-08-06", "2025-04-14", "2")),
    st.sampled_from(("OpenAI", "OpenAI-OSS")),
)


def same(one: dict, other: dict) -> bool:
    """The same for a deployment's callers: the publisher is no part of what serves."""
    return (one["name"], one["version"]) == (other["name"], other["version"])


@given(st.lists(MODEL, min_size=1, max_size=6))
def test_each_model_has_the_one_before_it_and_going_back_twice_leads_forth(models):
    live: dict = {"properties": {"model": models[0]}, "tags": {}}
    former = None
    for model in models[1:]:
        former = former if same(model, live["properties"]["model"]) else live["properties"]["model"]
        live = {"properties": {"model": model}, "tags": {**live["tags"], **served.told(live, model)}}
    before = served.before(live)
    assert before == former if former is None else same(before, former) and before["format"] == former["format"]
    if before:
        back = {"properties": {"model": before}, "tags": {**live["tags"], **served.told(live, before)}}
        assert served.before(back) == live["properties"]["model"]


def test_what_never_passed_its_check_is_nothing_to_go_back_to():
    first, second, third = ({"name": f"m.ft-{number}", "version": "1", "format": "OpenAI"} for number in range(3))
    passed = {"properties": {"model": first}, "tags": {marks.SMOKE: served.PASSED}}
    tags = {**passed["tags"], **served.waiting(passed), **served.told(passed, second)}
    waiting = {"properties": {"model": second}, "tags": tags}
    assert served.before(waiting) == first
    assert served.told(waiting, third) == {marks.PREVIOUS: "m.ft-0"}
    assert served.told(waiting, first) == {marks.PREVIOUS: "m.ft-1"}  # put back by hand: the other one served, too
