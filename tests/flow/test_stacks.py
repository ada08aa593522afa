"""Several stacks beside each other: one reads what another owns, environments of one file, and things of others."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ftctl import workflow
from ftctl.core.changes import Mode, Reason
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.model import Address
from ftctl.engine.execute import Stop

from .conftest import actions

EXAMPLE = Path(__file__).parents[2] / "examples" / "two-stacks"


class Team:
    """A stack of a folder of them, on the lab's Azure."""

    def __init__(self, lab, path: Path, name: str, **options) -> None:
        self.lab, self.request, self.name = lab, workflow.Request((path,), **options), name

    def stack(self):
        return next(stack for stack in workflow.load(self.request) if stack.name == self.name)

    def plan(self, mode=Mode.NORMAL):
        with self.lab.clients() as clients:
            return workflow.plan(self.stack(), clients, clock=self.lab.clock, mode=mode)

    def apply(self, mode=Mode.NORMAL):
        with self.lab.clients() as clients:
            stack = self.stack()
            made = workflow.plan(stack, clients, clock=self.lab.clock, mode=mode)
            clock, emit = self.lab.clock, self.lab.events.append
            return workflow.apply(made, stack, clients, clock=clock, emit=emit, stop=Stop())


@pytest.fixture
def platform(lab):
    return Team(lab, EXAMPLE, "platform")


@pytest.fixture
def returns(lab):
    return Team(lab, EXAMPLE, "returns")


def test_a_stack_on_an_account_that_is_not_there_yet_is_blocked(returns):
    plan = returns.plan()
    (problem,) = plan.problems
    assert (problem.code, FtctlError(problem).exit) == ("FT3003", Exit.BLOCKED)
    assert problem.where.path.endswith("returns.yaml")
    with pytest.raises(FtctlError):
        returns.apply()


def test_two_stacks_share_an_account_and_each_has_its_own(lab, platform, returns):
    assert platform.apply().exit is Exit.DONE
    lab.clock.advance(600)
    assert set(actions(returns.plan())) == {"dataset/returns", "job/returns", "deployment/returns"}
    assert returns.apply().exit is Exit.DONE
    for team in (platform, returns):
        assert team.plan().empty
    referenced = next(change for change in returns.plan().changes if change.kind == "account")
    assert referenced.reason is Reason.REFERENCED


def test_destroying_the_guest_leaves_the_host_alone(lab, platform, returns):
    platform.apply()
    returns.apply()
    assert returns.apply(Mode.DESTROY).exit is Exit.DONE
    for kind in ("deployment", "job", "file"):
        assert lab.stored(kind) == [], kind
    assert platform.plan().empty
    assert len(lab.stored("account")) == 1


def test_destroying_the_host_deletes_nothing_of_the_guest(lab, platform, returns):
    platform.apply()
    returns.apply()
    report = platform.apply(Mode.DESTROY)
    problems = {str(outcome.address): outcome.problem.code for outcome in report.outcomes if outcome.problem}
    assert problems == {"account/shared": "FT2107"}
    assert returns.plan(Mode.DESTROY).empty is False
    for kind in ("account", "deployment", "job", "group"):
        assert len(lab.stored(kind)) == 1, kind
    assert platform.apply().exit is Exit.DONE  # its role assignments come back
    assert returns.plan().empty


def test_a_group_that_holds_something_of_others_stays(lab):
    lab.apply()
    guest = Team(lab, second_account(lab), "guest")
    guest.apply()
    report = lab.destroy()
    (problem,) = [outcome.problem for outcome in report.outcomes if outcome.problem]
    assert (problem.code, problem.subject) == ("FT3209", "resourceGroup/rg-tone")
    assert "aoai-guest" in problem.what
    assert [one["name"] for one in lab.stored("account")] == ["aoai-guest"]
    assert guest.plan().empty


def second_account(lab) -> Path:
    """Another stack in the same resource group, which it did not make."""
    spec = {
        "apiVersion": "ftctl/v1",
        "stack": "guest",
        "azure": {**lab.spec["azure"], "resourceGroup": "rg-tone"},
        "resources": {"own": {"name": "aoai-guest", "location": "swedencentral"}},
    }
    path = lab.folder / "guest.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return path


def test_taking_over_what_another_stack_owns_is_refused_even_when_asked(lab, platform):
    platform.apply()
    lab.spec["azure"]["resourceGroup"] = "rg-shared-ai"
    lab.spec["resources"]["main"]["name"] = "aoai-shared"
    refusals = {p.subject or p.what.split()[0]: p for p in lab.plan(adopt=[Address("account", "main")]).problems}
    assert (refusals["account/main"].code, "`platform`" in refusals["account/main"].what) == ("FT3001", True)


ENVIRONMENTS = {
    "prod": {
        "stack": "tone-prod",
        "resources": {"main": {"name": "aoai-tone-prod"}},
        "azure": {"resourceGroup": {"name": "rg-tone-prod"}},
        "variables": {"capacity": 80},
    }
}


def test_environments_of_one_file_live_side_by_side(lab):
    lab.spec["variables"] = {"capacity": 20}
    lab.spec["deployments"]["prod"]["capacity"] = "${capacity}"
    lab.spec["environments"] = ENVIRONMENTS
    del lab.spec["roleAssignments"]["quota"]  # what is on the subscription can have one owner only
    lab.apply()
    path = lab.folder / "stack.yaml"
    prod = Team(lab, path, "tone-prod", environment="prod")
    assert {change.action for change in prod.plan().changes} == {"create"}
    assert prod.apply().exit is Exit.DONE
    assert prod.plan().empty
    assert lab.plan().empty
    assert sorted(one["sku"]["capacity"] for one in lab.stored("deployment")) == [20, 80]
    bigger = Team(lab, path, "tone-prod", environment="prod", variables={"capacity": "90"})
    (change,) = bigger.plan().pending
    assert [(field.path, field.before, field.after) for field in change.fields] == [("capacity", 80, 90)]
    assert prod.apply(Mode.DESTROY).exit is Exit.DONE
    assert lab.plan().empty


def test_a_principal_that_nobody_knows_is_bad_data(lab):
    lab.spec["roleAssignments"]["engineers"]["principal"] = {"group": "ml-enginers"}
    lab.spec["roleAssignments"]["quota"]["principal"] = {"user": "nobody@local.example"}
    with pytest.raises(FtctlError) as refused:
        lab.plan()
    assert refused.value.exit is Exit.DATA
    told = {problem.where.line: problem for problem in refused.value.problems}
    assert [problem.code for problem in told.values()] == ["FT3210", "FT3210"]
    assert {
        name for problem in told.values() for name in ("ml-enginers", "nobody@local.example") if name in problem.what
    }


def test_an_account_is_read_only_where_it_is_referenced(lab):
    lab.spec["resources"]["main"]["manage"] = "reference"
    lab.spec["azure"]["resourceGroup"] = "rg-tone"
    plan = lab.plan()
    assert [problem.code for problem in plan.problems] == ["FT3003"]
    (blocked,) = [change for change in plan.changes if change.action == "blocked"]
    assert blocked.address == Address("account", "main")
    assert set(actions(plan)) - {"account/main"} == {
        "roleAssignment/engineers",
        "roleAssignment/quota",
        "dataset/train",
        "dataset/valid",
        "job/tone",
        "deployment/prod",
    }


@pytest.mark.parametrize("kind", ["group", "account", "deployment"])
def test_what_somebody_made_since_the_plan_is_not_overwritten(lab, kind):
    """The plan found the name free; a PUT now would take over what is not ours."""
    lab.apply()
    (body,) = lab.stored(kind)
    parent = {
        "deployment": body["id"].rpartition("/deployments/")[0],
        "account": body["id"].partition("/providers/")[0],
    }
    if kind == "group":
        lab.destroy()
    lab.azure.store.delete(kind, body["id"])
    with lab.clients() as clients:
        stack = lab.stack()
        made = workflow.plan(stack, clients, clock=lab.clock)
        tags = "_tags" if kind == "group" else "tags"
        theirs = body | {tags: {"ftctl-stack": "theirs"}}
        lab.azure.store.put(kind, body["id"], theirs, parent=parent.get(kind, ""))
        report = workflow.apply(made, stack, clients, clock=lab.clock, emit=lab.events.append, stop=Stop())
    assert "FT3001" in {outcome.problem.code for outcome in report.outcomes if outcome.problem}
    assert lab.azure.store.get(kind, body["id"])[tags] == {"ftctl-stack": "theirs"}
