"""What changed between two files: equal to a plain reference, exact on cases by hand, and made for many examples."""

from __future__ import annotations

import random
from array import array
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.data import diff as module
from ftctl.data.diff import Examples, diff, shared
from ftctl.data.report import Checked, Index, Report, System


def checked(examples, **more):
    """A file of examples given as (key, question), one a line."""
    keys, questions = array("Q", [key for key, _ in examples]), array("Q", [question for _, question in examples])
    index = Index(keys=keys, questions=questions, lines=array("I", range(1, len(examples) + 1)))
    return Checked(Report(format="chat", examples=len(examples), sound=len(examples), **more), index)


def naive(before, after):
    """The same by multisets of everything."""
    old, new = Counter(before), Counter(after)
    gone = Counter(question for _, question in (old - new).elements())
    fresh = Counter(question for _, question in (new - old).elements())
    edited = (gone & fresh).total()
    return (old & new).total(), fresh.total() - edited, gone.total() - edited, edited


def figures(found: Examples):
    return found.kept, found.added, found.removed, found.edited


# A key is of the whole example, so it fixes the question too: five answers to each of eight questions.
EXAMPLES = st.lists(st.integers(0, 39).map(lambda key: (key * 0x9E3779B97F4A7C15 % 2**64, key % 8)), max_size=60)


@given(EXAMPLES, EXAMPLES, st.sampled_from([1, 4, module._PART]))
def test_it_equals_a_plain_comparison_of_multisets(before, after, part):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PART", part)
        found = diff(checked(before), checked(after)).examples
    assert figures(found) == naive(before, after)
    assert found.kept + found.added + found.edited == len(after)
    assert found.kept + found.removed + found.edited == len(before)
    if found.same:
        assert found.reordered == (before != after)


@given(EXAMPLES, EXAMPLES)
def test_the_lines_that_are_told_are_those_that_differ(before, after):
    found = diff(checked(before), checked(after)).examples
    added = [after[line - 1] for line in found.added_lines] + [after[line - 1] for _, line in found.edited_lines]
    removed = [before[line - 1] for line in found.removed_lines] + [before[line - 1] for line, _ in found.edited_lines]
    assert not Counter(added) - (Counter(after) - Counter(before))
    assert not Counter(removed) - (Counter(before) - Counter(after))
    assert len(found.added_lines) == min(found.added, module.MOST_LINES)
    assert len(found.edited_lines) == min(found.edited, module.MOST_LINES)
    for old, new in found.edited_lines:
        assert before[old - 1][1] == after[new - 1][1]


@given(EXAMPLES, EXAMPLES)
def test_a_diff_the_other_way_round_is_its_opposite(before, after):
    there, back = (
        diff(checked(*pair), checked(*other)).examples for pair, other in (((before,), (after,)), ((after,), (before,)))
    )
    assert figures(there) == (back.kept, back.removed, back.added, back.edited)


@given(EXAMPLES, EXAMPLES, st.sampled_from([1, module._PART]))
def test_shared_counts_training_examples_that_stand_in_the_other_file(train, valid, part):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PART", part)
        number = shared(checked(train).index, checked(valid).index)
    assert number == sum(example in valid for example in train)


def test_cases_by_hand():
    a, b, c = (1, 10), (2, 20), (3, 30)
    other_a = (4, 10)
    found = diff(checked([a, b, c]), checked([c, other_a, (5, 50)])).examples
    assert found == Examples(
        kept=1,
        added=1,
        removed=1,
        edited=1,
        added_lines=(3,),
        removed_lines=(2,),
        edited_lines=((1, 2),),
    )
    assert diff(checked([a, b]), checked([b, a])).examples == Examples(2, 0, 0, 0, reordered=True)
    assert figures(diff(checked([a]), checked([a, a, a])).examples) == (1, 2, 0, 0)
    twice = diff(checked([(1, 7), c, (2, 7)]), checked([(5, 7), (6, 7)])).examples
    assert twice.edited_lines == ((1, 1), (3, 2))
    assert figures(diff(checked([]), checked([a])).examples) == (0, 1, 0, 0)


def test_the_same_hash_needs_no_comparison():
    report = {"sha256": "5" * 64}
    found = diff(checked([(1, 1)], **report), checked([(1, 1)], **report))
    assert found.same_content
    assert figures(found.examples) == (1, 0, 0, 0)


def test_tools_and_system_messages_that_came_and_went():
    before = checked([], tools={"find": 3, "book": 1}, systems=(System("k1", 1, 5), System("k2", 4, 1)))
    after = checked([], tools={"find": 2, "cancel": 7}, systems=(System("k1", 9, 5), System("k3", 2, 8)))
    found = diff(before, after)
    assert (found.tools.added, found.tools.removed) == ({"cancel": 7}, {"book": 1})
    assert [one.line for one in found.systems.added] == [2]
    assert [one.line for one in found.systems.removed] == [4]


def test_hundreds_of_thousands_of_examples():
    dice = random.Random(4)
    before = [(dice.getrandbits(64), dice.getrandbits(64)) for _ in range(200_000)]
    edited = [(dice.getrandbits(64), question) for _, question in before[:5_000]]
    added = [(dice.getrandbits(64), dice.getrandbits(64)) for _ in range(7_000)]
    after = edited + before[8_000:] + added
    dice.shuffle(after)
    found = diff(checked(before), checked(after)).examples
    assert figures(found) == (192_000, 7_000, 3_000, 5_000)
    assert found.reordered
    assert list(found.added_lines) == sorted(found.added_lines)
