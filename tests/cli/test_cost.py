"""Money at the command line: blocked plans, saved plans under other prices, and what `cost` shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftctl.catalog.prices import VARIABLE
from ftctl.core.errors import Exit
from ftctl.embedded import local_folder
from ftctl.local.azure import Azure

SPEC = Path("specs/tone.yaml")
BOOK = """
[[prices]]
source = "our agreement"
date = "2026-11"
verified = true
models = {"gpt-4.1-mini" = {globalStandard = %s}}
"""


def priced(monkeypatch, usd, path="own.toml"):
    Path(path).write_text(BOOK % usd, "utf-8")
    monkeypatch.setenv(VARIABLE, str(Path(path).absolute()))


def start(ftctl, *stacks):
    """Stacks with the sample data, of which 20 examples are kept: what costs what is told by these."""
    for words in stacks:
        ftctl("init", *words)
    train = Path("specs/data/train.jsonl")
    train.write_text("".join(train.read_text("utf-8").splitlines(keepends=True)[:20]), "utf-8")


def edit(before, after, path=SPEC):
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


def stored_jobs():
    azure = Azure(local_folder())
    try:
        return azure.store.all("job")
    finally:
        azure.close()


def test_over_a_budget_plan_and_apply_exit_with_5_and_create_nothing(ftctl):
    start(ftctl, [])
    for words in (
        ("plan",),
        ("plan", "--out", "p.plan"),
        ("apply", "--auto-approve"),
        ("apply", "-o", "json", "--auto-approve"),
    ):
        said = ftctl(*words, "--max-cost", "0.001")
        assert (said.code, "FT3020" in said.err) == (Exit.BLOCKED, True), words
    assert not Path("p.plan").exists()
    assert stored_jobs() == []
    found = json.loads(said.out)["stacks"][0]["plan"]
    assert (found["applyable"], found["diagnostics"][0]["code"]) == (False, "FT3020")
    assert found["estimate"]["cost"]["high"] == pytest.approx(0.02103, abs=1e-6)
    (change,) = (one for one in found["changes"] if one["estimate"])
    assert change["estimate"]["tokens"] == {"low": 4206, "high": 4206}


@pytest.mark.parametrize("wrong", ["nan", "inf", "-1", "much"])
def test_a_limit_is_a_number_of_dollars(ftctl, wrong):
    start(ftctl, [])
    assert ftctl("plan", f"--max-cost={wrong}").code == Exit.USAGE


def test_the_limit_of_the_command_line_is_for_all_stacks_together(ftctl):
    start(ftctl, [], ["--name", "other"])
    assert ftctl("plan", "--max-cost", "0.05").code == Exit.DONE
    said = ftctl("plan", "--max-cost", "0.033")
    assert (said.code, said.err.count("error FT3020")) == (Exit.BLOCKED, 1)
    assert "after 0.021 USD for other stacks" in " ".join(said.err.split())
    assert ftctl("plan", "specs/tone.yaml", "--max-cost", "0.033").code == Exit.DONE


def test_a_saved_plan_outlives_a_price_but_no_budget(ftctl, monkeypatch):
    start(ftctl, [])
    assert ftctl("plan", "--max-cost", "0.1", "--out", "p.plan").code == Exit.DONE
    saved = json.loads(Path("p.plan").read_text("utf-8"))
    assert saved["request"]["max_cost"] == 0.1
    priced(monkeypatch, 60)
    said = ftctl("apply", "p.plan")
    assert (said.code, "FT3020" in said.err, stored_jobs()) == (Exit.BLOCKED, True, [])
    priced(monkeypatch, 10, "second.toml")
    said = ftctl("apply", "p.plan", "--max-cost", "0.03")
    assert (said.code, "`--max-cost` allows 0.03 USD" in " ".join(said.err.split())) == (Exit.BLOCKED, True)
    said = ftctl("apply", "p.plan")
    assert said.code == Exit.DONE, said.err
    assert "tone: training was planned at up to 0.021 USD; with the prices of now it is 0.042 USD." in said.err
    assert len(stored_jobs()) == 1


def test_a_budget_in_an_environment_is_that_environments(ftctl):
    start(ftctl, ["--template", "lab"])
    edit("  prod: {variables: {capacity: 200}}", "  prod: {variables: {capacity: 200}, limits: {maxCost: 0}}")
    assert ftctl("plan").code == Exit.DONE
    said = ftctl("plan", "-e", "prod")
    assert (said.code, "`limits.maxCost` allows 0 USD" in " ".join(said.err.split())) == (Exit.BLOCKED, True)
    assert "specs/tone.yaml:" in said.err


def test_a_broken_price_book_is_told(ftctl, monkeypatch):
    start(ftctl, [])
    for wrong in ("-1", "nan", "inf", '"x"'):
        priced(monkeypatch, wrong, f"{wrong.strip(chr(34))}.toml")
        said = ftctl("plan")
        assert (said.code, "FT6011" in said.err) == (Exit.USAGE, True), wrong


def test_cost_before_and_after(ftctl, monkeypatch):
    start(ftctl, [])
    before = json.loads(ftctl("cost", "-o", "json").out)["stacks"][0]
    (job,), (host,) = before["trainings"], before["hosting"]
    assert (job["state"], job["billed"], job["deviation_percent"]) == ("to train", None, None)
    assert (host["state"], host["hourly"], host["monthly"]) == ("missing", 1.7, 1241.0)
    assert stored_jobs() == []
    assert ftctl("apply", "--auto-approve").code == Exit.DONE
    after = json.loads(ftctl("cost", "-o", "json").out)["stacks"][0]
    (job,), (host,) = after["trainings"], after["hosting"]
    (live,) = stored_jobs()
    tokens = job["trained_tokens"]
    assert (job["id"], job["state"]) == (live["id"], "succeeded")
    assert job["billed"] == pytest.approx(tokens * 5.0 / 1e6, abs=1e-6)
    assert job["deviation_percent"] == pytest.approx((tokens / 4206 - 1) * 100, abs=0.01)
    assert (host["state"], ".ft-" in host["model"]) == ("ready", True)
    edit("n_epochs: 3", "n_epochs: 4")
    said = ftctl("cost")
    assert "  job/tone  to train    ≈ 0.028 USD" in said.out
    assert "  earlier   1 training  " in said.out
    assert all(len(line) <= 80 for line in said.out.splitlines())
    edit("model: gpt-4.1-mini-2025-04-14", "model: gpt-5-2025-08-07")
    said = ftctl("cost", "-o", "markdown")
    assert "| job/tone | to train | unknown | - | - |" in said.out


def test_a_base_model_and_reserved_capacity(ftctl):
    start(ftctl, [])
    text = SPEC.read_text("utf-8")
    cut = text.index("deployments:")
    base = "deployments:\n  base:\n    model: {name: gpt-4.1-mini, version: '2025-04-14'}\n    sku: SKU\n"
    for sku, hourly in (("GlobalStandard", 0.0), ("ProvisionedManaged", None), ("DeveloperTier", 0.0)):
        SPEC.write_text(text[:cut] + base.replace("SKU", sku), "utf-8")
        (host,) = json.loads(ftctl("cost", "-o", "json").out)["stacks"][0]["hosting"]
        assert (host["sku"], host["hourly"]) == (sku, hourly)


def test_a_saved_plan_that_became_cheaper_is_applied_without_a_word(ftctl, monkeypatch):
    start(ftctl, [])
    assert ftctl("plan", "--out", "p.plan").code == Exit.DONE
    priced(monkeypatch, 0.1)
    said = ftctl("apply", "p.plan")
    assert (said.code, "was planned at" in said.err) == (Exit.DONE, False)


def test_retail_prices_are_asked_for_by_a_variable_and_come_from_the_stacks_own_cloud(ftctl, monkeypatch):
    start(ftctl, [])
    monkeypatch.setenv(VARIABLE, "retail")
    told = " ".join(ftctl("plan").out.split())
    assert "at 5 USD per 1M tokens (retail prices of the cloud local, swedencentral, meter 'gpt-4.1-mini FT" in told
    assert ftctl("plan", "--max-cost", "0.001").code == Exit.BLOCKED
