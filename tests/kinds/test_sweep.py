"""A sweep's declaration: what it expands to, what is refused offline and where, and how its jobs are ranked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.core.errors import FtctlError
from ftctl.core.model import Address
from ftctl.kinds.sweep import axes_of, combination
from ftctl.results.ranking import Entrant, ranked
from ftctl.spec.stack import load

HEAD = """\
apiVersion: ftctl/v1
stack: demo
azure: {subscription: sub, resourceGroup: rg}
resources: {main: {name: aoai-demo, location: westus}}
datasets: {t: {path: t.jsonl}, v: {path: v.jsonl}}
jobs:
  j:
    training: t
"""  # lines 1 to 8
VALIDATED = "    validation: v\n"
MODEL = "    model: gpt-4.1-mini-2025-04-14\n"


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def one(text: str):
        Path("s.yaml").write_text(HEAD + text, encoding="utf-8")
        (stack,) = load([Path("s.yaml")])
        return stack

    return one


def refused(call) -> list[str]:
    """Code and place of each problem."""
    with pytest.raises(FtctlError) as caught:
        call()
    assert all(problem.fix for problem in caught.value.problems)
    return [f"{one.code} {one.where.line}:{one.where.column}" for one in caught.value.problems]


BAD = {
    "no-values": (MODEL + "    matrix: {}\n", ["FT1410 10:13"]),
    "no-value": (MODEL + "    matrix: {n_epochs: []}\n", ["FT1105 10:24"]),
    "no-list": (MODEL + "    matrix: {n_epochs: 2}\n", ["FT1102 10:24"]),
    "unknown-key": (MODEL + "    matrix: {epochs: [1, 2]}\n", ["FT1100 10:14"]),
    "value-of-another-type": (MODEL + "    matrix: {n_epochs: [1, two]}\n", ["FT1103 10:28"]),
    "value-out-of-range": (MODEL + "    matrix: {seed: [1, -1]}\n", ["FT1105 10:24"]),
    "key-of-another-method": (MODEL + "    matrix: {beta: [0.1, 0.2]}\n", ["FT1270 10:20"]),
    "key-beside": (MODEL + "    hyperparameters: {n_epochs: 2}\n    matrix: {n_epochs: [1, 2]}\n", ["FT1411 11:24"]),
    "seed-beside": (MODEL + "    seed: 3\n    matrix: {seed: [1, 2]}\n", ["FT1411 11:20"]),
    "model-beside": (MODEL + "    matrix: {model: [a, b]}\n", ["FT1411 10:21"]),
    "twins": (MODEL + "    matrix: {learning_rate_multiplier: [1, 2, 1.0]}\n", ["FT1412 10:47"]),
    "too-many": (MODEL + f"    matrix: {{n_epochs: [1, 2, 3], seed: {list(range(17))}}}\n", ["FT1413 10:13"]),
    "pick-alone": (MODEL + "    pick: {metric: train_loss}\n", ["FT1414 10:11"]),
    "places-alone": (MODEL + "    maxParallel: 2\n", ["FT1414 10:18"]),
    "no-place": (MODEL + "    maxParallel: 0\n    matrix: {seed: [1, 2]}\n", ["FT1105 10:18"]),
    "no-model": ("    matrix: {seed: [1, 2]}\n", ["FT1101 7:3"]),
    "unknown-metric": (MODEL + VALIDATED + "    matrix: {seed: [1]}\n    pick: {metric: los}\n", ["FT1417 12:20"]),
    "unvalidated": (MODEL + "    matrix: {seed: [1]}\n    pick: {metric: full_valid_loss}\n", ["FT1417 11:20"]),
    "no-goal": (MODEL + VALIDATED + "    matrix: {seed: [1]}\n    pick: {metric: overfit_ratio}\n", ["FT1416 12:20"]),
    "worst": (MODEL + "    matrix: {seed: [1]}\n    pick: {metric: train_loss, goal: max}\n", ["FT1416 11:38"]),
    "best": (MODEL + "    matrix: {seed: [1]}\n    pick: {metric: train_loss, checkpoint: best}\n", ["FT1293 11:44"]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_sweep_is_told_where_and_what(loaded, name):
    text, expected = BAD[name]
    assert refused(lambda: loaded(text)) == expected


def test_the_largest_sweep(loaded):
    stack = loaded(MODEL + f"    matrix: {{seed: {list(range(50))}}}\n")
    assert len([one for one in stack.resources if one.address.kind == "job"]) == 50


def test_the_number_of_jobs_is_told(loaded):
    with pytest.raises(FtctlError) as caught:
        loaded(MODEL + f"    matrix: {{seed: {list(range(60))}}}\n")
    assert caught.value.problems[0].what == "the matrix makes 60 jobs, and a sweep has at most 50"


def test_addresses_are_made_of_nothing_that_a_shell_reads(loaded):
    stack = loaded("    matrix: {model: [m/7B $x*, 'a,b'], learning_rate_multiplier: [0.00001, 1.0]}\n")
    names = [one.address.name for one in stack.resources if one.address.kind == "job"]
    assert names[0] == "j:model=m%2F7B%20%24x%2A:learning_rate_multiplier=1e-05"
    assert names[3] == "j:model=a%2Cb:learning_rate_multiplier=1"
    for name in names:
        address = Address.parse(f"job/{name}")
        assert (address.declared, axes_of(address)) == (Address("job", "j"), ("model", "learning_rate_multiplier"))
        assert name == f"j:{combination(address)}"
        assert not set(name) & set("[](){}<>'\"`\\$&|;*?!#~, \t/")


def test_keys_in_another_order_are_the_same_jobs(loaded):
    def names(text):
        return {one.address.name for one in loaded(text).resources}

    first = names(MODEL + "    matrix: {seed: [1, 2], n_epochs: [3, auto]}\n")
    assert names(MODEL + "    matrix: {n_epochs: [auto, 3], seed: [2, 1]}\n") == first
    assert "j:seed=1:n_epochs=auto" in first


# --- ranking

_values = st.one_of(st.none(), st.integers(0, 3).map(float))
_entrants = st.lists(st.tuples(_values, st.one_of(st.none(), st.integers(0, 2))), min_size=1, max_size=8)


@given(_entrants, st.booleans())
def test_the_best_is_first_of_equals_the_cheapest_then_the_first(rows, lower):
    entrants = [Entrant(str(index), value, tokens) for index, (value, tokens) in enumerate(rows)]
    found = ranked(entrants, lower=lower)
    assert sorted([*found.places, *found.unmeasured], key=lambda one: int(one.name)) == entrants
    assert all(one.value is None for one in found.unmeasured)
    for first, second in zip(found.places, found.places[1:], strict=False):
        assert first.value <= second.value if lower else first.value >= second.value
        if first.value == second.value:
            costs = [float("inf") if one.tokens is None else one.tokens for one in (first, second)]
            assert costs[0] < costs[1] or (costs[0] == costs[1] and int(first.name) < int(second.name))


def test_a_tie_says_why_this_one():
    cheap = ranked([Entrant("a", 1.0, 200), Entrant("b", 1.0, 100), Entrant("c", 2.0, 50)], lower=True)
    assert cheap.winner("loss") == "b, loss 1; of 2 equals the cheapest"
    assert ranked([Entrant("a", 1.0, 5), Entrant("b", 1.0, 5)], lower=True).winner("loss").endswith("equals the first")
    many = ranked([Entrant(str(n), float(n)) for n in range(6)], lower=False)
    assert many.runners_up() == ("next best 4 with 4, 3 with 3, 2 with 2 and 2 more",)
    assert ranked([Entrant("a", 1.0)], lower=True).runners_up() == ()
