"""`ftctl job grade`: the grader of a declared job at work, through the local Azure's own API."""

from __future__ import annotations

import json

import pytest
import yaml

from ftctl.core.errors import Exit
from tests.flow.conftest import SPEC, examples
from tests.flow.test_methods import GRADER, tasks

PYTHON = {"type": "python", "source": "def grade(sample, item):\n    return 0.25 if item['answer'] != '3' else 1 / 0\n"}


@pytest.fixture
def stack(project, ftctl):
    """A folder with a reinforcement job, whose account exists."""

    def write(grader=None, **changed):
        spec = json.loads(json.dumps(SPEC))
        del spec["deployments"]
        method = {"reinforcement": {"grader": grader}} if grader else "supervised"
        form = "reinforcement" if grader else "chat"
        rows = tasks() if grader else examples()
        for name in ("train", "valid"):
            (project / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
            spec["datasets"][name]["format"] = form
        job = {"model": "o4-mini-2025-04-16", "method": method, "hyperparameters": {}}
        spec["jobs"]["tone"] |= job | changed
        (project / "stack.yaml").write_text(yaml.safe_dump(spec), "utf-8")
        return spec

    return write


@pytest.fixture
def account(stack, project, ftctl):
    """The same, with the account made."""
    spec = stack(GRADER)
    del spec["jobs"]
    (project / "stack.yaml").write_text(yaml.safe_dump(spec), "utf-8")
    assert ftctl("apply", "stack.yaml", "--auto-approve").code == Exit.DONE
    return stack


def grade(ftctl, *words):
    return ftctl("job", "grade", "tone", "-f", "stack.yaml", *words)


def test_one_answer_is_graded_against_each_example(ftctl, account):
    account(GRADER)
    said = grade(ftctl, "--answer", "1", "--samples", "3")
    assert said.code == Exit.DONE, said.err
    assert said.out.splitlines() == [
        "job/tone on 3 examples of valid.jsonl",
        "  line 1  0.000",
        "  line 2  1.000",
        "  line 3  0.000",
        "Mean reward 0.333.",
    ]


def test_answers_of_a_file_go_with_the_examples_in_turn(ftctl, account, project):
    account(GRADER)
    (project / "answers.txt").write_text('0\n"it is\\n1"\nnothing\n', "utf-8")
    said = grade(ftctl, "--answers", "answers.txt", "--data", "training", "-o", "json")
    told = json.loads(said.out)
    assert [(one["line"], one["reward"]) for one in told["grades"]] == [(1, 1.0), (2, 1.0), (3, 0.0)]
    assert told["mean_reward"] == pytest.approx(2 / 3)
    assert told["data"] == "train.jsonl"


def test_a_grader_that_fails_says_how_and_ends_with_1(ftctl, account):
    multi = {"type": "multi", "graders": {"mine": PYTHON, "same": GRADER}, "calculate_output": "mine + same"}
    account(multi)
    said = grade(ftctl, "--answer", "2", "--samples", "4")
    assert said.code == Exit.ERROR
    lines = said.out.splitlines()
    assert lines[3] == "  line 3  1.250 (mine 0.250, same 1.000)"
    assert lines[4].startswith("  line 4  0.000 (mine 0.000, same 0.000) python_grader_runtime_error")
    assert lines[-1] == "Mean reward 0.438; the grader failed on 1 of 4."


def test_nothing_is_created_by_it(ftctl, account):
    account(GRADER)
    grade(ftctl, "--answer", "1")
    planned = ftctl("plan", "stack.yaml", "-o", "json").out
    assert "job/tone" in planned
    assert json.loads(planned)["plans"][0]["summary"]["train"] == 1


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        ([], Exit.USAGE, "FT6002"),
        (["--answer", "1", "--answers", "a.txt"], Exit.USAGE, "FT6002"),
        (["--answers", "not-there.txt"], Exit.USAGE, "FT6018"),
        (["--answer", "1"], None, "FT6005"),
    ],
)
def test_what_cannot_be_graded_is_refused(ftctl, stack, words, code, problem):
    stack(GRADER)
    said = grade(ftctl, *words)
    assert problem in said.err
    assert code is None or said.code == code


def test_a_job_without_a_grader_has_nothing_to_run(ftctl, stack):
    stack(None, model="gpt-4.1-mini-2025-04-14")
    said = grade(ftctl, "--answer", "1")
    assert (said.code, "FT6018" in said.err) == (Exit.USAGE, True)
