"""How many jobs an account takes and runs at once is told before anything is trained."""

from __future__ import annotations

import pytest

from ftctl.core.changes import Action
from ftctl.core.errors import Exit
from ftctl.core.model import Finding, Outlook, Standing
from ftctl.kinds.joblimits import Limit, Place, Room, added
from ftctl.local import account_body
from ftctl.render.look import Look
from ftctl.render.text import plan_text

from .conftest import refused


def declare(lab, number: int) -> None:
    """So many jobs, which differ in their seeds alone."""
    first = next(iter(lab.spec["jobs"].values()))
    lab.spec["jobs"] = {f"tone{seed}": {**first, "seed": seed} for seed in range(number)}
    lab.spec["deployments"] = {}


def findings(plan, check: str) -> list[Finding]:
    return [one for change in plan.changes if change.kind == "job" for one in change.findings if one.check == check]


def standings(plan, check: str) -> list[Standing]:
    return [one.standing for one in findings(plan, check)]


def test_a_new_account_is_measured_by_the_documentation_and_an_old_one_by_its_own_word(lab):
    (new,) = findings(lab.plan(), "jobs")
    assert (new.standing, new.what) == (Standing.PASS, "it is job 1 of 100 that the account takes")
    assert "documentation" in new.basis
    lab.apply()
    lab.spec["jobs"]["tone"]["seed"] = 106
    (old,) = findings(lab.plan(), "jobs")
    assert (old.standing, old.what) == (Standing.PASS, "it is job 2 of 500 that the account takes")
    assert old.basis == "the account's own word"


def test_what_cannot_run_at_once_is_said_to_queue(lab):
    declare(lab, 5)
    made = lab.plan()
    assert standings(made, "queue") == [Standing.PASS] * 3 + [Standing.WARN] * 2
    told = " ".join(plan_text(made, Look()).split())
    assert ": 2 will queue: 3 jobs with globalStandard run at once, and 5 are planned" in told
    assert not made.problems


def test_a_sweep_that_waits_for_its_own_places_does_not_queue(lab):
    job = lab.spec["jobs"]["tone"]
    job |= {"matrix": {"seed": [1, 2, 3, 4, 5]}, "pick": {"metric": "full_valid_loss"}}
    del job["seed"]
    assert standings(lab.plan(), "queue") == [Standing.PASS] * 3 + [Standing.WARN] * 2
    job["maxParallel"] = 3
    assert standings(lab.plan(), "queue") == [Standing.PASS] * 5


def test_those_under_way_count_and_those_of_another_type_do_not(lab):
    lab.apply(wait=60.0)
    while not lab.stored("job"):
        lab.apply(wait=15.0)
    declare(lab, 4)
    lab.spec["jobs"]["tone3"]["trainingType"] = "standard"
    (late,) = [one for one in findings(lab.plan(), "queue") if one.standing is Standing.WARN]
    assert late.what == "1 will queue: 3 jobs with globalStandard run at once, and 3 are planned beside the 1 under way"


def test_a_recipe_counts_once_and_what_goes_on_from_another_runs_after_it(lab):
    declare(lab, 3)
    lab.spec["jobs"]["same"] = dict(lab.spec["jobs"]["tone0"])
    lab.spec["jobs"]["more"] = {**lab.spec["jobs"]["tone0"], "model": {"job": "tone0"}}
    assert Standing.WARN not in standings(lab.plan(), "queue")


def test_a_queue_that_is_full_blocks(lab):
    declare(lab, 24)
    made = lab.plan()
    (problem,) = made.problems
    assert (problem.code, problem.subject or "job/tone23") == ("FT3242", "job/tone23")
    assert "number 21 in a queue of 20" in problem.what
    assert problem.where.line
    assert refused(lab.apply) == ["FT3242"]
    declare(lab, 23)
    assert not lab.plan().problems


@pytest.mark.parametrize(("most", "standing"), [("3", Standing.PASS), ("2", Standing.WARN), ("1", Standing.FAIL)])
def test_an_account_that_is_full_blocks(lab, monkeypatch, most, standing):
    monkeypatch.setitem(account_body._CAPABILITIES, "MaxFineTuneCount", most)
    lab.apply()
    lab.spec["jobs"]["tone"]["seed"] = 106
    assert standings(lab.plan(), "jobs") == [standing]
    if standing is Standing.FAIL:
        assert refused(lab.apply) == ["FT3242"]
        assert len(lab.jobs()) == 1
    else:
        assert lab.apply().exit is Exit.DONE


def test_the_documented_number_is_contested_and_blocks_nothing(lab):
    (job,) = [one for one in lab.stack().resources if one.address.kind == "job"]
    documented = Limit(100, "the documentation")
    room = Room(documented, {"globalStandard": Limit(3, "the documentation")}, count=100)
    found = added(Outlook(), job, Place(room, 1, 1, 1))
    assert found.problem is None
    assert [one.standing for one in found.findings] == [Standing.WARN, Standing.PASS]


def test_what_nobody_could_look_at_is_unverified(lab):
    (job,) = [one for one in lab.stack().resources if one.address.kind == "job"]
    (found,) = added(Outlook(), job, Place(None, 1, 1, 1)).findings
    assert found.standing is Standing.UNVERIFIED


def test_nothing_is_asked_where_nothing_is_trained(lab):
    lab.apply()
    assert all(change.action is Action.NOOP and not change.findings for change in lab.plan().changes)
