"""Whatever happened before, a patient apply reaches the declared state, trains nothing twice, and leaves no plan."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ftctl.core.changes import Mode
from ftctl.core.clock import ManualClock
from ftctl.core.errors import FtctlError
from ftctl.engine.execute import Stop
from ftctl.local.azure import Azure, Fault, Settings

from .conftest import Lab, examples
from .ending import assert_converged, cancel_by_hand, patiently, recipes, status

POOL = {"printers": examples(10), "screens": examples(11, "screen"), "faxes": examples(10, "fax")}
ASSIGNMENTS = {
    "ada": {"role": "Cognitive Services OpenAI User", "principal": {"user": "ada@local.example"}},
    "managers": {"role": "Cognitive Services User", "principal": {"group": "release-managers"}},
    "quota": {
        "role": "Cognitive Services Usages Reader",
        "scope": "subscription",
        "principal": {"servicePrincipal": "ci-pipeline"},
    },
}
DEPLOYMENTS = {
    "second": {"model": {"job": "tone"}, "capacity": 3},
    "base": {"model": {"name": "gpt-4.1-mini", "version": "2025-04-14"}, "capacity": 2},
}
FAULTS = {
    "500": Fault(),
    "500 after": Fault(after=True),
    "429": Fault(status=429, code="tooManyRequests", headers={"Retry-After": "3"}),
    "409": Fault(status=409, code="RequestConflict", message="Another operation is under way."),
    "lost": Fault("lose"),
    "lost after": Fault("lose", after=True),
    "cut after": Fault("cut", after=True),
    "reset": Fault("reset"),
}

# One thing that happens: what, and how.
EDITS = st.one_of(
    st.tuples(st.just("data"), st.sampled_from(sorted(POOL))),
    st.tuples(st.just("epochs"), st.integers(1, 2)),
    st.tuples(st.just("capacity"), st.sampled_from([10, 60])),
    st.tuples(st.just("sku"), st.sampled_from(["Standard", "GlobalStandard"])),
    st.tuples(st.just("tag"), st.sampled_from(["red", "blue"])),
    st.tuples(st.just("assignment"), st.sampled_from(sorted(ASSIGNMENTS))),
    st.tuples(st.just("deployment"), st.sampled_from(sorted(DEPLOYMENTS))),
    st.tuples(st.just("rename"), st.sampled_from(["prod", "live"])),
    st.tuples(st.just("smoke"), st.booleans()),
    st.tuples(st.just("state"), st.sampled_from([None, "running", "paused", "cancelled"])),
    st.tuples(st.just("keep"), st.sampled_from([0, 1])),
)
DRIFT = st.one_of(
    st.tuples(st.just("set capacity"), st.integers(1, 9)),
    st.tuples(st.just("delete"), st.sampled_from(["deployment", "role_assignment", "file"])),
    st.tuples(st.just("cancel"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([60, 7200])),
)
FAULTY = st.tuples(st.sampled_from(sorted(FAULTS)), st.integers(1, 25), st.sampled_from([1, 3, 100]))
APPLIES = st.one_of(
    st.tuples(st.just("apply"), st.none()),
    st.tuples(st.just("interrupt at event"), st.integers(1, 20)),
    st.tuples(st.just("apply for seconds"), st.sampled_from([1, 30, 90])),
    st.tuples(st.sampled_from(["apply with", "apply with", "apply with", "destroy with"]), FAULTY),
)
HISTORIES = st.lists(st.one_of(EDITS, DRIFT, APPLIES, APPLIES), min_size=3, max_size=9)


@given(history=HISTORIES)
@example(history=[("interrupt at event", 14), ("data", "screens"), ("apply with", ("500", 9, 3)), ("data", "printers")])
@example(history=[("apply", None), ("sku", "Standard"), ("rename", "live"), ("delete", "role_assignment")])
@example(
    history=[("smoke", True), ("apply", None), ("data", "faxes"), ("apply with", ("500", 22, 100)), ("capacity", 10)]
)
@example(
    history=[("apply", None), ("destroy with", ("lost", 18, 100)), ("epochs", 1), ("apply with", ("cut after", 1, 3))]
)
@example(history=[("apply", None), ("keep", 0), ("epochs", 1), ("apply", None), ("data", "faxes"), ("apply", None)])
@example(
    history=[("apply for seconds", 30), ("apply for seconds", 30), ("state", "paused"), ("apply", None), ("epochs", 1)]
)
@settings(max_examples=15)
def test_a_patient_apply_reaches_what_is_declared(history):
    uploaded: dict[str, str] = {}
    with small_lab() as lab:
        for what, how in history:
            uploaded |= {one["id"]: one["filename"] for one in lab.stored("file")}
            happen(lab, what, how)
            assert max(recipes(lab, "pending", "running", "succeeded").values(), default=1) == 1
        lab.spec["jobs"]["tone"]["state"] = "running"
        patiently(lab)
        assert_converged(lab)
        uploaded |= {one["id"]: one["filename"] for one in lab.stored("file")}
        assert_as_declared(lab, uploaded)


@contextmanager
def small_lab():
    clock = ManualClock()
    azure = Azure(None, clock=clock, settings=Settings(pace=120))
    with tempfile.TemporaryDirectory() as folder, azure.serve() as served:
        lab = Lab(Path(folder), azure, served, clock)
        lab.data("train", POOL["printers"])
        del lab.spec["roleAssignments"]["quota"]
        yield lab
    azure.close()


def happen(lab, what: str, how) -> None:
    match what:
        case "data":
            lab.data("train", POOL[how])
        case "epochs":
            lab.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": how}
        case "capacity" | "sku":
            main(lab)[what] = how
        case "smoke":
            main(lab).pop("smokeTest", None)
            main(lab).update({"smokeTest": {"user": "My printer number 3 does not start."}} if how else {})
        case "state" | "keep":
            lab.spec["jobs"]["tone"][what] = how
        case "tag":
            lab.spec["resources"]["main"]["tags"] = {"colour": how}
        case "assignment":
            toggle(lab.spec["roleAssignments"], how, ASSIGNMENTS)
        case "deployment":
            toggle(lab.spec["deployments"], how, DEPLOYMENTS)
        case "rename":
            lab.spec["deployments"][how] = lab.spec["deployments"].pop(main_name(lab))
        case "set capacity" | "delete" | "cancel" | "wait":
            drift(lab, what, how)
        case _:
            apply(lab, what, how)


def main_name(lab) -> str:
    return next(name for name in ("prod", "live") if name in lab.spec["deployments"])


def main(lab) -> dict:
    return lab.spec["deployments"][main_name(lab)]


def toggle(section: dict, name: str, pool: dict) -> None:
    if section.pop(name, None) is None:
        section[name] = dict(pool[name])


def drift(lab, what: str, how) -> None:
    """Somebody else has been there."""
    store = lab.azure.store
    match what:
        case "set capacity":
            for body in lab.stored("deployment")[:1]:
                body["sku"]["capacity"] = how
                store.put("deployment", body["id"], body, parent=body["_account"])
        case "delete":
            for body in [one for one in lab.stored(how) if "ftctl" in str(one.get("filename", one))][:1]:
                if "by ftctl-local" not in str(body) and "_job" not in body:
                    store.delete(how, body["id"])
        case "cancel":
            cancel_by_hand(lab)
        case "wait":
            lab.clock.advance(how)


def apply(lab, what: str, how) -> None:
    """Apply, in whatever way it ends."""
    stop, events = Stop(), count(1)
    options: dict = {}
    match what:
        case "interrupt at event":
            options = {"stop": stop, "emit": lambda event: stop.set() if next(events) >= how else None}
        case "apply for seconds":
            options = {"wait": float(how)}
        case "apply with" | "destroy with":
            options = {"mode": Mode.DESTROY if what == "destroy with" else Mode.NORMAL}
            kind, first, times = how
            calls = count(1)
            lab.azure.faults.append(
                lambda request, route: (
                    FAULTS[kind]
                    if not route.name.startswith("entra.") and first <= next(calls) < first + times
                    else None
                )
            )
    try:
        lab.apply(**options)
    except FtctlError:
        pass
    finally:
        lab.azure.faults.clear()


def assert_as_declared(lab, uploaded: dict[str, str]) -> None:
    """What the local Azure has is what the spec says, read past all of ftctl."""
    deployments = {body["name"]: body for body in lab.stored("deployment")}
    assert deployments.keys() == lab.spec["deployments"].keys()
    for name, wanted in lab.spec["deployments"].items():
        body = deployments[name]
        assert body["sku"] == {"name": wanted.get("sku", "GlobalStandard"), "capacity": wanted["capacity"]}
        served = body["properties"]["model"]["name"]
        assert served == (tuned(lab, uploaded) if "job" in wanted["model"] else wanted["model"]["name"])
    described = [one["properties"]["description"] for one in lab.stored("role_assignment")]
    ours = {text.rpartition("/")[2] for text in described if text and text.startswith("ftctl: tone/")}
    assert ours == lab.spec["roleAssignments"].keys()
    (account,) = lab.stored("account")
    for tag, value in lab.spec["resources"]["main"].get("tags", {}).items():
        assert account["tags"][tag] == value


def tuned(lab, uploaded: dict[str, str]) -> str:
    """The model of the one job that learned from today's data with today's settings."""
    sha256 = hashlib.sha256((lab.folder / "train.jsonl").read_bytes()).hexdigest()
    epochs = lab.spec["jobs"]["tone"]["hyperparameters"]["n_epochs"]
    (model,) = [
        job["fine_tuned_model"]
        for job in lab.stored("job")
        if status(lab, job) == "succeeded"
        and job["_asked"]["n_epochs"] == epochs
        and sha256 in uploaded[job["training_file"]]
    ]
    return model
