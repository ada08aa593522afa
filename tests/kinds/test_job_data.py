"""A job and its data: examples longer than its model takes, and training examples among those it is measured on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ftctl import workflow
from ftctl.core.errors import FtctlError, Problem, Severity
from ftctl.request import Request

WORD = " word"  # one token
NANO, MINI = "gpt-4.1-nano-2025-04-14", "gpt-4.1-mini-2025-04-14"


def row(number: int, words: int = 5) -> dict[str, Any]:
    ask = {"role": "user", "content": f"Number {number}?{WORD * words}"}
    return {"messages": [ask, {"role": "assistant", "content": f"It is {number}."}]}


def stack(folder: Path, model: str, train: list[Any], valid: list[Any]) -> Path:
    for name, rows in (("train", train), ("valid", valid)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = {
        "apiVersion": "ftctl/v1",
        "stack": "tone",
        "azure": {
            "subscription": "00000000-0000-4000-8000-000000000001",
            "resourceGroup": {"name": "rg-tone", "create": True, "location": "swedencentral"},
            "cloud": "local",
        },
        "resources": {"main": {"name": "aoai-tone", "location": "swedencentral"}},
        "datasets": {"train": {"path": "train.jsonl"}, "valid": {"path": "valid.jsonl"}},
        "jobs": {"tone": {"model": model, "training": "train", "validation": "valid"}},
    }
    path = folder / "stack.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False))
    return path


def errors(path: Path) -> list[Problem]:
    with pytest.raises(FtctlError) as caught:
        workflow.load(Request(paths=(path,)))
    return [problem for problem in caught.value.problems if problem.severity is Severity.ERROR]


def warnings(path: Path) -> list[Problem]:
    (found,) = workflow.load(Request(paths=(path,)))
    return list(found.warnings)


@pytest.fixture
def others() -> list[dict[str, Any]]:
    return [row(number) for number in range(100, 160)]


def test_an_example_longer_than_its_model_takes_is_an_error(tmp_path, others):
    train = [row(number, 33_000 if number in (4, 9, 20, 21) else 5) for number in range(60)]
    (problem,) = errors(stack(tmp_path, NANO, train, others))
    assert (problem.code, problem.subject) == ("FT1323", "job/tone")
    assert problem.what.partition("; ")[0].endswith(
        f"train.jsonl have more than the 32,768 tokens that {NANO} takes: line 5, 10, 21 …"
    )
    assert problem.what.startswith("4 examples of ")
    assert "33,0" in problem.what.partition("; ")[2]
    assert problem.where is not None
    assert problem.where.path.endswith("stack.yaml")
    assert problem.fix
    assert warnings(stack(tmp_path, MINI, train, others)) == []


def test_the_validation_data_is_held_to_it_as_well(tmp_path, others):
    (problem,) = errors(stack(tmp_path, NANO, others, [row(1, 40_000), *map(row, range(2, 60))]))
    assert "1 example of " in problem.what
    assert "valid.jsonl has more than" in problem.what


def test_a_model_without_a_known_limit_has_none(tmp_path, others):
    assert warnings(stack(tmp_path, "Ministral-3B", [row(1, 70_000), *map(row, range(2, 60))], others)) == []


def test_a_guess_is_no_reason_to_refuse(tmp_path, others, monkeypatch):
    monkeypatch.setitem(sys.modules, "toktok", None)
    path = stack(tmp_path, NANO, [row(1, 70_000), *map(row, range(2, 61))], others)
    assert {"FT1362", "FT1323"} == {problem.code for problem in warnings(path)}


def test_training_examples_among_those_it_is_measured_on_are_a_warning(tmp_path, others):
    (problem,) = warnings(stack(tmp_path, MINI, [*map(row, range(60))], [*others, row(7), row(3)]))
    assert (problem.code, problem.subject) == ("FT1352", "job/tone")
    assert "2 training examples stand in the validation file: line 4 (there 62), line 8 (there 61)" in problem.what
    assert warnings(stack(tmp_path, MINI, [*map(row, range(60))], others)) == []
