"""A saved plan is applied once: what was approved once is not done a second time, however Azure looks then."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ftctl import planfile
from ftctl.core.errors import Exit, FtctlError
from tests.held import strict

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.fixture
def specs(project, ftctl):
    """A group with an account, applied, and a saved plan that changes one tag."""
    spec = project / "specs/desk.yaml"
    spec.parent.mkdir()
    spec.write_text(
        "apiVersion: ftctl/v1\nstack: desk\nazure:\n  subscription: 00000000-0000-4000-8000-00000000f7c1\n"
        "  resourceGroup: {name: rg-desk, create: true, location: swedencentral}\n  cloud: local\n"
        "resources:\n  main: {name: aoai-desk, location: swedencentral, tags: {team: a}}\n"
        "roleAssignments:\n  us: {role: Cognitive Services OpenAI Contributor, principal: {group: ml-engineers}}\n",
        encoding="utf-8",
    )
    assert ftctl("apply", "--auto-approve").code == Exit.DONE
    spec.write_text(spec.read_text("utf-8").replace("team: a", "team: b"), encoding="utf-8")
    assert ftctl("plan", "--out", "plan.json").code == Exit.DONE
    return spec


def put_back(ftctl, spec):
    """Somebody brings Azure back to what it was when the plan was made."""
    text = spec.read_text("utf-8")
    spec.write_text(text.replace("team: b", "team: a"), encoding="utf-8")
    assert ftctl("apply", "--auto-approve").code == Exit.DONE
    spec.write_text(text, encoding="utf-8")


def test_a_plan_is_applied_once_even_where_azure_is_as_before(ftctl, specs):
    digest = json.loads(Path("plan.json").read_text("utf-8"))["plans"][0]["digest"]
    copy = Path(shutil.copy("plan.json", "copy.json"))
    assert ftctl("apply", "plan.json").code == Exit.DONE
    put_back(ftctl, specs)
    assert f"Digest: <code>{digest}</code>" in ftctl("plan", "-o", "markdown").out  # the same change, to the letter
    again = ftctl("apply", "plan.json")
    assert (again.code, again.out) == (Exit.STALE, "")
    said = " ".join(again.err.split())
    assert "error FT3112: plan.json was applied at 20" in said
    assert "Plan again, review, and apply the new plan. What was done is not done twice" in said
    assert [error.message for error in strict().iter_errors(json.loads(Path("plan.json").read_text("utf-8")))] == []
    assert ftctl("show", "plan.json").code == Exit.DONE
    assert ftctl("apply", str(copy)).code == Exit.DONE  # a copy knows nothing of it, as docs/plans.md says


def test_what_is_refused_uses_nothing_up(ftctl, specs):
    text = specs.read_text("utf-8")
    specs.write_text(text.replace("team: b", "team: c"), encoding="utf-8")
    assert ftctl("apply", "plan.json").code == Exit.STALE
    assert "used_at" not in Path("plan.json").read_text("utf-8")
    specs.write_text(text, encoding="utf-8")
    assert ftctl("apply", "plan.json").code == Exit.DONE


def test_an_apply_that_is_cut_off_has_used_its_plan(ftctl, specs, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("ftctl.workflow.apply", lambda *_words, **_more: (_ for _ in ()).throw(KeyboardInterrupt))
        assert ftctl("apply", "plan.json").code == Exit.INTERRUPTED
    again = ftctl("apply", "plan.json")
    assert (again.code, "FT3112" in again.err) == (Exit.STALE, True)
    assert ftctl("apply", "--auto-approve").code == Exit.DONE


def test_where_nothing_can_be_written_it_says_so_and_goes_on(ftctl, specs, monkeypatch):
    def refused(*_words, **_more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("ftctl.planfile.shutil.copymode", refused)  # root may write everywhere
    done = ftctl("apply", "plan.json")
    assert done.code == Exit.DONE
    assert "plan.json cannot be marked as applied: see to it that nobody applies it again." in done.err
    assert sorted(path.name for path in Path().iterdir() if path.is_file()) == ["plan.json"]


def test_of_many_that_begin_at_once_one_goes_on(project):
    path = project / "plan.json"
    path.write_text(json.dumps({"kind": "ftctl-plan"}), encoding="utf-8")

    def use(_number):
        try:
            return planfile.use_plan(path, NOW)
        except FtctlError as error:
            return error.problems[0].code

    with ThreadPoolExecutor(16) as pool:
        assert sorted(map(str, pool.map(use, range(64)))) == ["FT3112"] * 63 + ["True"]
    assert json.loads(path.read_text("utf-8")) == {"kind": "ftctl-plan", "used_at": "2026-11-22T09:30:00+00:00"}
    assert [one.name for one in project.iterdir() if one.is_file()] == ["plan.json"]


def test_a_mark_that_was_left_half_way_is_told(ftctl, specs):
    Path("plan.json.applying").touch()
    said = ftctl("apply", "plan.json")
    assert said.code == Exit.STALE
    assert "plan.json.applying is there" in " ".join(said.err.split())
