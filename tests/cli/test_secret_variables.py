"""Secret variables through the front door: Azure gets the value, and nobody reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftctl.core.errors import Exit
from ftctl.embedded import local_folder
from ftctl.local.azure import Azure
from ftctl.render.formats import FORMATS

OLD, NEW = "C4nary-of-yesterday", "C4nary-of-today"
SPEC = """\
apiVersion: ftctl/v1
stack: desk
azure:
  subscription: 00000000-0000-4000-8000-00000000f7c1
  resourceGroup: {name: rg-desk, create: true, location: swedencentral}
  cloud: local
variables:
  token: {secret: true}
  link: https://desk.example/?code=${token}
resources:
  main: {name: aoai-desk, location: swedencentral, tags: {token: "${token}", link: "${link}", team: a}}
roleAssignments:
  us: {role: Cognitive Services OpenAI Contributor, principal: {group: ml-engineers}}
"""


@pytest.fixture
def spec(project):
    path = project / "specs/desk.yaml"
    path.parent.mkdir()
    path.write_text(SPEC, encoding="utf-8")
    return path


@pytest.fixture
def say(ftctl):
    """A command, of which no word may be a secret, in stdout, in stderr or in a file it wrote."""

    def command(*words):
        said = ftctl(*words)
        files = [path.read_text("utf-8") for path in Path().iterdir() if path.is_file()]
        everything = "\n".join([said.out, said.err, *files])
        assert "C4nary" not in everything
        return said

    return command


def tags():
    azure = Azure(local_folder())
    (account,) = azure.store.all("account")
    azure.close()
    return account["tags"]


def test_a_secret_reaches_azure_and_nobody_else(say, spec, monkeypatch):
    monkeypatch.setenv("FTCTL_VAR_token", OLD)
    assert say("plan", "--trace", "trace.txt").code == Exit.DONE
    applied = say("apply", "--auto-approve", "--json", "--trace")
    assert (applied.code, "(sensitive " in applied.out) == (Exit.DONE, True), applied.err
    assert (tags()["token"], tags()["link"]) == (OLD, f"https://desk.example/?code={OLD}")
    assert "nothing to do" in say("plan").out

    monkeypatch.setenv("FTCTL_VAR_token", NEW)
    for output in FORMATS:
        said = say("plan", "-o", output, "--out", "plan.json", "--outputs", "steps.txt")
        assert said.code == Exit.DONE
        assert ("sensitive" in said.out) is (output not in {"sarif", "github"})
        assert say("show", "plan.json", "-o", output).out == said.out
    for words in (["drift"], ["drift", "-o", "json"], ["drift", "-o", "markdown"], ["status", "-o", "json"], ["graph"]):
        say(*words)
    assert tags()["token"] == OLD
    assert say("apply", "plan.json").code == Exit.DONE
    assert tags()["token"] == NEW
    assert "nothing to do" in say("apply", "--auto-approve", "-o", "text").out
    assert say("destroy", "--auto-approve").code == Exit.DONE


def test_a_saved_plan_asks_for_its_secrets_again(say, spec):
    given = ("--var", f"token={NEW}")
    assert say("plan", "--out", "plan.json", *given).code == Exit.DONE
    asked = json.loads(Path("plan.json").read_text("utf-8"))["request"]
    assert (asked["variables"], asked["secret_variables"]) == ({}, ["token"])
    without = say("apply", "plan.json")
    assert (without.code, "FT3113" in without.err, "--var token=…" in without.err) == (Exit.USAGE, True, True)
    assert "FT6010" in say("apply", "plan.json", *given, "--var", "other=x").err
    other = say("apply", "plan.json", "--var", f"token={OLD}")
    assert (other.code, "FT3101" in other.err) == (Exit.STALE, True)
    assert say("apply", "plan.json", *given).code == Exit.DONE
    assert tags()["token"] == NEW


def test_what_goes_wrong_is_told_without_it(say, spec):
    text = spec.read_text("utf-8")
    spec.write_text(text.replace("location: swedencentral, tags", 'location: "${token}", tags'), encoding="utf-8")
    for words in (["validate"], ["plan"], ["plan", "-o", "json"], ["apply", "--auto-approve"]):
        said = say(*words, "--var", f"token={NEW}")
        assert said.code != Exit.DONE or words == ["validate"]
    for wrong in ('sku: "${token}", tags', '"${token}": x, tags', "kind: ${link}, tags", "protect: ${token}, tags"):
        spec.write_text(text.replace("tags", wrong), encoding="utf-8")
        assert say("validate", "--var", f"token={NEW}").code == Exit.DATA, wrong
        assert say("plan", "-o", "github", "--var", f"token={NEW * 9}").code == Exit.DATA, wrong
    for wrong in ('"${token}"', '"a ${link} b"'):
        spec.write_text(text.replace("Cognitive Services OpenAI Contributor", wrong), encoding="utf-8")
        said = say("validate", "--var", f"token={NEW * 3}")
        assert (said.code, "role" in said.err) == (Exit.DATA, True)
    spec.write_text(text.replace("name: aoai-desk", 'name: "aoai-${token}"'), encoding="utf-8")
    assert "FT3115" in say("plan", "--var", f"token={NEW}").err
    spec.write_text(text, encoding="utf-8")
    assert "FT3114" in say("plan", "--var", "token=short").err
    assert "FT1040" in say("plan").err
    spec.write_text(text.replace("{secret: true}", "{secret: false}"), encoding="utf-8")
    assert say("plan").code == Exit.DATA


def test_a_name_that_tells_is_enough_and_the_file_decides(ftctl, spec):
    text = spec.read_text("utf-8").replace("  token: {secret: true}\n", "")
    spec.write_text(text, encoding="utf-8")
    assert NEW not in ftctl("plan", "--var", f"token={NEW}").out
    spec.write_text(text.replace("variables:\n", "variables:\n  token: none\n"), encoding="utf-8")
    assert NEW in ftctl("plan", "--var", f"token={NEW}").out
    spec.write_text(text.replace("${token}", "${team}"), encoding="utf-8")
    assert "support-desk" in ftctl("plan", "--var", "team=support-desk").out
