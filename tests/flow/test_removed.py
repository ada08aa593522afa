"""What was taken out of the spec and is to stay in Azure: its marks go, and nobody's plan touches it again."""

from __future__ import annotations

from itertools import count

import pytest

from ftctl.core.changes import Action, Reason
from ftctl.core.errors import Exit
from ftctl.core.model import Address, ChangeClass, Mode
from ftctl.core.steps import Op
from ftctl.kinds import kinds

from .conftest import actions, refused
from .ending import patiently, status
from .test_killed import WAYS, Cut, fresh, killed
from .test_moved import put_back, reads_of, substance

__all__ = ["fresh"]
SECTIONS = {"account": "resources", "roleAssignment": "roleAssignments"}


def remove(lab, *addresses: str, keep: bool = True) -> None:
    """Take declarations out, and say what becomes of them."""
    for address in addresses:
        kind, _, name = address.partition("/")
        lab.spec[SECTIONS.get(kind, f"{kind}s")].pop(name)
        lab.spec.setdefault("removed", []).append({"from": address, "keep": keep})


def owned(lab) -> set[str]:
    """The ids of everything that carries the stack's mark in Azure, whatever the spec says."""
    with lab.clients() as clients:
        from ftctl import workflow  # noqa: PLC0415  beside the clients

        seen = workflow.observe(lab.stack(), clients).lives
    return {live.id for live in seen if live.owner == "tone"}


def marked(one: dict) -> str:
    return " ".join(key for key in one.get("tags") or one.get("_tags") or {} if key.startswith("ftctl"))


def test_a_deployment_that_serves_stays_and_is_nobodys(lab):
    lab.apply()
    before = substance(lab)
    remove(lab, "deployment/prod")
    (change,) = lab.plan().pending
    assert (change.action, change.reason) == (Action.FORGET, Reason.FORGOTTEN)
    assert (change.change_class, change.live.name) == (ChangeClass.METADATA, "prod")
    report = lab.apply()
    assert [(one.op, str(one.address)) for one in report.outcomes] == [(Op.FORGET, "deployment/prod")]
    assert substance(lab) == before
    assert marked(*lab.stored("deployment")) == ""
    assert lab.plan().empty
    del lab.spec["removed"]
    assert lab.plan().empty
    report = lab.destroy()
    problems = {str(one.address): one.problem.code for one in report.outcomes if one.problem}
    assert problems == {"job/tone": "FT2119"}  # nor does Azure delete the model that it serves
    assert substance(lab)["deployment"] == before["deployment"]


def test_without_it_the_same_is_deleted(lab):
    lab.apply()
    remove(lab, "deployment/prod", keep=False)
    assert actions(lab.plan()) == {"deployment/prod": "delete"}
    assert lab.apply().exit is Exit.DONE
    assert lab.stored("deployment") == []
    assert lab.plan().empty


def test_what_users_wrote_into_the_tags_stays(lab):
    lab.apply()
    (body,) = lab.stored("deployment")
    lab.azure.store.put(
        "deployment", body["id"], body | {"tags": body["tags"] | {"team": "voice"}}, parent=body["_account"]
    )
    remove(lab, "deployment/prod")
    lab.apply()
    assert lab.stored("deployment")[0]["tags"] == {"team": "voice"}


def test_everything_can_be_forgotten_with_what_holds_it(lab):
    lab.spec["resources"]["main"]["protect"] = True
    lab.apply()
    before = substance(lab)
    lab.spec["azure"]["resourceGroup"] = "rg-tone"
    for section in ("resources", "roleAssignments", "datasets", "jobs", "deployments"):
        kind = {found: kind for kind, found in SECTIONS.items()}.get(section, section.removesuffix("s"))
        for name in lab.spec.pop(section):
            lab.spec.setdefault("removed", []).append({"from": f"{kind}/{name}", "keep": True})
    lab.spec["removed"].append({"from": "resourceGroup/rg-tone", "keep": True})
    made = lab.plan()
    assert not made.problems  # `protect` is about deleting
    forgotten = {at for at, action in actions(made).items() if action == "forget"}
    assert forgotten == set(actions(made))
    assert forgotten == {
        "deployment/prod",
        "roleAssignment/engineers",
        "roleAssignment/quota",
        "account/main",
        "resourceGroup/rg-tone",
    }
    assert [one.op for one in lab.apply().outcomes] == [Op.FORGET] * 5
    assert substance(lab) == before
    assert not any(marked(one) for kind in ("group", "account", "deployment") for one in lab.stored(kind))
    assert lab.plan().empty
    assert lab.plan(Mode.DESTROY).empty


def test_files_and_jobs_stay_as_long_as_it_says_so(lab):
    lab.apply()
    remove(lab, "deployment/prod", "job/tone", "dataset/train", "dataset/valid")
    assert actions(lab.plan()) == {"deployment/prod": "forget"}
    lab.apply()
    made = lab.plan(Mode.DESTROY)
    kept = {str(one.address): one for one in made.noted}
    assert set(kept) == {"job/tone", "dataset/train", "dataset/valid"}
    assert {one.reason for one in kept.values()} == {Reason.LEFT}
    assert "carries the stack's mark" in kept["job/tone"].because[0]
    del lab.spec["removed"]
    assert {"job/tone", "dataset/train"} <= set(actions(lab.plan(Mode.DESTROY)))


def test_a_training_under_way_goes_on_to_its_end(lab):
    lab.apply(trainings=False)
    remove(lab, "deployment/prod", "job/tone")
    (note,) = lab.plan().noted
    assert (str(note.address), note.action, note.reason) == ("job/tone", Action.NOOP, Reason.LEFT)
    lab.apply()
    lab.clock.advance(36_000)
    assert [status(lab, job) for job in lab.stored("job")] == ["succeeded"]
    assert lab.plan().empty


def test_a_superseded_one_is_cancelled_without_it(lab):
    lab.apply(trainings=False)
    remove(lab, "deployment/prod", "job/tone", keep=False)
    assert actions(lab.plan()) == {"job/tone": "delete"}


def test_an_account_may_be_forgotten_and_go_on_to_be_used(lab):
    lab.apply()
    before = substance(lab)
    lab.spec["resources"]["main"]["manage"] = "reference"
    lab.spec["removed"] = [{"from": "account/main", "keep": True}]
    assert actions(lab.plan()) == {"account/main": "forget"}
    assert lab.apply().exit is Exit.DONE
    assert substance(lab) == before
    assert lab.plan().empty
    assert "account/main" not in actions(lab.plan(Mode.DESTROY))
    assert "deployment/prod" in actions(lab.plan(Mode.DESTROY))


def test_a_destroy_before_any_apply_keeps_it_too(lab):
    lab.apply()
    remove(lab, "deployment/prod")
    made = lab.plan(Mode.DESTROY)
    assert actions(made)["deployment/prod"] == "forget"
    lab.destroy()
    assert [marked(one) for one in lab.stored("deployment")] == [""]


def test_what_was_renamed_before_is_known_by_its_former_mark(lab):
    """A role assignment's mark tells the name that it had when it was made."""
    lab.apply()
    lab.spec["roleAssignments"]["team"] = lab.spec["roleAssignments"].pop("engineers")
    lab.spec["moved"] = [{"from": "roleAssignment/engineers", "to": "roleAssignment/team"}]
    remove(lab, "roleAssignment/team")
    assert actions(lab.plan()) == {"roleAssignment/engineers": "forget"}
    assert lab.apply().exit is Exit.DONE
    assert lab.plan().empty


def test_a_condition_of_a_role_assignment_survives(lab):
    lab.apply()
    one = next(
        one for one in lab.stored("role_assignment") if one["properties"]["description"] == "ftctl: tone/engineers"
    )
    condition = {"condition": "@Resource[x] StringEquals 'y'", "conditionVersion": "2.0"}
    changed = one | {"properties": one["properties"] | condition}
    lab.azure.store.put("role_assignment", one["id"], changed, parent=one.get("_scope", ""))
    remove(lab, "roleAssignment/engineers")
    lab.apply()
    (after,) = [found for found in lab.stored("role_assignment") if found["id"] == one["id"]]
    assert after["properties"]["condition"] == condition["condition"]
    assert not after["properties"]["description"]


def test_what_another_stack_took_meanwhile_is_left_alone(lab):
    lab.apply()
    remove(lab, "deployment/prod")
    stack = lab.stack()
    with lab.clients() as clients:
        from ftctl import workflow  # noqa: PLC0415  beside the clients
        from ftctl.engine.execute import Stop  # noqa: PLC0415  the same

        made = workflow.plan(stack, clients, clock=lab.clock)
        (body,) = lab.stored("deployment")
        theirs = body | {"tags": {"ftctl-stack": "theirs", "ftctl-name": "prod"}}
        lab.azure.store.put("deployment", body["id"], theirs, parent=body["_account"])
        report = workflow.apply(made, stack, clients, clock=lab.clock, emit=lab.events.append, stop=Stop())
    assert report.exit is Exit.DONE
    assert lab.stored("deployment")[0]["tags"]["ftctl-stack"] == "theirs"


@pytest.mark.parametrize("way", WAYS)
def test_a_forgetting_that_was_killed_is_finished_by_the_next_apply(fresh, way):
    with fresh() as lab:
        lab.apply()
        before, planning = substance(lab), reads_of(lab)
        for at in count(planning - 6):  # of an account that is not declared less is looked at
            with put_back(lab):
                lab.spec["azure"]["resourceGroup"] = "rg-tone"
                lab.spec["jobs"], lab.spec["datasets"] = {}, {}
                remove(lab, "deployment/prod", "roleAssignment/engineers", "account/main")
                lab.spec["removed"].append({"from": "resourceGroup/rg-tone", "keep": True})
                ended = killed(lab, lab.apply, Cut(at, WAYS[way]))
                assert patiently(lab) == 1
                assert substance(lab) == before, f"killed {way} the work of call {at}"
                assert not any(marked(one) for kind in ("group", "account", "deployment") for one in lab.stored(kind))
            if ended:
                break
        assert at > planning + 6


# --- what is wrong with an entry


@pytest.mark.parametrize(
    ("entries", "codes"),
    [
        ([{"from": "deployment/prod", "keep": True}], ["FT1441"]),
        ([{"from": "deployment/old", "keep": True}] * 2, ["FT1446"]),
        ([{"from": "gate/prod", "keep": True}], ["FT1445"]),
        ([{"from": "stack/tone", "keep": True}], ["FT1447"]),
    ],
)
def test_what_cannot_be_meant_is_refused(lab, entries, codes):
    lab.spec["removed"] = entries
    assert refused(lab.stack) == codes


def test_one_that_was_never_there_is_fine(lab):
    lab.apply()
    lab.spec["removed"] = [{"from": "deployment/never", "keep": True}, {"from": "account/former", "keep": False}]
    assert lab.plan().empty


def test_every_kind_that_has_marks_of_its_own_can_lose_them():
    markable = {name for name, kind in kinds().items() if kind.markable}
    assert markable == {"resourceGroup", "account", "roleAssignment", "deployment"}
    assert Address("job", "x").kind not in markable
