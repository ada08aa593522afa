"""openai 0.28.1, which the first guides for Azure were written for, in an environment of its own."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest
from lab import OTHERS, examples, installed

LAB = Path(__file__).with_name("openai_028_lab.py")
pytestmark = pytest.mark.others


@pytest.fixture
def run(account, tmp_path):
    """The program in the client's own environment; what it printed."""
    python = installed(OTHERS / "openai-0.28" / "installed").with_name("bin") / "python"
    (tmp_path / "training_set.jsonl").write_bytes(examples(20))
    (tmp_path / "validation_set.jsonl").write_bytes(examples(10))
    environment = account.azure.process_environment(
        AZURE_OPENAI_API_KEY=account.key,
        AZURE_OPENAI_ENDPOINT=account.endpoint,
        DEPLOYMENT_URL=f"{account.azure.url}{account.id}/deployments/sums",
        TOKEN=account.arm.token,
    )

    def run(*arguments):
        done = subprocess.run(
            [python, LAB, tmp_path, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_the_lab(run, azure):
    begun = run("train")
    assert [begun["files"][one] for one in begun["asked"]] == ["training_set.jsonl", "validation_set.jsonl"]
    assert (begun["jobs"], begun["status"]) == ([begun["job"]], "pending")

    azure.advance("12h")
    ended = run("use", begun["job"])
    assert ended["status"] == "succeeded"
    assert ended["model"] == f"gpt-4.1-mini-2025-04-14.ft-{begun['job'].removeprefix('ftjob-')}"
    assert ended["events"][-1] == "Job enqueued. Waiting for jobs ahead to complete."
    assert "Job succeeded." in ended["events"]
    losses = [float(row["train_loss"]) for row in csv.DictReader(io.StringIO(ended["results"]))]
    assert losses[-1] < losses[0]
    assert ended["deployed"][0] == 201
    assert ended["answer"] == ended["streamed"] == "3 plus 3 is 6."
    assert ended["training_file"] in begun["asked"]
    assert ended["training_file"] not in ended["files"]
    assert ended["missing"][0] == 404
