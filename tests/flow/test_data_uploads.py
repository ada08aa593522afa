"""Data on its way into an account through the whole flow: once, whole, as it was reviewed, whatever happens."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy

import pytest

from ftctl.clients.uploads import BOM, Sizes
from ftctl.core.changes import Action, Reason
from ftctl.core.errors import Exit
from ftctl.core.model import Address, Mode, Standing
from ftctl.kinds import sending, transfer
from ftctl.local import account_body
from ftctl.local.azure import Fault, Settings

from .conftest import actions, example, examples, refused
from .ending import assert_converged, patiently

TRAIN = Address("dataset", "train")
PART = 70_000
UPLOAD, BEGIN, ADD, COMPLETE = "files.upload", "uploads.begin", "uploads.add_part", "uploads.complete"


@pytest.fixture(autouse=True)
def only_data(lab):
    """Jobs and deployments are not what is tried here."""
    lab.spec["jobs"], lab.spec["deployments"] = {}, {}
    lab.spec["datasets"] = {"train": {"path": "train.jsonl"}}


@pytest.fixture
def parted(lab, monkeypatch):
    """A file of three parts: what is large begins at 100 kB here."""
    monkeypatch.setattr(sending, "SIZES", Sizes(whole=100_000, part=PART))
    lab.data("train", [example(f"What about case {n}? {'It goes on. ' * 60}") for n in range(200)])
    assert 2 * PART < len(content(lab)) < 3 * PART


def content(lab, name: str = "train") -> bytes:
    return (lab.folder / f"{name}.jsonl").read_bytes()


def uploaded(lab) -> list[bytes]:
    """What Azure has of the files."""
    return [(lab.azure.blobs / "files" / file["id"]).read_bytes() for file in lab.stored("file")]


def calls(lab, *routes: str) -> list[str]:
    return [call.route for call in lab.azure.calls if call.route in routes]


class Once:
    """A fault at the `nth` call of a route, and `also` what else happens then."""

    def __init__(self, lab, route: str, fault: Fault | None, nth: int = 1, also=lambda: None) -> None:
        self.route, self.fault, self.nth, self.also = route, fault, nth, also
        self.seen = 0
        lab.azure.faults.append(self)

    def __call__(self, _request, route):
        self.seen += route.name == self.route
        if route.name != self.route or self.seen != self.nth:
            return None
        self.also()
        return self.fault


class Dead:
    """From the `nth` call of a route on, nothing is answered any more: the one who applies has been killed."""

    def __init__(self, lab, route: str, nth: int, fault: Fault) -> None:
        self.route, self.nth, self.fault = route, nth, fault
        self.seen = 0
        lab.azure.faults.append(self)

    def __call__(self, _request, route):
        self.seen += route.name == self.route
        return self.fault if self.seen >= self.nth else None


# --- once and whole


def test_a_large_file_goes_up_in_parts(lab, parted):
    assert lab.apply().exit is Exit.DONE
    assert calls(lab, UPLOAD, BEGIN, ADD, COMPLETE) == [BEGIN, ADD, ADD, ADD, COMPLETE]
    assert uploaded(lab) == [content(lab)]
    assert_converged(lab)


WAYS = {
    "lost before": Fault("lose"),
    "lost after": Fault("lose", after=True),
    "cut": Fault("cut", after=True),
    "reset": Fault("reset"),
    "500 before": Fault(),
    "500 after": Fault(after=True),
    "503 before": Fault(status=503, code="serviceUnavailable"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("route", "nth"), [(BEGIN, 1), (ADD, 2), (COMPLETE, 1)])
def test_a_broken_upload_goes_on_where_it_was(lab, parted, way, route, nth):
    once = Once(lab, route, WAYS[way], nth)
    assert lab.apply().exit is Exit.DONE
    assert once.seen >= nth
    assert uploaded(lab) == [content(lab)]
    whole = calls(lab, ADD).count(ADD)
    assert whole == (4 if route == ADD else 3)
    assert_converged(lab)


@pytest.mark.parametrize("way", WAYS)
def test_an_upload_in_one_request_is_made_once(lab, way):
    once = Once(lab, UPLOAD, WAYS[way])
    assert lab.apply().exit is Exit.DONE
    assert once.seen == (1 if WAYS[way].after else 2)
    assert uploaded(lab) == [content(lab)]
    assert_converged(lab)


@pytest.mark.parametrize(("route", "nth"), [(BEGIN, 1), (ADD, 1), (ADD, 2), (ADD, 3), (COMPLETE, 1)])
@pytest.mark.parametrize("after", [False, True])
def test_killed_anywhere_in_an_upload_the_next_apply_leaves_one_file(lab, parted, route, nth, after):
    Dead(lab, route, nth, Fault("lose", after=after))
    assert lab.apply().exit is not Exit.DONE
    lab.azure.faults.clear()
    assert patiently(lab) == 1
    assert uploaded(lab) == [content(lab)]
    assert_converged(lab)


def test_an_upload_that_cannot_go_on_is_cancelled(lab, parted):
    lab.azure.faults.append(lambda _request, route: Fault() if route.name == ADD else None)
    report = lab.apply()
    (failed,) = [outcome for outcome in report.outcomes if outcome.problem]
    assert (failed.address, failed.problem.code) == (TRAIN, "FT2026")
    (upload,) = lab.stored("upload")
    assert upload["status"] == "cancelled"
    assert len(calls(lab, ADD)) == 5


def test_what_a_killed_upload_left_is_gone_with_its_time(lab, parted):
    Dead(lab, ADD, 3, Fault("lose"))
    lab.apply()
    lab.azure.faults.clear()
    parts = lab.azure.blobs / "uploads"
    assert len(list(parts.rglob("uplprt-*"))) == 2
    lab.clock.advance(2 * 3600)
    assert lab.apply().exit is Exit.DONE
    assert list(parts.rglob("uplprt-*")) == []


# --- as it was reviewed


@pytest.mark.parametrize(
    ("bom", "on_disk", "sent"),
    [
        ("keep", BOM, BOM),
        ("keep", b"", b""),
        ("add", b"", BOM),
        ("add", BOM, BOM),
        ("strip", BOM, b""),
        ("strip", b"", b""),
    ],
)
def test_the_byte_order_mark_is_as_declared(lab, bom, on_disk, sent):
    rows = content(lab)
    (lab.folder / "train.jsonl").write_bytes(on_disk + rows)
    lab.spec["datasets"]["train"]["bom"] = bom
    assert lab.apply().exit is Exit.DONE
    assert uploaded(lab) == [sent + rows]
    assert content(lab) == on_disk + rows
    (file,) = lab.stored("file")
    assert hashlib.sha256(sent + rows).hexdigest() in file["filename"]
    assert_converged(lab)


@pytest.mark.parametrize("nth", [1, 2])
def test_a_file_that_changes_while_it_goes_up_is_not_kept(lab, parted, nth):
    def change():
        path = lab.folder / "train.jsonl"
        path.write_bytes(content(lab).replace(b"case 199", b"case 991"))

    Once(lab, ADD, None, nth, also=change)
    report = lab.apply()
    (failed,) = [outcome for outcome in report.outcomes if outcome.problem]
    assert failed.problem.code == "FT3206"
    assert failed.problem.where == lab.stack().resource(TRAIN).place("path")
    assert lab.stored("file") == []
    assert lab.stored("upload")[0]["status"] == "cancelled"
    assert lab.apply().exit is Exit.DONE
    assert uploaded(lab) == [content(lab)]


def test_a_file_that_changed_after_the_plan_is_not_kept_either(lab):
    """In one request too, of which the service then never gets the end."""
    lab.data("train", [example(f"What about case {n}? {'It goes on. ' * 60}") for n in range(200)])

    def change():
        (lab.folder / "train.jsonl").write_bytes(content(lab).replace(b"case 199", b"case 991"))

    Once(lab, "files.list_all", None, 1, also=change)  # the look before the upload, as the account is new
    report = lab.apply()
    assert [outcome.problem.code for outcome in report.outcomes if outcome.problem] == ["FT3206"]
    assert lab.stored("file") == []


def test_a_line_that_the_service_refuses_is_shown_in_the_local_file(lab):
    lab.apply()
    lab.data("train", examples(20, "scanner"))
    refusing(lab, "Line 12 has no messages.")
    report = lab.apply()
    (failed,) = [outcome for outcome in report.outcomes if outcome.problem]
    assert failed.problem.code == "FT3202"
    assert "Line 12" in failed.problem.what
    assert (failed.problem.where.path.rpartition("/")[2], failed.problem.where.line) == ("train.jsonl", 12)
    assert refused(lab.apply) == ["FT3004"]


def test_the_next_run_knows_the_line_too(lab):
    refusing(lab, "Something is odd in line 3.")
    lab.azure.settings = Settings(pace=1)
    assert lab.apply(wait=0.0).exit is Exit.PENDING
    (problem,) = [outcome.problem for outcome in lab.apply().outcomes if outcome.problem]
    assert problem.where.line == 3


def refusing(lab, why: str) -> None:
    """Let the service find fault with the next files."""

    def spoil(_request, _route):
        for file in lab.stored("file"):
            if "_spoilt" not in file:
                spoilt = {"_problem": why, "_spoilt": True}
                lab.azure.store.put("file", file["id"], file | spoilt, parent=file["_account"])

    lab.azure.faults.append(spoil)


# --- how far it is


def test_progress_is_told_in_few_words(lab, parted, monkeypatch):
    ticks = iter(range(1_000_000))
    monkeypatch.setattr(transfer.time, "perf_counter", lambda: next(ticks))  # a second a call
    lab.apply()
    told = [event.text for event in lab.events if event.address == TRAIN and event.text.startswith("uploading")]
    assert told[0] == "uploading"
    size = f"{len(content(lab)) / 1000:.0f} kB"
    assert all(size in text and "kB/s" in text and "left" in text for text in told[1:-1])
    assert len(told) >= 3


# --- content is its own name


def test_two_datasets_of_one_content_are_one_file(lab):
    lab.spec["datasets"]["again"] = {"path": "again.jsonl"}
    (lab.folder / "again.jsonl").write_bytes(content(lab))
    assert lab.apply().exit is Exit.DONE
    assert len(lab.stored("file")) == len(calls(lab, UPLOAD)) == 1
    assert_converged(lab)


def test_the_same_content_under_another_name_is_not_uploaded_again(lab):
    lab.apply()
    (lab.folder / "train.jsonl").rename(lab.folder / "other.jsonl")
    lab.spec["datasets"] = {"renamed": {"path": "other.jsonl"}}
    plan = lab.plan()
    assert plan.empty
    assert lab.stored("file")[0]["filename"].startswith("ftctl--tone--train--")


@pytest.fixture
def guest(lab):
    """Another stack on the same account, with the same data."""

    def use(**more):
        lab.spec["stack"] = "guest"
        lab.spec["azure"]["resourceGroup"] = "rg-tone"
        lab.spec["resources"]["main"] = {"name": "aoai-tone", "location": "swedencentral", "manage": "reference"}
        lab.spec["roleAssignments"] = {}
        lab.spec.update(more)

    return use


def test_another_stacks_file_of_the_same_content_is_used_and_left_alone(lab, guest):
    lab.apply()
    (before,) = lab.stored("file")
    guest()
    plan = lab.plan()
    assert plan.empty
    (change,) = [change for change in plan.changes if change.address == TRAIN]
    assert (change.action, change.reason, change.live.id) == (Action.NOOP, Reason.REFERENCED, before["id"])
    assert lab.apply().exit is Exit.DONE
    assert lab.plan(Mode.DESTROY).empty
    assert lab.stored("file") == [before]


def test_a_file_that_another_stack_has_just_uploaded_is_waited_for(lab, guest):
    lab.apply()
    mine = deepcopy(lab.spec)
    lab.data("train", examples(30, "modem"))
    lab.azure.settings = Settings(pace=1)
    lab.apply(wait=0.0)
    guest()
    assert actions(lab.plan()) == {"dataset/train": "wait"}
    assert lab.apply().exit is Exit.DONE
    lab.spec = mine
    assert lab.plan().empty


def test_a_job_trains_on_another_stacks_file_and_uploads_it_when_that_is_gone(lab, guest):
    lab.apply()
    job = {"model": "gpt-4.1-mini-2025-04-14", "training": "train", "seed": 1}
    guest(jobs={"own": job})
    assert lab.apply().exit is Exit.DONE
    (trained,) = lab.stored("job")
    assert trained["training_file"] == lab.stored("file")[0]["id"]
    lab.azure.store.delete("file", trained["training_file"])
    assert actions(lab.plan()) == {"dataset/train": "create"}
    assert lab.apply().exit is Exit.DONE
    assert len(lab.stored("job")) == 1  # the recipe is of the content
    assert_converged(lab)


def test_a_file_is_not_deleted_before_anothers_job_has_read_it(lab, guest):
    lab.apply()
    owner = deepcopy(lab.spec)
    lab.azure.settings = Settings(pace=1)
    guest(jobs={"own": {"model": "gpt-4.1-mini-2025-04-14", "training": "train", "seed": 1}})
    assert lab.apply(wait=0.0).exit is Exit.PENDING
    lab.spec = owner | {"roleAssignments": {}, "resources": owner["resources"]}
    stopped = lab.apply(Mode.DESTROY, wait=0.0)
    (outcome,) = [one for one in stopped.outcomes if one.address.kind == "dataset"]
    assert str(outcome.result) == "pending"
    assert len([file for file in lab.stored("file") if file["purpose"] == "fine-tune"]) == 1


# --- room


def fill(lab, number: int, **more) -> None:
    """So many files of nobody's in the account."""
    (account,) = [one["id"].lower() for one in lab.stored("account")]
    for n in range(number):
        body = {
            "id": f"file-{n:032}",
            "created_at": 1,
            "filename": f"{n}.jsonl",
            "object": "file",
            "purpose": "fine-tune",
        }
        lab.azure.store.put("file", body["id"], body | {"bytes": 9, "_account": account, **more}, parent=account)


def test_an_account_without_room_blocks_the_plan(lab):
    lab.spec["datasets"] = {}
    lab.apply()
    fill(lab, 99)
    lab.spec["datasets"] = {"train": {"path": "train.jsonl"}, "valid": {"path": "valid.jsonl"}}
    plan = lab.plan()
    (problem,) = plan.problems
    assert (problem.code, problem.where.path.rpartition("/")[2]) == ("FT2212", "stack.yaml")
    assert "dataset/valid would be file 101 of an account that takes 100" in problem.what
    assert refused(lab.apply) == ["FT2212"]
    assert len(lab.stored("file")) == 99
    del lab.spec["datasets"]["valid"]
    assert lab.plan().problems == ()


def test_a_file_that_is_larger_than_its_account_takes_blocks_the_plan(lab, monkeypatch):
    lab.spec["datasets"] = {}
    lab.apply()
    monkeypatch.setitem(account_body._CAPABILITIES, "MaxTrainingFileSize", "1000")
    lab.spec["datasets"] = {"train": {"path": "train.jsonl"}}
    (problem,) = lab.plan().problems
    assert (problem.code, problem.where.path.rpartition("/")[2]) == ("FT2215", "stack.yaml")
    assert problem.what.endswith("bytes, and its account takes 1,000")
    assert refused(lab.apply) == ["FT2215"]
    assert lab.stored("file") == []


def test_results_of_training_take_no_room(lab):
    lab.spec["datasets"] = {}
    lab.apply()
    fill(lab, 100, purpose="fine-tune-results")
    lab.spec["datasets"] = {"train": {"path": "train.jsonl"}}
    assert lab.plan().problems == ()


@pytest.mark.parametrize(("there", "said"), [(88, False), (89, True)])
def test_a_plan_says_when_room_gets_scarce(lab, there, said):
    lab.spec["datasets"] = {}
    lab.apply()
    fill(lab, there)
    lab.spec["datasets"] = {"train": {"path": "train.jsonl"}}
    (change,) = lab.plan().pending
    (slot,) = [one for one in change.findings if one.check == "files"]
    assert slot.standing == (Standing.WARN if said else Standing.PASS)
    assert f"file {there + 1} of 100" in slot.what


def test_equal_content_needs_room_once(lab):
    lab.spec["datasets"] = {}
    lab.apply()
    fill(lab, 99)
    (lab.folder / "again.jsonl").write_bytes(content(lab))
    lab.spec["datasets"] = {"train": {"path": "train.jsonl"}, "again": {"path": "again.jsonl"}}
    assert lab.plan().problems == ()
    assert lab.apply().exit is Exit.DONE
    assert len(lab.stored("file")) == 100


def test_what_is_there_already_needs_no_more_room(lab):
    lab.apply()
    fill(lab, 98)
    lab.spec["datasets"] = {"train": {"path": "train.jsonl"}, "valid": {"path": "valid.jsonl"}}
    assert lab.plan().problems == ()
    assert lab.apply().exit is Exit.DONE


def test_nothing_of_the_data_is_told(lab, parted):
    lab.apply()
    said = json.dumps([event.text for event in lab.events])
    assert "What about case" not in said
