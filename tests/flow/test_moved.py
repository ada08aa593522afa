"""A name that changes in the spec changes nothing in Azure but, where a thing is found by it, a mark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import count

import pytest

from ftctl.core.changes import Action, Reason
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.model import Address, ChangeClass, Mode
from ftctl.core.steps import Op
from ftctl.local.identity import SUBSCRIPTION_ID

from .conftest import actions, examples, refused
from .ending import assert_converged, patiently
from .test_killed import WAYS, Cut, fresh, killed

__all__ = ["fresh"]
_MARKED = {"tags", "_tags", "systemData", "etag", "description", "updatedOn"}


def rename(lab, section: str, old: str, new: str, *, told: bool = True) -> None:
    """Call a declaration otherwise, wherever it is named; `told` says it with `moved`."""
    kinds = {"resources": "account", "roleAssignments": "roleAssignment"}
    kind = kinds.get(section, section.removesuffix("s"))
    lab.spec[section] = {new if name == old else name: one for name, one in lab.spec[section].items()}
    if kind == "job":
        lab.spec["deployments"]["prod"]["model"]["job"] = new
    if kind == "dataset":
        field = next(name for name, value in lab.spec["jobs"]["tone"].items() if value == old)
        lab.spec["jobs"]["tone"][field] = new
    if told:
        lab.spec.setdefault("moved", []).append({"from": f"{kind}/{old}", "to": f"{kind}/{new}"})


def substance(lab) -> dict[str, list]:
    """All that Azure shows, without the marks and what a write of them alone leaves behind."""
    kinds = ("group", "role_assignment", "file", "job", "deployment")
    found = {kind: sorted((bare(one) for one in lab.stored(kind)), key=lambda one: one["id"]) for kind in kinds}
    with lab.clients() as clients:
        return found | {"account": [bare(one) for one in clients.arm.list_accounts(SUBSCRIPTION_ID)]}


def bare(one: dict) -> dict:
    kept = {key: value for key, value in one.items() if key not in _MARKED and not key.startswith("_")}
    properties = {key: value for key, value in (one.get("properties") or {}).items() if key not in _MARKED}
    return kept | ({"properties": properties} if "properties" in one else {})


@contextmanager
def put_back(lab) -> Iterator[None]:
    """Whatever is done inside, Azure is afterwards as it was before: a lab can be used again."""
    kinds = ("group", "account", "role_assignment", "deployment")
    before = [(kind, one) for kind in kinds for one in deepcopy(lab.stored(kind))]
    spec = deepcopy(lab.spec)
    yield
    for kind, one in before:
        parents = {
            "account": one["id"].partition("/providers/")[0],
            "deployment": one["id"].partition("/deployments/")[0],
        }
        lab.azure.store.put(kind, one["id"], one, parent=parents.get(kind, ""))
    lab.spec = spec


def reads_of(lab) -> int:
    """How many calls a plan makes, after which an apply begins to write."""
    counting = Cut(10**9, WAYS["before"])
    lab.azure.faults.append(counting)
    lab.plan()
    lab.azure.faults.clear()
    return counting.seen


def tags(lab, name: str) -> dict[str, str]:
    (body,) = [one for one in lab.stored("deployment") if one["name"] == name]
    return body.get("tags") or {}


@pytest.mark.parametrize(
    ("section", "old", "new"),
    [
        ("resources", "main", "primary"),
        ("roleAssignments", "engineers", "team"),
        ("datasets", "train", "lessons"),
        ("jobs", "tone", "voice"),
    ],
)
def test_what_is_known_by_more_than_its_name_needs_nothing(lab, section, old, new):
    lab.apply()
    before = lab.writes()
    rename(lab, section, old, new)
    assert lab.plan().empty
    assert lab.apply().outcomes == ()
    assert lab.writes() == before


def test_a_deployment_keeps_the_name_that_applications_call(lab):
    lab.apply()
    before = substance(lab)
    rename(lab, "deployments", "prod", "answers")
    (change,) = lab.plan().pending
    assert (change.action, change.reason, change.change_class) == (Action.UPDATE, Reason.MOVED, ChangeClass.METADATA)
    assert (str(change.address), change.name) == ("deployment/answers", "prod")
    report = lab.apply()
    assert [(one.op, str(one.address)) for one in report.outcomes] == [(Op.MARK, "deployment/answers")]
    assert substance(lab) == before
    assert tags(lab, "prod")["ftctl-name"] == "answers"
    assert lab.plan().empty


def test_the_entry_may_go_once_it_was_applied_and_may_stay(lab):
    lab.apply()
    rename(lab, "deployments", "prod", "answers")
    lab.apply()
    lab.spec["deployments"]["answers"]["capacity"] = 60
    entry = lab.spec.pop("moved")
    (change,) = lab.plan().pending
    assert [(one.path, one.before, one.after) for one in change.fields] == [("capacity", 50, 60)]
    lab.spec["moved"] = entry
    assert lab.apply().exit is Exit.DONE
    assert [(one["name"], one["sku"]["capacity"]) for one in lab.stored("deployment")] == [("prod", 60)]
    assert lab.plan().empty
    assert lab.destroy().exit is Exit.DONE
    assert lab.apply().exit is Exit.DONE  # what it says of is long gone
    assert [one["name"] for one in lab.stored("deployment")] == ["answers"]
    assert lab.plan().empty


def test_without_it_the_new_name_is_another_deployment(lab):
    lab.apply()
    rename(lab, "deployments", "prod", "answers", told=False)
    assert actions(lab.plan()) == {"deployment/answers": "create", "deployment/prod": "delete"}


def test_a_new_name_and_a_new_capacity_at_once(lab):
    lab.apply()
    rename(lab, "deployments", "prod", "answers")
    lab.spec["deployments"]["answers"]["capacity"] = 60
    assert actions(lab.plan()) == {"deployment/answers": "update"}
    assert lab.apply().exit is Exit.DONE
    assert (tags(lab, "prod")["ftctl-name"], len(lab.stored("deployment"))) == ("answers", 1)
    assert lab.plan().empty


def test_a_name_over_several_steps(lab):
    """Whoever applies seldom gets all of them at once."""
    lab.apply()
    rename(lab, "deployments", "prod", "middle")
    rename(lab, "deployments", "middle", "last")
    lab.apply()
    assert tags(lab, "prod")["ftctl-name"] == "last"
    assert lab.plan().empty


def test_a_former_name_may_be_given_to_another_one(lab):
    lab.apply()
    rename(lab, "deployments", "prod", "answers")
    lab.apply()
    del lab.spec["moved"]
    lab.spec["deployments"]["prod"] = {"model": {"name": "gpt-4.1-mini", "version": "2025-04-14"}, "capacity": 5}
    assert actions(lab.plan()) == {"deployment/answers": "create", "deployment/prod": "update"}
    assert patiently(lab) == 1
    assert lab.plan().empty
    assert sorted(one["name"] for one in lab.stored("deployment")) == ["answers", "prod"]


def test_a_job_keeps_its_history(lab):
    """Its next training is explained by the one before, and that is what `keep` counts."""
    lab.apply()
    rename(lab, "jobs", "tone", "voice")
    lab.spec["jobs"]["voice"] |= {"seed": 106, "keep": 0}
    (job,) = lab.plan().trainings
    assert [(one.path, one.before, one.after) for one in job.fields] == [("seed", 105, 106)]
    assert patiently(lab) == 1
    lab.clock.advance(3600)
    told = [change for change in lab.plan().changes if change.reason in {Reason.EXPIRED, Reason.KEPT}]
    assert [str(one.address) for one in told] == ["job/tone"]
    del lab.spec["moved"]
    assert lab.plan().empty
    assert not [change for change in lab.plan().changes if change.reason in {Reason.EXPIRED, Reason.KEPT}]


def test_a_dataset_keeps_its_history(lab):
    lab.apply()
    rename(lab, "datasets", "train", "lessons")
    lab.data("train", examples(14))
    (change,) = [one for one in lab.plan().changes if str(one.address) == "dataset/lessons"]
    assert "`ftctl data diff lessons`" in " ".join(change.because)
    del lab.spec["moved"]
    (change,) = [one for one in lab.plan().changes if str(one.address) == "dataset/lessons"]
    assert "data diff" not in " ".join(change.because)


def test_a_gate_compares_with_what_serves_under_the_former_name(lab):
    improvement = {"metric": "full_valid_loss", "over": "serving"}
    lab.spec["jobs"]["tone"]["gates"] = [{"improvement": improvement}]
    lab.apply()
    lab.clock.advance(3600)
    rename(lab, "deployments", "prod", "answers")
    made = lab.plan()
    assert actions(made) == {"deployment/answers": "update"}
    (gate,) = [one for one in made.changes if one.kind == "gate"]
    assert "it serves already" in " ".join(gate.live.outputs["told"])


@pytest.mark.parametrize("way", WAYS)
def test_a_renaming_that_was_killed_is_finished_by_the_next_apply(fresh, way):
    with fresh() as lab:
        lab.apply()
        before, planning = substance(lab), reads_of(lab)
        for at in count(planning):
            with put_back(lab):
                rename(lab, "deployments", "prod", "answers")
                ended = killed(lab, lab.apply, Cut(at, WAYS[way]))
                assert patiently(lab) == 1
                assert substance(lab) == before, f"killed {way} the work of call {at}"
                assert tags(lab, "prod")["ftctl-name"] == "answers"
                assert_converged(lab)
            if ended:
                break
        assert at > planning + 2


# --- what is wrong with an entry

WRONG = {
    "FT1440": [{"from": "job/old", "to": "job/tune"}],
    "FT1441": [{"from": "deployment/prod", "to": "deployment/answers"}, {"from": "job/x", "to": "deployment/prod"}],
    "FT1442": [{"from": "job/old", "to": "deployment/prod"}],
    "FT1443": [{"from": "job/a", "to": "job/tone"}, {"from": "job/b", "to": "job/tone"}],
    "FT1444": [{"from": "job/a", "to": "job/b"}, {"from": "job/b", "to": "job/a"}],
    "FT1445": [{"from": "gate/old", "to": "gate/prod"}],
    "FT1446": [{"from": "job/a", "to": "job/tone"}, {"from": "job/a", "to": "job/tone"}],
    "FT1447": [{"from": "stack/tone", "to": "stack/voice"}],
}


@pytest.mark.parametrize("code", WRONG)
def test_what_cannot_be_meant_is_refused_with_its_line(lab, code):
    lab.spec["moved"] = WRONG[code]
    with pytest.raises(FtctlError) as caught:
        lab.stack()
    assert caught.value.exit is Exit.DATA
    found = {problem.code: problem for problem in caught.value.problems}
    assert code in found
    lines = (lab.folder / "stack.yaml").read_text("utf-8").split("\n")
    assert lines.index("moved:") < found[code].where.line <= len(lines)
    assert found[code].where.path.endswith("stack.yaml")


def test_a_mistyped_name_is_guessed(lab):
    lab.spec["moved"] = [{"from": "job/old", "to": "job/tune"}]
    with pytest.raises(FtctlError) as caught:
        lab.stack()
    (problem,) = caught.value.problems
    assert 'Did you mean "tone"?' in problem.fix
    assert refused(lab.stack) == ["FT1440"]


def test_an_entry_of_an_unknown_kind_is_guessed(lab):
    lab.spec["moved"] = [{"from": "deploymnt/old", "to": "deployment/prod"}]
    with pytest.raises(FtctlError) as caught:
        lab.stack()
    assert 'Did you mean "deployment"?' in caught.value.problems[0].fix


def test_an_environment_may_say_it_for_itself(lab):
    lab.spec["environments"] = {"prod": {"moved": [{"from": "job/old", "to": "job/tone"}], "removed": []}}
    assert lab.stack().resource(Address("job", "tone")).formerly == ()
    assert lab.plan(Mode.DESTROY).empty
