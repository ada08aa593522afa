"""Policies in Rego, as conftest runs them, on plans in Terraform's shape; by rego-cpp in an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from lab import OTHERS, ROOT, ftctl, installed

POLICY = Path(__file__).with_name("policy.rego")
JUDGE = """
import json, sys
from regopy import Interpreter
rego = Interpreter()
rego.add_module("policy", open(sys.argv[1]).read())
rego.set_input(json.load(sys.stdin))
print(rego.query("deny=data.main.deny; warn=data.main.warn"))
"""
pytestmark = pytest.mark.others


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """What the policy says of the plan of a changed spec."""
    python = installed(OTHERS / "rego" / "installed").with_name("bin") / "python"
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    (spec,) = (tmp_path / "specs").glob("*.yaml")
    text = spec.read_text("utf-8")
    monkeypatch.chdir(tmp_path)

    def judge(before="", after=""):
        spec.write_text(text.replace(before, after), encoding="utf-8")
        plan = ftctl(tmp_path / "local", "plan", str(tmp_path / "specs"), "-o", "terraform-json")
        done = subprocess.run(
            [python, "-c", JUDGE, POLICY], input=plan, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["bindings"]

    return judge


def test_a_policy_passes_a_plan_and_refuses_another(judged):
    waits = ["ftctl_deployment.tone-prod waits for its model"]
    assert judged() == {"deny": [], "warn": waits}
    assert judged("localAuth: false", "localAuth: true")["deny"] == ["ftctl_account.main takes keys"]
    assert judged("    validation: valid ", "    # ")["deny"] == ["ftctl_job.tone has no validation data"]
