"""What `ftctl drift` tells apart: what changed behind our back, what is gone, and what a newer spec asks for."""

import pytest

from ftctl.core.drift import drift
from tests.flow.conftest import example, examples


def parted(lab) -> tuple[list[str], list[str], list[str]]:
    found = drift(lab.plan())
    return tuple([str(change.address) for change in part] for part in (found.found, found.asked, found.other))


def set_capacity(lab, capacity: int) -> None:
    (body,) = lab.stored("deployment")
    body["sku"]["capacity"] = capacity
    lab.azure.store.put("deployment", body["id"], body, parent=body["_account"])


def test_after_an_apply_nothing_has_drifted(lab):
    lab.apply()
    assert parted(lab) == ([], [], [])


def test_a_value_changed_by_hand_is_drift(lab):
    lab.apply()
    set_capacity(lab, 10)
    assert parted(lab) == (["deployment/prod"], [], [])


def test_a_newer_spec_is_no_drift(lab):
    lab.apply()
    lab.spec["deployments"]["prod"]["capacity"] = 60
    del lab.spec["roleAssignments"]["quota"]
    assert parted(lab) == ([], ["deployment/prod", "roleAssignment/quota"], [])


def test_new_data_is_no_drift_and_neither_is_what_follows_from_it(lab):
    lab.apply()
    lab.data("train", [*examples(11), example("And the fax?")])
    assert parted(lab) == ([], ["dataset/train", "job/tone"], [])


def test_a_new_recipe_with_the_same_data_is_no_drift(lab):
    lab.apply()
    lab.spec["jobs"]["tone"]["seed"] = 7
    assert parted(lab) == ([], ["job/tone"], [])


def test_what_a_newer_spec_changes_too_is_told_with_the_spec(lab):
    lab.apply()
    set_capacity(lab, 10)
    lab.data("train", examples(13))
    assert parted(lab) == ([], ["dataset/train", "job/tone", "deployment/prod"], [])


def test_drift_elsewhere_stands_beside_a_newer_spec(lab):
    lab.apply()
    set_capacity(lab, 10)
    del lab.spec["roleAssignments"]["quota"]
    assert parted(lab) == (["deployment/prod"], ["roleAssignment/quota"], [])


@pytest.mark.parametrize(("kind", "address"), [("deployment", "deployment/prod"), ("file", "dataset/train")])
def test_what_was_deleted_is_gone(lab, kind, address):
    lab.apply()
    body = next(one for one in lab.stored(kind) if "train" in one.get("filename", "train"))
    lab.azure.store.delete(kind, body["id"])
    assert parted(lab) == ([address], [], [])


def test_an_idle_deployment_is_gone_and_its_cause_is_told(lab):
    lab.apply()
    lab.clock.advance(16 * 24 * 3600)
    assert parted(lab)[0] == ["deployment/prod"]
