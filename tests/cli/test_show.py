"""Plans for reviewers, through the command line: saved, shown in every form, approved by digest."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ftctl.core.errors import Exit
from ftctl.render.formats import FORMATS
from tests.held import strict

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture
def specs(project):
    shutil.copytree(SPECS, project / "specs")
    return project / "specs"


@pytest.fixture
def away(monkeypatch):
    """From here on nothing is to be asked of any Azure."""

    def forbidden(*_words, **_more):
        raise AssertionError("Azure was asked")

    return lambda: monkeypatch.setattr("ftctl.workflow.connect", forbidden)


def test_a_saved_plan_is_shown_in_every_form_without_azure(ftctl, specs, away, golden):
    saved = ftctl("plan", "--out", "plan.json")
    assert saved.code == Exit.DONE
    planned = {output: ftctl("plan", "-o", output).out for output in FORMATS}
    away()
    shown = {output: ftctl("show", "plan.json", "-o", output) for output in FORMATS}
    assert {output: said.code for output, said in shown.items()} == dict.fromkeys(FORMATS, Exit.DONE)
    assert {output: said.out for output, said in shown.items()} == planned
    assert planned["github"] == ""
    ftctl("show", "plan.json", "-o", "markdown", "--outputs", "steps.txt")
    steps = dict(line.split("=", 1) for line in Path("steps.txt").read_text("utf-8").splitlines())
    assert f"<code>{steps['digest']}</code>" in planned["markdown"]
    assert (steps["labels"], steps["exit_code"]) == ("ftctl:train,ftctl:new", "0")
    assert [error.message for error in strict().iter_errors(json.loads(Path("plan.json").read_text("utf-8")))] == []
    golden("plan-markdown", re.sub(r"\d{4}-\d\d-\d\d", "DATE", planned["markdown"]))


@pytest.mark.parametrize("output", ["markdown", "html", "json", "sarif", "github"])
def test_a_spec_that_is_wrong_is_told_in_the_form_that_was_asked_for(ftctl, specs, output):
    spec = next(specs.glob("*.yaml"))
    spec.write_text(spec.read_text("utf-8").replace("trainingType:", "trainingTyp:"), encoding="utf-8")
    said = ftctl("plan", "-o", output, "--outputs", "steps.txt")
    assert said.code == Exit.DATA
    assert "FT1100" in said.out
    assert spec.name in said.out
    assert "exit_code=65" in Path("steps.txt").read_text("utf-8")


def test_an_altered_plan_is_not_shown(ftctl, specs, away):
    ftctl("plan", "--out", "plan.json")
    text = Path("plan.json").read_text("utf-8")
    away()
    Path("plan.json").write_text(text.replace('"sku": "S0"', '"sku": "S1"'), encoding="utf-8")
    said = ftctl("show", "plan.json")
    assert (said.code, said.out) == (Exit.STALE, "")
    assert "FT3110" in said.err
    for broken in ("", "{}", "[]", text[:-40], text.replace('"changes"', '"chances"')):
        Path("plan.json").write_text(broken, encoding="utf-8")
        assert "FT3102" in ftctl("show", "plan.json").err


def test_what_was_approved_is_done_and_nothing_else(ftctl, specs):
    ftctl("plan", "--outputs", "steps.txt")
    steps = dict(line.split("=", 1) for line in Path("steps.txt").read_text("utf-8").splitlines())
    assert (steps["has_changes"], steps["class"], steps["exit_code"]) == ("true", "train", "0")
    spec = next(specs.glob("*.yaml"))
    text = spec.read_text("utf-8")
    spec.write_text(text.replace("seed: 105", "seed: 106"), encoding="utf-8")
    refused = ftctl("apply", "--expect", steps["digest"])
    assert refused.code == Exit.STALE
    assert "FT3101" in refused.err
    assert ftctl("apply", "--expect", "0" * 63).code == Exit.USAGE
    assert ftctl("apply", "--expect", "").code == Exit.STALE  # what was approved is that nothing is done
    spec.write_text(text, encoding="utf-8")
    done = ftctl("apply", "--expect", steps["digest"])
    assert done.code == Exit.DONE, done.err
    assert ftctl("apply", "--expect", steps["digest"]).code == Exit.STALE  # a plan is used once
    assert ftctl("apply", "--expect", "").code == Exit.DONE
    ftctl("plan", "--detailed-exitcode", "--outputs", "steps.txt")
    assert Path("steps.txt").read_text("utf-8").splitlines()[-1] == "exit_code=0"


def test_a_saved_plan_expires_and_says_what_moved(ftctl, specs, monkeypatch):
    ftctl("plan", "--out", "plan.json", "--expires", "90m")
    now = datetime.now(UTC)
    with monkeypatch.context() as later:
        later.setattr("ftctl.cli.apply.SystemClock.now", lambda _clock: now + timedelta(minutes=91))
        late = ftctl("apply", "plan.json")
    assert (late.code, "FT3111" in late.err) == (Exit.STALE, True)
    assert ftctl("plan", "--out", "plan.json", "--expires", "soon").code == Exit.USAGE
    spec = next(specs.glob("*.yaml"))
    text = spec.read_text("utf-8")
    spec.write_text(text.replace("seed: 105", "seed: 106").replace("  team: support", "  team: desk"), encoding="utf-8")
    data = specs / "data/valid.jsonl"
    data.write_text(data.read_text("utf-8").replace("password", "pass word"), encoding="utf-8")
    stale = ftctl("apply", "plan.json")
    assert stale.code == Exit.STALE
    said = " ".join(stale.err.split())
    assert "job/tone: seed is declared otherwise" in said
    assert "dataset/valid: sha256 has other data" in said


def test_what_somebody_changed_in_azure_since_is_named(ftctl, specs):
    assert ftctl("apply", "--auto-approve").code == Exit.DONE
    spec = next(specs.glob("*.yaml"))
    text = spec.read_text("utf-8")
    spec.write_text(text.replace("team: support", "team: desk"), encoding="utf-8")
    ftctl("plan", "--out", "plan.json")
    spec.write_text(text.replace("team: support", "team: other"), encoding="utf-8")
    assert ftctl("apply", "--auto-approve").code == Exit.DONE
    spec.write_text(text.replace("team: support", "team: desk"), encoding="utf-8")
    stale = ftctl("apply", "plan.json")
    assert stale.code == Exit.STALE
    assert "account/main: tags was changed in Azure" in " ".join(stale.err.split())


def test_one_comment_for_several_stacks(ftctl, project):
    for name in ("one", "two"):
        (project / "specs").mkdir(exist_ok=True)
        (project / f"specs/{name}.yaml").write_text(
            f"apiVersion: ftctl/v1\nstack: {name}\nazure:\n  subscription: 00000000-0000-4000-8000-00000000f7c1\n"
            f"  resourceGroup: {{name: rg-{name}, create: true, location: swedencentral}}\n  cloud: local\n",
            encoding="utf-8",
        )
    said = ftctl("plan", "-o", "markdown", "--outputs", "steps.txt")
    assert said.out.startswith("<!-- ftctl:plan -->\n### Plan: 0 to train, ")
    digests = re.findall("<code>([0-9a-f]{64})</code>", said.out)
    assert f"digest={','.join(sorted(digests))}\n" in Path("steps.txt").read_text("utf-8")
    assert ftctl("apply", "--expect", digests[0]).code == Exit.STALE
    assert ftctl("apply", "--expect", ",".join(digests)).code == Exit.DONE


def test_a_plan_holds_no_secret(ftctl, specs, monkeypatch):
    monkeypatch.setenv("SECRET_SAS", "sv=2024&sig=TOPSECRETSIGNATURE")
    spec = next(specs.glob("*.yaml"))
    text = re.sub(
        r"\n  valid:.*",
        '\n  valid: {url: "https://x.blob.core.windows.net/v.jsonl?${SECRET_SAS}", sha256: ' + "ab" * 32 + "}",
        spec.read_text("utf-8"),
        count=1,
    )
    spec.write_text(text, encoding="utf-8")
    said = {output: ftctl("plan", "-o", output, "--out", "plan.json") for output in FORMATS}
    assert json.loads(said["json"].out)["plans"], said["json"].err
    everything = "".join(one.out + one.err for one in said.values()) + Path("plan.json").read_text("utf-8")
    assert "SIGNATURE" not in everything
