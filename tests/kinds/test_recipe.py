"""Recipes: what is refused and where, and that two recipes have one fingerprint exactly when they are the same."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftctl import workflow
from ftctl.core.errors import FtctlError
from ftctl.core.model import World
from ftctl.kinds import kinds
from ftctl.request import Request
from tests.flow.conftest import SPEC, examples
from tests.flow.test_methods import GRADER, PROGRAM, pairs, tasks

ROWS = {
    "chat": (examples(60), examples(60, "screen")),
    "preference": (pairs(60), pairs(60, "screen")),
    "reinforcement": (tasks(60), tasks(60, 100)),
}
JUDGE = {
    "type": "score_model",
    "model": "gpt-4o-2024-08-06",
    "input": [{"role": "user", "content": "Is {{sample.output_text}} as good as {{item.answer}}?"}],
}
MULTI = {"type": "multi", "graders": {"a": GRADER, "b": JUDGE}, "calculate_output": "0.5 * a + min(b, 1) ^ 2"}


def rewarded(grader, **more) -> dict:
    return {"method": {"reinforcement": {"grader": grader}}, "model": "o4-mini-2025-04-16", **more}


def stack(folder: Path, job: dict, form: str = "", **top) -> Path:
    """A stack whose job is changed so; its data has the form that its method needs, or another."""
    method = job.get("method", "supervised")
    fitting = "reinforcement" if isinstance(method, dict) else "preference" if method == "dpo" else "chat"
    spec = deepcopy(SPEC) | top
    del spec["deployments"]
    for name, rows in zip(("train", "valid"), ROWS[form or fitting], strict=True):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        spec["datasets"][name]["format"] = form or fitting
    spec["jobs"]["tone"] = {"model": "gpt-4.1-2025-04-14", "training": "train", "validation": "valid"} | job
    spec["jobs"]["tone"] = {name: value for name, value in spec["jobs"]["tone"].items() if value is not None}
    path = folder / "stack.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    return path


def refusals(path: Path) -> list[tuple[str, str]]:
    """The codes that a stack is refused with, and the text of the line where each stands."""
    with pytest.raises(FtctlError) as caught:
        workflow.load(Request((path,)))
    errors = [one for one in caught.value.problems if one.severity == "error"]
    assert all(one.where and one.where.line for one in errors), errors
    lines = {one: Path(one.where.path).read_text("utf-8").splitlines()[one.where.line - 1].strip() for one in errors}
    return [(one.code, lines[one]) for one in errors]


BAD = {
    "beta is dpo's": ({"hyperparameters": {"beta": 0.1}}, ("FT1270", "beta: 0.1")),
    "prompt loss is supervised's": (
        {"method": "dpo", "hyperparameters": {"prompt_loss_weight": 0.1}},
        ("FT1270", "prompt_loss_weight: 0.1"),
    ),
    "evaluations are reinforcement's": (
        {"method": "dpo", "hyperparameters": {"eval_samples": 1}},
        ("FT1270", "eval_samples: 1"),
    ),
    "no validation": (rewarded(GRADER, validation=None), ("FT1272", "tone:")),
    "form of answers": (
        {"model": "m", "method": {"reinforcement": {"grader": GRADER, "responseFormat": {"type": "text"}}}},
        ("FT1283", "type: text"),
    ),
    "both source and file": (
        rewarded({"type": "python", "source": PROGRAM, "file": "g.py"}),
        ("FT1273", "type: python"),
    ),
    "neither source nor file": (rewarded({"type": "python"}), ("FT1273", "type: python")),
    "range": (rewarded(JUDGE | {"range": [1.0, 0.0]}), ("FT1273", "- 1.0")),
    "endpoint": (rewarded({"type": "endpoint", "url": "https://grade.example"}), ("FT1281", "type: endpoint")),
    "formula names": (
        rewarded(MULTI | {"calculate_output": "a + c"}),
        ("FT1277", "calculate_output: a + c"),
    ),
    "formula calls": (
        rewarded(MULTI | {"calculate_output": "open(a)"}),
        ("FT1277", "calculate_output: open(a)"),
    ),
    "formula is none": (rewarded(MULTI | {"calculate_output": "a +"}), ("FT1277", "calculate_output: a +")),
    "no such file": (rewarded({"type": "python", "file": "g.py"}), ("FT1274", "file: g.py")),
    "unknown item": (
        rewarded(GRADER | {"reference": "{{item.anwser}}"}),
        ("FT1330", "reference: '{{item.anwser}}'"),
    ),
    "blank in a template": (
        rewarded(GRADER | {"reference": "{{ item.answer }}"}),
        ("FT1329", "reference: '{{ item.answer }}'"),
    ),
    "template inside of a multi": (
        rewarded(MULTI | {"graders": {"a": GRADER | {"input": "{{sample.text}}"}, "b": GRADER}}),
        ("FT1330", "input: '{{sample.text}}'"),
    ),
    "no function": (rewarded({"type": "python", "source": "x = 1"}), ("FT1275", "source: x = 1")),
    "operation": (rewarded(GRADER | {"operation": "same"}), ("FT1103", "operation: same")),
    "unknown key of a type": (rewarded(JUDGE | {"operation": "eq"}), ("FT1100", "operation: eq")),
    "reinforcement without a grader": ({"method": "reinforcement"}, ("FT1103", "method: reinforcement")),
    "a key of wandb": (
        {"integrations": {"wandb": {"project": "p", "api_key": "k"}}},
        ("FT1100", "api_key: k"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_recipe_is_told_at_its_place(tmp_path, name):
    job, expected = BAD[name]
    form = "" if isinstance(job.get("method"), dict) or job.get("method") == "dpo" else "chat"
    assert expected in refusals(stack(tmp_path, job, form))


def test_a_grader_is_held_to_its_own_type_and_not_to_the_nearest(tmp_path):
    codes = {code for code, _ in refusals(stack(tmp_path, rewarded(GRADER | {"type": "score_model"})))}
    assert codes == {"FT1100", "FT1101", "FT1102"}


def test_a_program_is_refused_at_its_own_line(tmp_path):
    (tmp_path / "g.py").write_text("def grade(sample, item):\n    return 1 +\n", "utf-8")
    assert refusals(stack(tmp_path, rewarded({"type": "python", "file": "g.py"}))) == [("FT1275", "return 1 +")]


def test_a_program_of_more_than_256_kb_is_refused(tmp_path):
    (tmp_path / "g.py").write_text(PROGRAM + "#" * (256 * 1024), "utf-8")
    assert refusals(stack(tmp_path, rewarded({"type": "python", "file": "g.py"}))) == [("FT1276", "file: g.py")]


@pytest.mark.parametrize(
    ("job", "form"),
    [({}, "preference"), ({"method": "dpo"}, "chat"), (rewarded(GRADER), "chat")],
    ids=["supervised", "dpo", "reinforcement"],
)
def test_data_of_another_format_names_both_places(tmp_path, job, form):
    path = stack(tmp_path, job, form)
    with pytest.raises(FtctlError) as caught:
        workflow.load(Request((path,)))
    found = [one for one in caught.value.problems if one.code == "FT1271"]
    lines = path.read_text("utf-8").splitlines()
    assert [lines[one.where.line - 1].strip() for one in found] == ["training: train", "validation: valid"]
    there = found[0].what.rpartition("(")[2].rstrip(")").split(":")
    assert lines[int(there[1]) - 1].strip() == f"format: {form}"


def warnings(path: Path) -> list[str]:
    (found,) = workflow.load(Request((path,)))
    return sorted({one.code for one in found.warnings})


def test_what_is_only_doubtful_is_a_warning(tmp_path):
    assert warnings(stack(tmp_path, rewarded(MULTI))) == []
    assert warnings(stack(tmp_path, rewarded(JUDGE | {"model": "gpt-9"}))) == ["FT1280"]
    path = stack(tmp_path, rewarded(GRADER))
    rows = tasks(60)
    del rows[3]["answer"]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert "FT1284" in warnings(path)


def test_more_tokens_than_a_job_reads_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ftctl.kinds.fit._VOLUME", 10_000)
    assert refusals(stack(tmp_path, {"hyperparameters": {"n_epochs": 50}})) == [("FT1282", "n_epochs: 50")]
    assert warnings(stack(tmp_path, {"hyperparameters": {"n_epochs": 1}})) == []


def test_a_job_goes_on_only_from_one_of_its_account(tmp_path):
    resources = {"main": SPEC["resources"]["main"], "other": {"name": "aoai-other", "location": "swedencentral"}}
    roles = {name: role | {"resource": "main"} for name, role in SPEC["roleAssignments"].items() if "scope" not in role}
    path = stack(tmp_path, {"resource": "main"}, resources=resources, roleAssignments=roles)
    spec = yaml.safe_load(path.read_text("utf-8"))
    for data in list(spec["datasets"]):
        spec["datasets"][data]["resource"] = "main"
        spec["datasets"][f"{data}2"] = spec["datasets"][data] | {"resource": "other"}
    more = {"model": {"job": "tone"}, "training": "train2", "validation": "valid2", "resource": "other"}
    spec["jobs"]["more"] = more
    path.write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    assert refusals(path) == [("FT1279", "job: tone")]


# --- fingerprints


def fingerprint(folder: Path, job: dict) -> str:
    (found,) = workflow.load(Request((stack(folder, job),)))
    world = World(found.home, {})
    for one in found.resources:
        if one.address.kind in {"account", "dataset"}:
            world.outputs[one.address] = kinds()[one.address.kind].promised(one, world)
    (resource,) = [one for one in found.resources if one.address.kind == "job"]
    return kinds()["job"].wanted(resource, world).key.rpartition("|")[2]


def test_recipes_of_before_are_known_by_the_fingerprint_that_was_paid_for():
    """These stand in the suffixes of models: another value would train them all again."""
    root = Path(__file__).parents[2]
    known = {
        "specs/support-tone.yaml": "9f9b129f1815",
        "examples/tools/order-desk.yaml": "52e9d8d7b31b",
        "examples/two-stacks/returns.yaml": "25142ab18382",
    }
    for path, expected in known.items():
        (found,) = workflow.load(Request((root / path,)))
        world = World(found.home, {})
        for one in found.resources:
            if one.address.kind in {"account", "dataset"}:
                world.outputs[one.address] = kinds()[one.address.kind].promised(one, world)
        (job,) = [one for one in found.resources if one.address.kind == "job"]
        assert kinds()["job"].wanted(job, world).key.rpartition("|")[2] == expected


def test_what_changes_nothing_that_is_learned_changes_no_fingerprint(tmp_path):
    (tmp_path / "g.py").write_text(PROGRAM, "utf-8")
    inline, beside = {"type": "python", "source": PROGRAM}, {"type": "python", "file": "g.py"}
    assert fingerprint(tmp_path, rewarded(inline)) == fingerprint(tmp_path, rewarded(beside))
    (tmp_path / "g.py").write_text(PROGRAM + "#", "utf-8")
    assert fingerprint(tmp_path, rewarded(inline)) != fingerprint(tmp_path, rewarded(beside))
    plain = fingerprint(tmp_path, {})
    for same in (
        {"method": "supervised"},
        {"trainingType": "globalStandard"},
        {"hyperparameters": {"n_epochs": "auto", "beta": "auto"}},
        {"suffix": "another"},
        {"onFailure": {"retry": 2}},
        {"integrations": {"wandb": {"project": "p"}}},
    ):
        assert fingerprint(tmp_path, same) == plain, same


def options(**fields) -> st.SearchStrategy:
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in fields.items()})


EVERY = {"n_epochs": [1, 2], "batch_size": [4, 8], "learning_rate_multiplier": [0.5, 1.0]}
GRADERS = [GRADER, GRADER | {"operation": "eq"}, JUDGE, MULTI, MULTI | {"calculate_output": "a"}]
METHODS = st.one_of(
    st.fixed_dictionaries(
        {"method": st.just("supervised"), "hyperparameters": options(**EVERY, prompt_loss_weight=[0.0, 0.1])}
    ),
    st.fixed_dictionaries(
        {"method": st.just("dpo"), "hyperparameters": options(**EVERY, beta=[0.1, 0.2], l2_multiplier=[0.0, 0.1])}
    ),
    st.fixed_dictionaries(
        {
            "method": st.fixed_dictionaries(
                {
                    "reinforcement": st.fixed_dictionaries(
                        {"grader": st.sampled_from(GRADERS)},
                        optional={
                            "responseFormat": st.sampled_from(
                                [{"type": "json_schema", "json_schema": {"name": name}} for name in "ab"]
                            )
                        },
                    )
                }
            ),
            "hyperparameters": options(
                **EVERY,
                eval_interval=[1, 2],
                eval_samples=[1, 2],
                compute_multiplier=[0.5, 1.0],
                reasoning_effort=["low", "default"],
            ),
        }
    ),
)
RECIPES = st.tuples(
    METHODS,
    options(seed=[0, 1], trainingType=["standard", "developerTier"]),
    st.fixed_dictionaries({"model": st.sampled_from(["gpt-4.1-2025-04-14", "o4-mini-2025-04-16"])}),
).map(lambda parts: {**parts[0], **parts[1], **parts[2]})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=RECIPES, other=RECIPES)
def test_two_recipes_have_one_fingerprint_exactly_when_they_are_the_same(tmp_path, one, other):
    assert (fingerprint(tmp_path, one) == fingerprint(tmp_path, other)) == (one == other)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(recipe=RECIPES, data=st.data())
def test_leaving_one_field_out_makes_another_fingerprint(tmp_path, recipe, data):
    given_ = recipe["hyperparameters"]
    if given_:
        name = data.draw(st.sampled_from(sorted(given_)))
        less = {key: value for key, value in given_.items() if key != name}
        assert fingerprint(tmp_path, recipe) != fingerprint(tmp_path, recipe | {"hyperparameters": less})
