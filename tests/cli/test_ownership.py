"""What changes hands, as people and pipelines see it: `removed`, `moved`, `adopt` and `rollback` by command lines."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from ftctl.core.errors import Exit
from ftctl.embedded import local_folder
from ftctl.local.azure import Azure
from tests.golden import normal

SPEC = Path("specs/tone.yaml")
REMOVED = "\nremoved:\n  - {from: deployment/tone, keep: true}\n"
MOVED = "\nmoved:\n  - {from: deployment/tone, to: deployment/plants}\n"


def edit(before: str, after: str) -> None:
    text = SPEC.read_text(encoding="utf-8")
    assert before in text
    SPEC.write_text(text.replace(before, after), encoding="utf-8")


def without_deployment() -> None:
    """The spec without its last section, and what becomes of that."""
    text = SPEC.read_text(encoding="utf-8")
    SPEC.write_text(text.partition("\ndeployments:")[0] + REMOVED, encoding="utf-8")


def unmarked(kind: str) -> None:
    """Somebody takes the marks off what serves."""
    azure = Azure(local_folder())
    (body,) = azure.store.all(kind)
    parent = body["id"].rpartition("/deployments/")[0]
    azure.store.put(kind, body["id"], body | {"tags": {"team": "plants"}}, parent=parent)
    azure.close()


@pytest.fixture
def applied(ftctl):
    ftctl("init")
    assert ftctl("apply", "--auto-approve").code == 0
    return ftctl


def test_forgetting_in_every_form(applied, golden):
    without_deployment()
    text = applied("plan").out
    assert text.startswith("Plan: 0 to train, 0 to re-point, 0 interrupt serving, 0 to delete, 1 to forget.\n")
    (plan,) = json.loads(applied("plan", "-o", "json").out)["plans"]
    (change,) = [one for one in plan["changes"] if one["action"] == "forget"]
    assert (change["actions"], change["class"], plan["summary"]["forget"]) == (["forget"], "metadata", 1)
    assert change["before"] == change["after"]
    terraform = json.loads(applied("plan", "-o", "terraform-json").out)
    (resource,) = [one for one in terraform["resource_changes"] if one["change"]["actions"] == ["forget"]]
    assert (resource["address"], resource["change"]["after"]) == ("ftctl_deployment.tone", None)
    assert "ftctl_deployment.tone" not in json.dumps([terraform["planned_values"], terraform["configuration"]])
    assert "ftctl_deployment.tone" in json.dumps(terraform["prior_state"])
    assert "| &#62; | forget | <code>deployment/tone</code> | metadata |" in applied("plan", "-o", "markdown").out
    assert "&gt; forget <code>deployment/tone</code>" in applied("plan", "-o", "html").out
    assert json.loads(applied("plan", "-o", "sarif").out)["runs"][0]["results"] == []
    saved = applied("plan", "--out", "forget.plan")
    assert saved.code == 0
    lines = [json.loads(line) for line in applied("apply", "forget.plan", "--json").out.splitlines()]
    assert [one["op"] for one in lines if one["type"] == "done"] == ["forget"]
    after, gone = applied("plan").out, applied("destroy", "--auto-approve")
    assert gone.code != 0  # the account holds what is somebody's
    assert "FT2119" in gone.err
    golden("forget", normal(f"{text}\n{after}"))


def test_an_adoption_is_shown_asked_for_and_done(applied, golden, monkeypatch):
    unmarked("deployment")
    edit("capacity: 10", "capacity: 20")
    foreign = applied("plan")
    assert (foreign.code, "FT3001" in foreign.err, "ftctl adopt deployment/tone" in foreign.err) == (
        Exit.BLOCKED,
        True,
        True,
    )
    monkeypatch.setattr("ftctl.cli.execution.interactive", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    assert applied("adopt", "deployment/tone").code == Exit.ERROR
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    done = applied("adopt", "deployment/tone", "specs")
    assert done.code == 0
    after, again = applied("plan"), applied("adopt", "deployment/tone", "--auto-approve")
    assert (after.code, again.code) == (0, 0)
    assert "capacity: 10 → 20" in after.out
    golden("adopt", normal(f"{done.out}\n{after.out}\n{again.out}"))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["acount/main"], "FT6070", 'Did you mean "account/main"?'),
        (["deployment/tune"], "FT6070", 'Did you mean "deployment/tone"?'),
        (["specs"], "FT6002", "name what is to be adopted"),
        ([], "FT6002", "Missing argument"),
        (["account/main", "job/tone"], "FT3312", "job/tone is a job, which takes no mark"),
    ],
)
def test_what_cannot_be_adopted_is_said(ftctl, words, code, told):
    ftctl("init")
    said = ftctl("adopt", *words, "--auto-approve")
    assert said.code not in {0, Exit.CHANGES}
    assert code in said.err
    assert told.lower() in said.err.lower()


def test_an_address_in_several_stacks_needs_the_file_of_one(applied):
    other = SPEC.read_text(encoding="utf-8").replace("tone", "voice")
    Path("specs/voice.yaml").write_text(other, encoding="utf-8")
    said = applied("adopt", "account/main", "--auto-approve")
    assert (said.code, "FT6007" in said.err) == (Exit.USAGE, True)
    said = applied("adopt", "account/main", "specs/tone.yaml", "--auto-approve")
    assert (said.code, said.out.split("\n")[0]) == (0, "tone: nothing to adopt.")


def test_back_and_forth_again(applied, golden):
    edit("seed: 105", "seed: 106")
    assert applied("apply", "--auto-approve").code == 0
    back = applied("rollback", "tone", "--auto-approve")
    assert (back.code, "tone answered" in back.out) == (0, True)
    plan = applied("plan")
    forth = applied("rollback", "deployment/tone", "specs/tone.yaml", "--auto-approve")
    assert (forth.code, applied("plan").code) == (0, 0)
    assert applied("plan").out == "tone: nothing to do. 7 things in Azure are as declared.\n"
    told = normal(f"{back.out}\n{plan.out}\n{forth.out}")
    golden("rollback", re.sub("answered: “[^”]*”", "answered: …", told))


def test_what_cannot_be_put_back_is_said(applied):
    said = applied("rollback", "tune", "--auto-approve")
    assert (said.code, 'Did you mean "tone"?' in said.err) == (Exit.USAGE, True)
    said = applied("rollback", "tone", "--auto-approve")
    assert (said.code, "FT3313" in said.err) == (Exit.BLOCKED, True)
    said = applied("rollback", "tone")
    assert "FT3103" in said.err
    (problem,) = json.loads(applied("rollback", "tone", "--auto-approve", "-o", "json").out)["problems"]
    assert problem["where"]["path"] == str(SPEC)


def test_the_way_on_names_the_model(applied):
    """Whoever repeats the command that a report names does not go forth again."""
    edit("seed: 105", "seed: 106")
    applied("apply", "--auto-approve")
    said = applied("rollback", "tone", "--auto-approve", "--wait", "none")
    assert said.code == Exit.PENDING
    (line,) = [line for line in said.out.splitlines() if line.strip().startswith("ftctl rollback tone specs --to ")]
    model = line.rpartition(" ")[2]
    assert ".ft-" in model
    assert applied("rollback", "tone", "--to", model, "--auto-approve").code == 0
    again = applied("rollback", "tone", "--to", model, "--auto-approve")
    assert again.out.split("\n")[0] == "tone: nothing to put back."


def test_a_new_name_in_the_spec(applied, golden):
    edit("deployments:\n  tone:", "deployments:\n  plants:")
    SPEC.write_text(SPEC.read_text(encoding="utf-8") + MOVED, encoding="utf-8")
    plan, done = applied("plan"), applied("apply", "--auto-approve")
    assert (plan.code, done.code) == (0, 0)
    assert "plants" in applied("status").out
    assert applied("chat", "plants", "--once", "Hello?").code == 0
    golden("moved", normal(f"{plan.out}\n{done.out}\n{applied('plan').out}"))


def test_a_stack_keeps_its_name(applied):
    SPEC.write_text(
        SPEC.read_text(encoding="utf-8") + "\nmoved: [{from: stack/old, to: stack/tone}]\n", encoding="utf-8"
    )
    said = applied("validate")
    assert (said.code, "FT1447" in said.err, "paid for" in said.err) == (Exit.DATA, True, True)
