"""An adopted job at the command line: its logs, results, cost and status are those of the job that was named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftctl.embedded import local_folder
from ftctl.local.azure import Azure

SPEC = Path("specs/tone.yaml")


@pytest.fixture
def adopted(ftctl):
    """The id of a job of another stack, which this one adopts, with another number of epochs declared."""
    ftctl("init")
    assert ftctl("apply", "--auto-approve").code == 0
    azure = Azure(local_folder())
    (job,) = azure.store.all("job")
    azure.store.put("job", job["id"], job | {"suffix": "by-hand"}, parent=job["_account"])
    azure.close()
    text = SPEC.read_text("utf-8")
    assert text.count("    training: train\n") == 1
    SPEC.write_text(text.replace("    training: train\n", f"    training: train\n    adopt: {job['id']}\n"), "utf-8")
    return job["id"]


def test_every_command_finds_it(ftctl, adopted):
    assert "nothing to do" in ftctl("apply", "--auto-approve").out
    assert adopted in ftctl("logs", "tone").err
    found = json.loads(ftctl("results", "tone", "-o", "json").out)
    assert adopted in json.dumps(found)
    (stack,) = json.loads(ftctl("cost", "-o", "json").out)["stacks"]
    assert adopted in json.dumps(stack["trainings"])
    (stack,) = json.loads(ftctl("status", "-o", "json").out)["stacks"]
    (row,) = [row for row in stack["resources"] if row["address"] == "job/tone"]
    assert (row["outputs"]["id"], row["outputs"]["status"], row["as_declared"]) == (adopted, "succeeded", True)


def test_a_job_that_is_not_there_is_refused_at_its_place(ftctl, adopted):
    SPEC.write_text(SPEC.read_text("utf-8").replace(adopted, "ftjob-0123"), "utf-8")
    said = ftctl("plan")
    assert said.code == 5
    assert "error FT3243" in said.err
    assert "specs/tone.yaml:" in said.err
