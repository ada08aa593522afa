"""`ftctl results` by its command line, on the local Azure and on saved files."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ftctl.cli.results_read import by_name
from ftctl.cli.session import Session
from ftctl.clients.dataplane import DataPlane
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.model import Address
from ftctl.results.columns import FULL_VALID_LOSS
from tests.flow.conftest import clock, lab  # noqa: F401  fixtures

SPEC = Path("specs/tone.yaml")
SAVED = "step,train_loss,full_valid_loss\n" + "".join(
    f"{n},{2 / n:.4f},{'' if n % 20 else 1 / n + 0.5}\n" for n in range(1, 61)
)
SECOND = """\
  longer:
    model: gpt-4.1-mini-2025-04-14
    training: train
    seed: 105
    hyperparameters: {n_epochs: 6}

deployments:"""


@pytest.fixture
def trained(ftctl):
    """A project whose two jobs have been trained."""
    ftctl("init")
    SPEC.write_text(SPEC.read_text("utf-8").replace("deployments:", SECOND, 1), "utf-8")
    assert ftctl("apply", "--auto-approve").code == Exit.DONE
    return ftctl


def test_results_of_jobs(trained):
    said = trained("results", "tone", "--html", "tone.html", "--svg", "tone.svg", "--csv", "tone.csv")
    assert said.code == Exit.DONE, said.err
    for words in (
        "  steps       150 in 3 epochs",
        "tokens",
        "● full validation loss",
        "Checkpoints",
        "\nVerdict: ",
        "Rule: ",
    ):
        assert words in said.out
    assert [line for line in said.err.splitlines() if line.startswith("Wrote")] == [
        "Wrote tone.html.",
        "Wrote tone.svg.",
        "Wrote tone.csv.",
    ]
    assert ET.parse("tone.svg").getroot().tag.endswith("svg")
    assert Path("tone.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert len(Path("tone.csv").read_text("utf-8").splitlines()) == 151

    told = json.loads(trained("results", "tone", "job/tone", "longer", "-o", "json").out)
    first, _, other = told["runs"]
    assert (first["name"], first["job"]["status"], first["partial"]) == ("tone", "succeeded", False)
    assert [one["step"] for one in first["checkpoints"]] == [50, 100, 150]
    assert first["job"]["trained_tokens"] * 2 == other["job"]["trained_tokens"]
    assert [one["field"] for one in told["differing"]] == ["validation", "n_epochs"]
    best = min(first["checkpoints"], key=lambda one: one["metrics"][FULL_VALID_LOSS])
    assert first["serve"]["model"] == best["model"]

    both = trained("results", "tone", "longer", "-f", "specs", "--csv", "both.csv", "--trace=calls.txt")
    listings = [line for line in Path("calls.txt").read_text("utf-8").splitlines() if "/fine_tuning/jobs?" in line]
    assert len(listings) == 1  # the stack is looked at once for all of them
    assert "n_epochs    3             6" in both.out
    assert Path("both.csv").read_text("utf-8").startswith("job,step,train_loss,")
    again = trained("results", "-f", "tone.csv", "-f", "both.csv", "-o", "json")
    assert json.loads(again.out)["runs"][0]["measures"] == first["measures"]

    by_id = trained("results", first["job"]["id"], "--job-id", other["job"]["id"], "-o", "json")
    assert [one["steps"] for one in json.loads(by_id.out)["runs"]] == [150, 300]
    wrong = trained("results", first["job"]["id"][:-1])
    assert (wrong.code, f'Did you mean "{first["job"]["id"]}"?' in wrong.err) == (Exit.USAGE, True)
    wrong = trained("results", "tune")
    assert (wrong.code, "FT6004" in wrong.err, 'Did you mean "tone"?' in wrong.err) == (Exit.USAGE, True, True)


def test_a_declared_job_that_was_never_trained(ftctl):
    ftctl("init")
    said = ftctl("results", "tone")
    assert (said.code, "FT6005" in said.err) == (Exit.ERROR, True)


def test_a_saved_file_needs_no_azure(ftctl):
    Path("results.csv").write_text(SAVED, "utf-8")
    said = ftctl("results", "--file", "results.csv")
    assert (said.code, said.err) == (Exit.DONE, "")
    assert "Serve step 60: lowest full validation loss, 0.517." in said.out
    Path("coded.csv").write_bytes(base64.b64encode(SAVED.encode()))
    coded = json.loads(ftctl("results", "-f", "coded.csv", "-o", "json").out)["runs"][0]
    plain = json.loads(ftctl("results", "-f", "results.csv", "-o", "json").out)["runs"][0]
    assert coded["curves"] == plain["curves"]
    said = ftctl("results", "-f", "results.csv", "-o", "markdown")
    assert said.out.startswith("## results.csv: ")


def test_where_the_text_goes_does_not_matter_to_what_it_says(ftctl, monkeypatch):
    Path("results.csv").write_text(SAVED, "utf-8")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[36m" in ftctl("results", "-f", "results.csv").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in ftctl("results", "-f", "results.csv").out
    monkeypatch.setattr(type(sys.stdout), "encoding", "ascii", raising=False)
    assert ftctl("results", "-f", "results.csv").out.isascii()


@pytest.mark.parametrize(
    ("arguments", "code", "exit_"),
    [
        ([], "FT6002", Exit.USAGE),
        (["-f", "nowhere.csv"], "FT6106", Exit.USAGE),
        (["-f", "other.csv"], "FT6103", Exit.DATA),
        (["-f", "results.csv", "-f", "results.csv", "--svg", "x.svg"], "FT6105", Exit.USAGE),
        (["-f", "results.csv", "--svg", "no/such/folder.svg"], "FT6009", Exit.ERROR),
    ],
)
def test_what_cannot_be_shown_says_why(ftctl, arguments, code, exit_):
    Path("results.csv").write_text(SAVED, "utf-8")
    Path("other.csv").write_text("name,age\nAda,36\n", "utf-8")
    said = ftctl("results", *arguments)
    assert (said.code, f"error {code}" in said.err, said.out) == (exit_, True, "")
    told = json.loads(ftctl("results", *arguments, "-o", "json").out)
    assert [problem["code"] for problem in told["problems"]] == [code]


# -- while it trains, on a clock of the test's own


@pytest.fixture
def opened(lab):  # noqa: F811  the fixture
    stack = lab.stack()
    with lab.clients() as clients:
        yield Session((stack,), lambda _stack: clients, lab.clock)


def raised(call):
    with pytest.raises(FtctlError) as caught:
        call()
    return caught.value.problems[0].code, caught.value.exit


def begin(lab):  # noqa: F811  the same
    """Apply until the job is there, and no further."""
    for _ in range(200):
        if lab.stored("job"):
            return
        lab.apply(wait=5.0)
    raise AssertionError("no job was made")


def run_until(lab, done):  # noqa: F811  the same
    for _ in range(2000):
        if done():
            return
        lab.clock.advance(1)
    raise AssertionError("it never came to that")


def test_a_training_under_way_is_shown_as_far_as_it_is(lab, opened, monkeypatch):  # noqa: F811  the same
    begin(lab)
    assert raised(lambda: by_name(opened, "tone")) == ("FT6101", Exit.PENDING)

    seen = []

    def some():
        try:
            seen.append(by_name(opened, "tone"))
        except FtctlError:
            return False
        return seen[-1].running and 2 <= seen[-1].table.steps < 24

    run_until(lab, some)
    run = seen[-1]
    assert run.verdict.limits[0] == "The job still runs: this is how it stands so far."
    assert run.job.status == "running"
    with monkeypatch.context() as cut:  # the service's file may end anywhere while it is written
        whole = "step,train_loss\n1,2.5\n2,2.25"
        cut.setattr(DataPlane, "file_content", lambda *_: iter([whole.encode()]))
        assert by_name(opened, "tone").table.steps == 1

    lab.apply()
    done = by_name(opened, "tone")
    assert (done.running, done.table.steps, len(done.checkpoints)) == (False, 24, 2)
    assert list(done.table.get("train_loss").values)[: run.table.steps] == list(run.table.get("train_loss").values)


def test_without_its_file_the_events_tell_of_it(lab, opened):  # noqa: F811  the same
    lab.apply()
    whole = by_name(opened, "tone")
    data = opened.clients(None).data(next(live for live in _lives(lab) if live.kind == "account").outputs["endpoint"])
    data.delete_file(whole.job.result_files[0])
    told = by_name(opened, "tone")
    assert list(told.table.get("train_loss").steps) == [1, 10, 20]
    assert "there is no results.csv" in told.table.notes[0]
    assert told.choice == whole.choice


def _lives(lab):  # noqa: F811  the same
    return [change.live for change in lab.plan().changes if change.live]


def test_a_training_that_failed_before_its_first_step(lab, opened):  # noqa: F811  the same
    begin(lab)
    data = opened.clients(None).data(next(live for live in _lives(lab) if live.kind == "account").outputs["endpoint"])
    (job,) = lab.stored("job")
    data.cancel_job(job["id"])
    lab.clock.advance(600)
    assert raised(lambda: by_name(opened, job["id"])) == ("FT6102", Exit.ERROR)


def test_a_reinforcement_that_no_stack_declares_is_shown_by_its_id(lab, opened):  # noqa: F811  the same
    tasks = [
        {"messages": [{"role": "user", "content": f"Is {n} even? Answer yes or no."}], "answer": ("yes", "no")[n % 2]}
        for n in range(24)
    ]
    lab.data("train", tasks)
    lab.spec["datasets"] = {name: {"path": "train.jsonl", "format": "reinforcement"} for name in ("train", "valid")}
    del lab.spec["jobs"], lab.spec["deployments"]
    stack = lab.stack()
    lab.apply()
    lives = {change.address: change.live for change in lab.plan().changes}
    grader = {"type": "string_check", "name": "right", "operation": "eq"}
    grader |= {"input": "{{sample.output_text}}", "reference": "{{item.answer}}"}
    hyperparameters = {"n_epochs": 4, "batch_size": 4, "eval_interval": 5, "eval_samples": 2}
    made = (
        opened.clients(None)
        .data(lives[Address("account", "main")].outputs["endpoint"])
        .create_job(
            {
                "model": "o4-mini-2025-04-16",
                "training_file": lives[Address("dataset", "train")].id,
                "validation_file": lives[Address("dataset", "valid")].id,
                "trainingType": "globalStandard",
                "method": {
                    "type": "reinforcement",
                    "reinforcement": {"grader": grader, "hyperparameters": hyperparameters},
                },
            }
        )
    )
    lab.clock.advance(7200)
    run = by_name(Session((stack,), opened.clients, lab.clock), made["id"])
    assert (run.job.method, run.table.steps, run.job.tokens) == ("reinforcement", 24, None)
    assert run.job.hours > 0
    assert run.job.recipe["eval_interval"] == 5
    assert run.choice.metric == "full_valid_mean_reward"
