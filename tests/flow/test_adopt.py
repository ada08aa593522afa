"""`adopt` marks what is there as the stack's, changes nothing else, and takes nothing from anybody."""

from __future__ import annotations

from itertools import count

import pytest

from ftctl import workflow
from ftctl.core.changes import Action, Reason
from ftctl.core.errors import Exit
from ftctl.core.model import Address, ChangeClass, Mode
from ftctl.core.steps import Op
from ftctl.engine.execute import Stop

from .conftest import actions
from .test_killed import WAYS, Cut, fresh, killed
from .test_moved import put_back, reads_of, substance
from .test_removed import marked

__all__ = ["fresh"]
ALL = [
    Address("resourceGroup", "rg-tone"),
    Address("account", "main"),
    Address("roleAssignment", "engineers"),
    Address("deployment", "prod"),
]


def orphaned(lab) -> dict[str, list]:
    """Everything that was applied, and nobody's by now; what it is."""
    lab.apply()
    spec = lab.spec
    lab.spec = {**spec, "azure": {**spec["azure"], "resourceGroup": "rg-tone"}}
    for section in ("resources", "roleAssignments", "datasets", "jobs", "deployments"):
        lab.spec = {key: value for key, value in lab.spec.items() if key != section}
    lab.spec["removed"] = [
        {"from": str(address), "keep": True} for address in (*ALL, Address("roleAssignment", "quota"))
    ]
    assert lab.apply().exit is Exit.DONE
    lab.spec = spec
    return substance(lab)


def adopt(lab, *addresses: Address):
    return lab.apply(Mode.ADOPT, adopt=addresses)


def test_marks_come_and_nothing_else_changes(lab):
    before = orphaned(lab)
    lab.spec["deployments"]["prod"]["capacity"] = 60
    made = lab.plan(Mode.ADOPT, adopt=ALL)
    assert {(one.action, one.reason, one.change_class) for one in made.changes} == {
        (Action.ADOPT, Reason.MARKED, ChangeClass.METADATA)
    }
    assert {change.kind: change.because for change in made.changes}["deployment"] == (
        "it differs in capacity: `ftctl plan` shows that afterwards",
    )
    report = adopt(lab, *ALL)
    assert [(one.op, one.result) for one in report.outcomes] == [(Op.MARK, "done")] * 4
    assert substance(lab) == before
    made = lab.plan(adopt=[Address("roleAssignment", "quota")])
    assert actions(made) == {"roleAssignment/quota": "adopt", "deployment/prod": "update"}
    (change,) = [one for one in made.pending if one.kind == "deployment"]
    assert change.reason is Reason.DIFFERS


def test_what_is_as_declared_needs_nothing_more(lab):
    orphaned(lab)
    adopt(lab, *ALL, Address("roleAssignment", "quota"))
    assert lab.plan().empty
    assert lab.plan(Mode.ADOPT, adopt=ALL).empty
    assert adopt(lab, *ALL).outcomes == ()


def test_only_what_was_asked_for_is_touched(lab):
    orphaned(lab)
    report = adopt(lab, Address("account", "main"))
    assert [str(one.address) for one in report.outcomes] == ["account/main"]
    assert marked(*lab.stored("account")) == "ftctl-stack ftctl-name"
    assert marked(*lab.stored("deployment")) == ""
    assert [problem.code for problem in lab.plan().problems] == ["FT3001"] * 4


def test_a_budget_and_a_failed_recipe_stand_in_nobodys_way(lab):
    """What the stack could not apply otherwise is no question of marks."""
    orphaned(lab)
    lab.spec["jobs"]["tone"]["seed"] = 7
    lab.spec["limits"] = {"maxCost": 0}
    assert "FT3020" in {problem.code for problem in lab.plan(adopt=ALL).problems}
    assert not lab.plan(Mode.ADOPT, adopt=ALL).problems
    assert adopt(lab, *ALL).exit is Exit.DONE


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (Address("job", "tone"), "FT3312"),
        (Address("dataset", "train"), "FT3312"),
        (Address("deployment", "new"), "FT3311"),
    ],
)
def test_what_takes_no_mark_or_is_not_there_is_refused(lab, address, code):
    orphaned(lab)
    lab.spec["deployments"]["new"] = {"model": {"name": "gpt-4.1-mini", "version": "2025-04-14"}}
    made = lab.plan(Mode.ADOPT, adopt=[address])
    assert [(problem.code, problem.subject) for problem in made.problems] == [(code, str(address))]
    assert made.problems[0].where.line
    assert made.fatal


def test_an_account_that_is_only_read_is_not_taken_over(lab):
    orphaned(lab)
    lab.spec["resources"]["main"]["manage"] = "reference"
    (problem,) = lab.plan(Mode.ADOPT, adopt=[Address("account", "main")]).problems
    assert problem.code == "FT3312"


def test_what_is_another_stacks_stays_theirs(lab):
    lab.apply()
    lab.spec["stack"] = "other"
    (problem,) = lab.plan(Mode.ADOPT, adopt=[Address("account", "main")]).problems
    assert (problem.code, "`tone`" in problem.what) == ("FT3001", True)


def test_what_another_stack_has_marked_meanwhile_stays_theirs(lab):
    orphaned(lab)
    stack = lab.stack()
    with lab.clients() as clients:
        made = workflow.plan(stack, clients, clock=lab.clock, mode=Mode.ADOPT, adopt=[Address("deployment", "prod")])
        (body,) = lab.stored("deployment")
        theirs = body | {"tags": {"ftctl-stack": "theirs", "ftctl-name": "prod"}}
        lab.azure.store.put("deployment", body["id"], theirs, parent=body["_account"])
        report = workflow.apply(made, stack, clients, clock=lab.clock, emit=lab.events.append, stop=Stop())
    assert [one.problem.code for one in report.outcomes] == ["FT3310"]
    assert lab.stored("deployment")[0]["tags"]["ftctl-stack"] == "theirs"


def test_an_adoption_that_was_killed_is_finished_by_the_next(fresh):
    with fresh() as lab:
        before = orphaned(lab)
        planning = reads_of(lab)
        for at in count(planning):
            with put_back(lab):
                ended = killed(lab, lambda: adopt(lab, *ALL), Cut(at, WAYS["after" if at % 2 else "before"]))
                assert adopt(lab, *ALL).exit is Exit.DONE
                assert substance(lab) == before
                assert all(marked(one) for kind in ("group", "account", "deployment") for one in lab.stored(kind))
            if ended:
                break
        assert at > planning + 6


def test_taking_over_a_role_keeps_its_condition(lab):
    """`apply --adopt` writes the whole assignment, and what somebody made it depend on is no part of the spec."""
    orphaned(lab)
    condition = {"condition": "@Resource[a] StringEquals 'b'", "conditionVersion": "2.0"}
    for one in lab.stored("role_assignment"):
        doc = one | {"properties": one["properties"] | condition}
        lab.azure.store.put("role_assignment", one["id"], doc, parent=one["properties"]["scope"])
    lab.apply(adopt=[*ALL, Address("roleAssignment", "quota")])
    ours = [found for one in lab.stored("role_assignment") if (found := one["properties"]).get("description")]
    assert len(ours) == len(lab.spec["roleAssignments"])
    assert all(condition.items() <= one.items() for one in ours)
