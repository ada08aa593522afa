"""What is written reads back as it was meant, by our reader and by others', and is laid out for people."""

from __future__ import annotations

import re

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ftctl.importing.draft import NAME, STACK, Draft, Entry, Names, Section, legal, stack_name
from ftctl.importing.emit import WIDTH, text_of
from ftctl.spec.variables import substitute
from ftctl.spec.yamltree import parse

SIGNS = st.characters(codec="utf-8", exclude_categories=["Cs"])
ODD = ["no", "1_000", "2025-04-14", "0x1f", "1e5", "~", "null", "a: b", "#", "- x", "${a}", "$${b", "x\ny\n", "x\n y"]
ODD += [
    " x\n",
    "a\n\nb\n\n",
    "...",
    "---",
    "!x",
    "*a",
    "&a",
    "a\tb",
    "\x85",
    "\u2028",
    "\ufeff",
    "\U0001f600",
    "=",
    "<<",
]
TEXTS = st.text(SIGNS, max_size=20) | st.sampled_from([*ODD, "long " * 40])
KEYS = st.text(SIGNS, min_size=1, max_size=8).filter(lambda one: "${" not in one)
SCALARS = TEXTS | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none()
SCALARS |= st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


def draft(body: dict, **more) -> Draft:
    return Draft("stack", {"subscription": "s"}, {"jobs": Section((Entry("one", body, **more),))})


def read(text: str):
    document, problems = parse(text.encode(), "x.yaml")
    assert problems == []
    found = substitute(document, {}, {})
    assert found.problems == []
    return found.document.root.plain()


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
@example({"text": "long" * 40, "list": ["long" * 40]})
@example({"grader": {"source": "def grade(a, b):\n    # ${x}\n\n    return 1\n"}})
def test_whatever_is_written_reads_back(body):
    text = text_of(draft(body))
    assert read(text)["jobs"] == {"one": body}
    others = yaml.safe_load(text.replace("$${", "${"))["jobs"]["one"]
    assert others.keys() == body.keys()
    assert {key: others[key] for key, one in body.items() if isinstance(one, str)} == {
        key: one for key, one in body.items() if isinstance(one, str)
    }


@given(st.text(max_size=150))
def test_a_remark_is_never_anything_else(remark):
    text = text_of(draft({"a": 1, "b": 2, "c": 3}, above=(remark,), beside={"b": remark, "": remark}, below=(remark,)))
    assert read(text)["jobs"] == {"one": {"a": 1, "b": 2, "c": 3}}


def test_a_long_remark_stands_above_its_line():
    text = text_of(draft({"a": "x" * 60, "b": 2, "c": 3}, beside={"a": "word " * 20}))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.index("word") < text.index("xxx")


def test_programs_stand_as_they_are():
    text = text_of(draft({"source": "def grade(sample, item):\n    return 1.0\n"}))
    assert "    source: |\n      def grade(sample, item):\n          return 1.0\n" in text


@given(st.lists(st.text(max_size=80), max_size=6))
def test_names_are_legal_and_given_once(wishes):
    names = Names()
    taken = [names.take(wish, "thing") for wish in wishes]
    assert len({name.lower() for name in taken}) == len(taken)
    for name in taken:
        assert re.fullmatch(r"(?!.*--)[A-Za-z0-9][A-Za-z0-9_-]{0,62}", name), name
        assert len(name) <= NAME
        assert legal(name) == name


@given(st.text(max_size=60))
def test_any_wish_makes_a_stacks_name(wish):
    name = stack_name(wish)
    assert re.fullmatch(r"(?!.*--)[a-z][a-z0-9-]{0,38}[a-z0-9]", name), name
    assert len(name) <= STACK
    assert stack_name(name) == name
