"""The labs' real training files: applied, changed by a line, taken back, destroyed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ftctl.core.changes import Mode
from ftctl.core.errors import Exit
from ftctl.core.model import ChangeClass

from .conftest import actions, example
from .ending import assert_converged

DATA = Path(__file__).parents[3] / "shared" / "azure" / "datasets"
SMOKE = {"gsm8k": "What is 7 times 8?", "toolcall": "Track my order 5, please."}

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the labs' data files are not beside the project ({DATA.name})"),
]


@pytest.mark.parametrize("name", SMOKE)
def test_a_lab_is_applied_changed_reverted_and_destroyed(lab, name):
    for half, role in (("train", "train"), ("validation", "valid")):
        shutil.copyfile(DATA / f"sft_{name}_{half}.jsonl", lab.folder / f"{role}.jsonl")
    train = lab.folder / "train.jsonl"
    before = train.read_bytes()
    lab.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": 1}
    lab.spec["deployments"]["prod"]["smokeTest"] = {"user": SMOKE[name]}
    report = lab.apply()
    assert report.exit is Exit.DONE
    assert any(outcome.answers for outcome in report.outcomes)
    assert_converged(lab)
    first = lab.served_model()

    extra = lab.folder / "extra.jsonl"
    lab.data("extra", [example("One more?")])
    train.write_bytes(before.rstrip(b"\n") + b"\n" + extra.read_bytes())
    changed = lab.plan()
    assert actions(changed) == {"dataset/train": "create", "job/tone": "create", "deployment/prod": "update"}
    assert max(list(ChangeClass).index(change.change_class) for change in changed.pending) == list(ChangeClass).index(
        ChangeClass.TRAIN
    )
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() != first
    assert lab.plan().empty

    train.write_bytes(before)
    assert actions(lab.plan()) == {"deployment/prod": "update"}
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() == first
    assert len(lab.stored("job")) == 2
    assert_converged(lab)

    assert lab.destroy().exit is Exit.DONE
    assert lab.plan(Mode.DESTROY).empty
    assert lab.stored("job") == lab.stored("file") == lab.stored("deployment") == []
