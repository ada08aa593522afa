"""What came from a secret variable is in no form of a plan, wherever it flowed to, and the digest is bound to it."""

from __future__ import annotations

import json
from dataclasses import replace
from html import unescape

from hypothesis import given, settings
from hypothesis import strategies as st

from ftctl.core.changes import Action
from ftctl.core.diff import FieldChange
from ftctl.core.errors import Problem
from ftctl.core.model import Finding, Standing
from ftctl.core.sensitive import Secrets, sealed
from ftctl.render.formats import FORMATS, formatted
from ftctl.render.look import Look
from ftctl.render.text import plan_text
from tests.held import hold
from tests.plans import many

CANARY = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=6, max_size=60).map("Zq7".__add__)


def soaked(text, plan=None):
    """A plan whose every field, sentence and problem is made of `text`."""
    inside = {"token": text, "deep": [{"url": f"https://x.example/?sig={text}&a=1"}], "plain": 3}
    old = {"token": f"older-than-{len(text)}", "deep": [], "plain": 2}
    problem = Problem("FT3030", f"{text} is wrong", why=f"because of {text}", fix=f"not {text}", subject=text)

    def one(change):
        goes = change.action is Action.DELETE  # of what nothing declares any more, only the same value can be known
        seen = inside if goes else old
        live = change.live and replace(change.live, fields={**change.live.fields, **seen}, detail=f"said {text}")
        moves = (FieldChange("token", old["token"], text), FieldChange("deep.0.url", None, inside["deep"][0]["url"]))
        return replace(
            change,
            fields=() if goes else (*change.fields, *moves),
            before={**change.before, **seen} if live else {},
            after={} if goes else {**change.after, **inside},
            because=(*change.because, f"it has {text} in it"),
            problem=problem,
            findings=(Finding("check", Standing.WARN, f"saw {text}", text),),
            live=live,
        )

    plan = plan or many(5)
    return replace(plan, changes=tuple(map(one, plan.changes)), problems=(problem,))


def everything(plan):
    """All forms that there are of a plan, as they are and as a reader's program would see them."""
    texts = [
        plan_text(plan, Look()),
        plan_text(plan, Look(width=400)),
        *(formatted(one, [plan]) for one in FORMATS[1:]),
    ]
    texts.append(json.dumps(hold(plan), ensure_ascii=False))
    return "\n".join([*texts, *map(unescape, texts)])


def written(text):
    """A text as the forms write it."""
    return {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


@settings(max_examples=12)
@given(CANARY)
def test_no_form_of_a_plan_has_the_value(canary):
    plan = soaked(canary)
    assert any(one in everything(plan) for one in written(canary))  # else this would see nothing
    told = Secrets({canary: "token"}).plan(plan)
    said = everything(told)
    assert not any(one in said for one in written(canary))
    assert "older-than-" not in said  # what is in its place now may be the value of yesterday
    assert sealed(canary) in said
    assert told.whole is plan


@given(CANARY, CANARY)
def test_the_digest_is_bound_to_what_is_hidden(one, other):
    first, again, second = (Secrets({text: "token"}).plan(soaked(text)).digest() for text in (one, one, other))
    assert first == again
    assert (first == second) is (one == other)


@given(CANARY)
def test_what_was_cut_is_hidden_too(canary):
    secrets = Secrets({canary: "token"})
    for length in range(12, len(canary)):
        assert canary[:12] not in secrets.text(f"it said {canary[:length]}…")


def test_without_secrets_nothing_is_touched():
    plan = soaked("word")
    assert Secrets().plan(plan) is plan
    assert Secrets({"123456": "pin"}).told({"a": 123456, "b": 12, "c": True}) == {
        "a": sealed("123456"),
        "b": 12,
        "c": True,
    }
