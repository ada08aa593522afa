"""Job files of azd's fine-tuning extension become a stack that loads; whatever is not in it is told at its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ftctl import workflow
from ftctl.core.errors import FtctlError, Severity
from ftctl.importing.azd import Target, convert
from ftctl.importing.emit import text_of
from ftctl.request import Request
from tests.flow.conftest import examples
from tests.flow.test_methods import pairs, tasks

PUBLISHED = Path(__file__).parents[3] / "shared/azure/azd-finetune-examples"
VARIABLES = {
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-4000-8000-00000000f7c1",
    "AZURE_RESOURCE_GROUP": "rg-azd",
    "AZURE_ACCOUNT_NAME": "aoai-azd",
    "AZURE_LOCATION": "swedencentral",
}
SMALL = """\
model: gpt-4.1-mini-2025-04-14
training_file: local:data/train.jsonl
"""
WHOLE = """\
name: desk tone
description: How our desk talks
model: gpt-4.1-mini-2025-04-14
method:
  type: supervised
  supervised:
    hyperparameters:
      epochs: 2
      batch_size: auto
      learning_rate_multiplier: 0.5
seed: 7
suffix: desk
extra_body:
  trainingType: GLOBALSTANDARD
integrations:
  - type: wandb
    wandb: {project: desk, tags: [a, b]}
training_file: local:data/train.jsonl
validation_file: file-0123abcd
"""
REWARDED = """\
model: o4-mini-2025-04-16
method:
  type: reinforcement
  reinforcement:
    hyperparameters: {epochs: 1, reasoning_effort: low, eval_samples: 2}
    grader:
      type: multi
      graders:
        same: {type: string_check, input: "{{sample.output_text}}", reference: "{{item.answer}}", operation: eq}
        own:
          type: python
          source: |
            def grade(sample, item):
                return 1.0
      calculate_output: 0.5 * same + 0.5 * own
extra_body: {trainingType: GlobalStandard}
training_file: local:data/tasks.jsonl
validation_file: local:data/more.jsonl
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    rows = {
        "train": examples(),
        "valid": examples(10, "screen"),
        "pairs": pairs(),
        "tasks": tasks(),
        "more": tasks(10, 50),
    }
    (tmp_path / "jobs/data").mkdir(parents=True)
    for name, some in rows.items():
        text = "".join(json.dumps(row) + "\n" for row in some)
        (tmp_path / f"jobs/data/{name}.jsonl").write_text(text, "utf-8")
    return tmp_path


def imported(folder, *texts: str):
    """The loaded stack, its text as values, and the warnings."""
    files = [Path(f"jobs/job{number}.yaml") for number, text in enumerate(texts)]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, "utf-8")
    draft, warnings = convert(files, Target(), Path("specs"))
    return loaded(draft), yaml.safe_load(text_of(draft)), warnings


def loaded(draft):
    Path("specs").mkdir(exist_ok=True)
    Path("specs/azd.yaml").write_text(text_of(draft), "utf-8")
    (stack,) = workflow.read(Request((Path("specs/azd.yaml"),)))
    return stack


def told(problems) -> list[tuple[str, str]]:
    return [(one.code, str(one.where)) for one in problems]


def refused(folder, text: str) -> list[tuple[str, str]]:
    with pytest.raises(FtctlError) as caught:
        imported(folder, text)
    assert caught.value.exit == 65
    return told(one for one in caught.value.problems if one.severity is Severity.ERROR)


def test_the_least_that_a_file_can_say(folder):
    stack, spec, warnings = imported(folder, SMALL)
    assert warnings == []
    assert spec["jobs"] == {
        "job0": {"model": "gpt-4.1-mini-2025-04-14", "trainingType": "standard", "training": "train"}
    }
    assert spec["datasets"] == {"train": {"path": "../jobs/data/train.jsonl"}}
    assert (stack.name, stack.home.group) == ("job0", "rg-azd")
    workflow.load(Request((Path("specs/azd.yaml"),)))


def test_everything_that_a_file_can_say_and_a_spec_too(folder):
    _, spec, warnings = imported(folder, WHOLE)
    assert warnings == []
    assert spec["stack"] == "desk-tone"
    assert spec["jobs"]["desk-tone"] == {
        "model": "gpt-4.1-mini-2025-04-14",
        "training": "train",
        "validation": "file-0123abcd",
        "seed": 7,
        "suffix": "desk",
        "hyperparameters": {"n_epochs": 2, "learning_rate_multiplier": 0.5},
        "integrations": {"wandb": {"project": "desk", "tags": ["a", "b"]}},
    }
    assert spec["datasets"]["file-0123abcd"] == {"fileId": "file-0123abcd"}
    assert "  # How our desk talks\n" in Path("specs/azd.yaml").read_text("utf-8")


def test_several_files_make_one_stack_and_share_their_data(folder):
    second = SMALL.replace("data/train", "data/pairs") + "method: {type: dpo, dpo: {hyperparameters: {beta: 0.2}}}\n"
    third = SMALL + "validation_file: local:data/valid.jsonl\nseed: 3\n"
    stack, spec, warnings = imported(folder, SMALL, second, third, REWARDED)
    assert warnings == []
    assert list(spec["jobs"]) == ["job0", "job1", "job2", "job3"]
    assert spec["datasets"].keys() == {"train", "pairs", "valid", "tasks", "more"}
    assert spec["jobs"]["job1"]["method"] == "dpo"
    assert spec["jobs"]["job3"]["method"]["reinforcement"]["grader"]["graders"]["own"]["source"].endswith("1.0\n")
    assert len(workflow.load(Request((stack.path,)))) == 1


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("n_epochs: 3", "FT1460", 1),
        ("metadata: {a: b}", "FT1461", 1),
        ("suffix: a suffix that is long", "FT1461", 9),
        ("extra_body: {trainingType: standard, inference_configs: {}}", "FT1461", 38),
        ("integrations: [{type: tracker}]", "FT1461", 16),
        ("method: {type: supervised, dpo: {}}", "FT1461", 28),
        ("method: {type: supervised, supervised: {hyperparameters: {n_epochs: 3}}}", "FT1460", 59),
        ("method: {type: supervised, supervised: {hyperparameters: {beta: 3}}}", "FT1461", 59),
        ('method: {type: supervised, supervised: {hyperparameters: {epochs: "3"}}}', "FT1464", 67),
        ("method: {type: supervised, supervised: {hyperparameters: {prompt_loss_weight: 0.1}}}", "FT1464", 79),
        ("method: {type: supervised, supervised: {grader: {}}}", "FT1460", 41),
        ("validation_file: local:data/none.jsonl", "FT1466", 18),
    ],
)
def test_what_the_spec_does_not_say_is_told_at_its_place(folder, line, code, column):
    _, _, warnings = imported(folder, f"{SMALL}{line}\n")
    assert told(warnings) == [(code, f"jobs/job0.yaml:3:{column}")]
    assert warnings[0].severity is Severity.WARNING


def test_a_mistyped_key_has_a_proposal(folder):
    _, _, (warning,) = imported(folder, SMALL + "trainig_file: x\n")
    assert (warning.code, warning.fix) == ("FT1460", 'Did you mean "training_file"?')


def test_a_model_gets_its_date(folder):
    _, spec, warnings = imported(folder, SMALL.replace("-2025-04-14", ""))
    assert told(warnings) == [("FT1465", "jobs/job0.yaml:1:8")]
    assert spec["jobs"]["job0"]["model"] == "gpt-4.1-mini-2025-04-14"


def test_a_grader_without_the_keys_that_nobody_knows(folder):
    text = REWARDED.replace("operation: eq}", "operation: eq, criteria: all}")
    _, spec, warnings = imported(folder, text)
    assert told(warnings) == [("FT1460", "jobs/job0.yaml:9:114")]
    assert "criteria" not in spec["jobs"]["job0"]["method"]["reinforcement"]["grader"]["graders"]["same"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("apiVersion: ftctl/v1\nstack: x\n", [("FT1462", "jobs/job0.yaml:1:1")]),
        ("hello: 1\n", [("FT1462", "jobs/job0.yaml:1:1")]),
        (SMALL + "seed: many\n", [("FT1463", "jobs/job0.yaml:3:7")]),
        (SMALL + "seed: true\n", [("FT1463", "jobs/job0.yaml:3:7")]),
        (SMALL + "method: {type: guesswork}\n", [("FT1463", "jobs/job0.yaml:3:16")]),
        (SMALL + "method: {type: reinforcement}\n", [("FT1463", "jobs/job0.yaml:3:9")]),
        (SMALL + "extra_body: {trainingType: fast}\n", [("FT1463", "jobs/job0.yaml:3:28")]),
        (SMALL + "extra_body: []\n", [("FT1463", "jobs/job0.yaml:3:13")]),
        (SMALL + "suffix: [1]\n", [("FT1463", "jobs/job0.yaml:3:9")]),
        (SMALL + "validation_file: data/valid.jsonl\n", [("FT1463", "jobs/job0.yaml:3:18")]),
        (SMALL + "integrations: [{type: wandb, wandb: {}}]\n", [("FT1463", "jobs/job0.yaml:3:37")]),
        (
            SMALL + "method: {type: dpo, dpo: {hyperparameters: {epochs: 99, batch_size: lots}}}\n",
            [("FT1463", "jobs/job0.yaml:3:53"), ("FT1463", "jobs/job0.yaml:3:69")],
        ),
        (REWARDED.replace("operation: eq}", "operation: is}"), [("FT1463", "jobs/job0.yaml:7:7")]),
        (SMALL + "seed: 1\nseed: 2\n", [("FT1015", "jobs/job0.yaml:4:1")]),
        ("- model\n", [("FT1017", "jobs/job0.yaml:1:1")]),
        ("model: [", [("FT1005", "jobs/job0.yaml:2:1")]),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(folder, text, found):
    assert refused(folder, text) == found


def test_a_file_that_is_not_there(folder):
    with pytest.raises(FtctlError) as caught:
        convert([Path("none.yaml")], Target(), Path())
    assert [one.code for one in caught.value.problems] == ["FT1000"]


NAMES = ["dpo", "oss_supervised", "rft", "supervised"]


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published examples are not at hand")
@pytest.mark.parametrize(
    ("name", "codes"),
    [("dpo", ["FT1466"]), ("oss_supervised", ["FT1464", "FT1466", "FT1466"]),
     ("rft", ["FT1461", "FT1466", "FT1466"]), ("supervised", ["FT1464", "FT1465", "FT1466", "FT1466"])],
)  # fmt: skip
def test_the_published_examples_are_read_as_they_are(folder, name, codes):
    """Their data is not published beside them (FT1466); all that they ask for is in the stack, or told."""
    file = PUBLISHED / f"sample_finetuning_{name}.yaml"
    draft, warnings = convert([file], Target(), Path("specs"))
    assert sorted(one.code for one in warnings) == codes
    stack = loaded(draft)
    (job,) = [one.spec for one in stack.resources if one.address.kind == "job"]
    given = yaml.safe_load(file.read_text("utf-8"))
    assert (job.seed, job.suffix) == (given["seed"], given["suffix"])
    assert job.model.startswith(given["model"])
    asked = given["method"][given["method"]["type"]]["hyperparameters"]
    assert job.hyperparameters.n_epochs == asked["epochs"]
    assert job.hyperparameters.batch_size == asked["batch_size"]


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published examples are not at hand")
def test_no_published_example_is_left_out():
    assert {file.name for file in PUBLISHED.iterdir()} == {f"sample_finetuning_{name}.yaml" for name in NAMES}
