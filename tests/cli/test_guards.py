"""Guards through the command line: what stops a plan, what lets it go on, and what asks for a name."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
import yaml

from ftctl.cli.root import run
from ftctl.core.errors import Exit
from ftctl.embedded import local_folder
from ftctl.local import identity
from ftctl.local.azure import Azure, Settings

SPEC = Path("specs/desk.yaml")
BASE = {"name": "gpt-4.1-mini", "version": "2025-04-14"}


def spec(deployments=7, **limits):
    return {
        "apiVersion": "ftctl/v1",
        "stack": "desk",
        "azure": {
            "subscription": identity.SUBSCRIPTION_ID,
            "resourceGroup": {"name": "rg-desk", "create": True, "location": "swedencentral"},
            "cloud": "local",
        },
        "resources": {"main": {"name": "aoai-desk", "location": "swedencentral", "onSoftDeleted": "restore"}},
        "roleAssignments": {
            "engineers": {"role": "Cognitive Services OpenAI Contributor", "principal": {"group": "ml-engineers"}}
        },
        "deployments": {f"d{n}": {"model": BASE, "capacity": 1} for n in range(deployments)},
        "limits": limits,
    }


def write(declared):
    SPEC.parent.mkdir(exist_ok=True)
    SPEC.write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module")
def applied(tmp_path_factory):
    """Ten things in a local Azure: a group, an account, a role and seven deployments. Made once and copied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("applied"))
        write(spec())
        Azure(local_folder(), settings=Settings(pace=100_000)).close()
        assert run(["apply", "--auto-approve"]) == Exit.DONE
        yield local_folder()


@pytest.fixture
def desk(ftctl, applied):
    shutil.rmtree(local_folder())
    shutil.copytree(applied, local_folder())
    return spec()


@pytest.fixture
def answers(monkeypatch):
    monkeypatch.setattr("ftctl.cli.execution.interactive", lambda: True)
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))


def codes(said):
    problems = json.loads(said.out)["plans"][0]["diagnostics"]
    return [(one["code"], one["subject"]) for one in problems]


def plan(ftctl, *words):
    return codes(ftctl("plan", "-o", "json", *words))


def resized(declared, number):
    for n in range(number):
        declared["deployments"][f"d{n}"]["capacity"] = 5
    return declared


# --- many changes


def test_three_of_ten_may_change_and_four_need_to_be_allowed(ftctl, desk):
    write(resized(desk, 3))
    assert plan(ftctl) == []
    write(resized(desk, 4))
    said = ftctl("plan", "-o", "json", "--out", "plan.json")
    (problem,) = json.loads(said.out)["plans"][0]["diagnostics"]
    assert (said.code, problem["code"], Path("plan.json").exists()) == (Exit.BLOCKED, "FT3040", False)
    assert problem["what"] == (
        "this plan would update or delete 4 of the 10 things that the stack owns (40%), and 30% at a time are allowed"
    )
    assert problem["why"] == "It would change deployment/d0, deployment/d1, deployment/d2 and 1 more."
    refused = ftctl("apply", "--auto-approve")
    assert (refused.code, "FT3040" in refused.err) == (Exit.BLOCKED, True)
    allowed = ftctl("plan", "-o", "json", "--allow", "many-changes")
    assert json.loads(allowed.out)["plans"][0]["digest"] == json.loads(said.out)["plans"][0]["digest"]
    done = ftctl("apply", "--auto-approve", "--allow", "many-changes")
    assert (done.code, "4 updated" in done.out) == (Exit.DONE, True)


@pytest.mark.parametrize(
    ("share", "number", "stopped"),
    [("100%", 7, False), ("40%", 4, False), ("10%", 1, False), ("10%", 2, True), ("0%", 1, True)],
)
def test_the_spec_says_how_large_a_part(ftctl, desk, share, number, stopped):
    write(resized(desk, number) | {"limits": {"maxChanged": share}})
    said = ftctl("plan", "-o", "json")
    assert [code for code, _ in codes(said)] == ["FT3040"] * stopped
    for problem in json.loads(said.out)["plans"][0]["diagnostics"]:
        assert SPEC.read_text("utf-8").splitlines()[problem["where"]["line"] - 1] == f"  maxChanged: {share}"


def test_a_stack_of_nine_changes_as_a_whole(ftctl):
    write(spec(6))
    ftctl("apply", "--auto-approve")
    write(resized(spec(6), 6))
    assert plan(ftctl) == []


def test_destroying_is_asked_for_whole(ftctl, desk):
    write(desk | {"limits": {"maxDeletes": 0, "maxChanged": "0%"}})
    done = ftctl("destroy", "--auto-approve")
    assert (done.code, "10 deleted" in done.out) == (Exit.DONE, True)


# --- how many are deleted


def test_the_spec_and_the_command_line_say_how_many_are_deleted(ftctl, desk):
    allow = [word for n in range(2) for word in ("--allow", f"deployment/d{n}")]
    for n in range(2):
        del desk["deployments"][f"d{n}"]
    write(desk)
    assert plan(ftctl, *allow) == plan(ftctl, *allow, "--max-deletes", "2") == []
    assert plan(ftctl, *allow, "--max-deletes", "1", "--allow", "many-changes") == [("FT3041", None)]
    write(desk | {"limits": {"maxDeletes": 1}})
    assert plan(ftctl, *allow, "--max-deletes", "2") == [("FT3041", None)]
    said = ftctl("apply", "--auto-approve", *allow, "--max-deletes", "0")
    assert (said.code, said.err.count("error FT3041"), "1 thing," in said.err) == (Exit.BLOCKED, 2, False)
    assert "this plan would delete 2 things, and `limits.maxDeletes` allows 1" in " ".join(said.err.split())


# --- what serves


@pytest.mark.parametrize("edit", ["delete", "replace"])
def test_what_serves_is_taken_away_only_by_its_name(ftctl, desk, edit):
    if edit == "delete":
        del desk["deployments"]["d3"]
    else:
        desk["deployments"]["d3"]["sku"] = "Standard"
    write(desk)
    assert plan(ftctl) == plan(ftctl, "--allow", "deployment/d2", "--allow", "many-changes")
    assert plan(ftctl) == [("FT3042", "deployment/d3")]
    said = ftctl("apply", "--auto-approve")
    assert (said.code, "error FT3042" in said.err, f"would {edit} it" in " ".join(said.err.split())) == (5, True, True)
    assert ftctl("apply", "--auto-approve", "--allow", "deployment/d3").code == Exit.DONE
    assert plan(ftctl) == []


def test_an_allowance_is_part_of_a_saved_plan_and_beside_a_digest(ftctl, desk):
    del desk["deployments"]["d3"]
    write(desk)
    planned = ftctl("plan", "-o", "json", "--out", "plan.json", "--allow", "deployment/d3")
    digest = json.loads(planned.out)["plans"][0]["digest"]
    said = ftctl("apply", "--expect", digest)
    assert (said.code, "error FT3042" in said.err) == (Exit.BLOCKED, True)
    assert ftctl("apply", "plan.json", "--allow", "deployment/d3").code == Exit.USAGE
    assert ftctl("apply", "plan.json", "--max-deletes", "0").code == Exit.BLOCKED
    done = ftctl("apply", "plan.json")
    assert (done.code, "1 deleted" in done.out) == (Exit.DONE, True)


def test_an_allowance_in_the_spec_is_seen_and_to_be_taken_out_again(ftctl, desk):
    gone = desk["deployments"].pop("d3")
    write(desk | {"limits": {"allow": ["deployment/d3"]}})
    assert plan(ftctl) == []
    assert ftctl("apply", "--auto-approve").code == Exit.DONE
    assert plan(ftctl) == []
    desk["deployments"]["d3"] = gone
    write(desk | {"limits": {"allow": ["deployment/d3"]}})
    said = ftctl("plan")
    assert (said.code, "warning FT3044: " in said.err, f"at {SPEC}:" in said.err) == (Exit.DONE, True, True)


def test_an_account_does_not_go_with_what_serves_in_it(ftctl, desk):
    desk["resources"]["main"]["name"] = "aoai-desk-two"
    write(desk)
    found = plan(ftctl)
    assert found == [("FT3040", None), ("FT3043", "account/main@oai-desk")]
    allow = ("--allow", "many-changes", "--allow", "account/main@oai-desk")
    assert plan(ftctl, *allow) == []
    said = " ".join(ftctl("plan").err.split())
    assert "has deployment/d0, deployment/d1, deployment/d2 and 4 more in it, and this plan would delete it" in said


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"maxDeletes": -1}, "FT1105"),
        ({"maxChanged": "101%"}, "FT1104"),
        ({"maxChanged": 30}, "FT1102"),
        ({"allow": ["d3"]}, "FT1104"),
        ({"allow": "deployment/d3"}, "FT1102"),
        ({"maxDelete": 1}, "FT1100"),
    ],
)
def test_a_limit_that_is_none_is_refused(ftctl, project, limits, code):
    write(spec(1, **limits))
    said = ftctl("validate")
    assert (said.code, f"error {code}: " in said.err, f"at {SPEC}:" in said.err) == (Exit.DATA, True, True)


# --- who is asked for what


@pytest.mark.parametrize(("answer", "code"), [("yes", Exit.ERROR), ("", Exit.ERROR), ("Desk", Exit.ERROR), ("desk", 0)])
def test_a_stack_is_destroyed_by_its_name(ftctl, desk, answers, answer, code):
    write(desk)
    answers(answer)
    said = ftctl("destroy")
    assert "There is no way back. Type desk to destroy it: " in said.err
    assert (said.code, "FT6008" in said.err) == (code, code != 0)


def test_what_is_irreversible_is_applied_by_the_stacks_name(ftctl, desk, answers):
    desk["resources"]["spare"] = {"name": "aoai-spare", "location": "swedencentral", "onSoftDeleted": "restore"}
    for one in (*desk["deployments"].values(), *desk["roleAssignments"].values()):
        one["resource"] = "main"
    write(desk)
    answers("yes")
    assert ftctl("apply").code == Exit.DONE
    del desk["resources"]["spare"]
    write(desk)
    said = ftctl("apply")
    assert (said.code, "FT6008" in said.err) == (Exit.ERROR, True)
    answers("desk")
    said = ftctl("apply")
    assert "Do all this? 1 is irreversible. Type desk to apply it: " in said.err
    assert (said.code, "1 deleted" in said.out) == (Exit.DONE, True)
