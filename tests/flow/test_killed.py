"""An apply that was killed, at any call and in any way, is finished by the next one, and nothing is made twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import count
from threading import Lock

import pytest
import yaml

from ftctl.core.clock import ManualClock
from ftctl.core.errors import Exit, FtctlError
from ftctl.local import arm
from ftctl.local.azure import Azure, Fault, Settings

from .conftest import SPEC, Lab, examples
from .ending import assert_converged, patiently, status

PACE = 100_000  # what is asked for is there at the next look, so that an apply has few calls
WAYS = {"before": Fault("lose"), "after": Fault("lose", after=True)}


class Cut:
    """A fault hook for a connection that is gone from the `at`-th call on: before the work, or after it.

    Without `reads` only writes count: to be cut off after a read is to be cut off before the next call.
    """

    def __init__(self, at: int, fault: Fault, *, reads: bool = True) -> None:
        self.at, self.fault, self.reads = at, fault, reads
        self.seen = 0
        self._lock = Lock()

    def __call__(self, request, route):
        if route.name.startswith("entra."):  # signing in changes nothing
            return None
        with self._lock:
            self.seen += self.reads or request.method != "GET"
        return self.fault if self.seen >= self.at else None


@pytest.fixture
def fresh(tmp_path):
    """Makes a new local Azure, empty but for what it begins with, and a small stack."""

    @contextmanager
    def make():
        clock = ManualClock()
        azure = Azure(None, clock=clock, settings=Settings(pace=PACE))
        with azure.serve() as served:
            lab = Lab(tmp_path, azure, served, clock)
            lab.data("train", examples(10))
            lab.data("valid", examples(10, "screen"))
            yield lab
        azure.close()

    return make


def state(lab) -> dict[str, list]:
    """What there is, without ids and moments."""
    return {
        "groups": sorted(one["name"] for one in lab.stored("group") if not arm.gone(lab.azure, one)),
        "accounts": sorted((one["name"], one["tags"]["ftctl-applied"]) for one in lab.stored("account")),
        "assignments": sorted(one["name"] for one in lab.stored("role_assignment")),
        "files": sorted(one["filename"] for one in lab.stored("file")),
        "jobs": sorted((one["suffix"], status(lab, one)) for one in lab.stored("job")),
        "deployments": sorted(
            (one["name"], one["sku"]["capacity"], ".ft-" in one["properties"]["model"]["name"])
            for one in lab.stored("deployment")
        ),
    }


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_any_call_the_next_apply_ends_the_same(fresh, way):
    with fresh() as lab:
        assert lab.apply().exit is Exit.DONE
        wanted = state(lab)
    for at in count(1):
        with fresh() as lab:
            ended = killed(lab, lab.apply, Cut(at, WAYS[way], reads=way == "before"))
            patiently(lab)
            assert state(lab) == wanted, f"killed {way} the work of call {at}"
            assert_converged(lab)
        if ended:
            break
    assert at > {"before": 25, "after": 7}[way]


def test_a_destroy_killed_at_any_call_is_finished_by_the_next(fresh):
    """Each write is cut off after its work, which is before what follows."""
    for at in count(1):
        with fresh() as lab:
            empty = state(lab)
            lab.apply()
            ended = killed(lab, lab.destroy, Cut(at, WAYS["after"], reads=False))
            assert lab.destroy().exit is Exit.DONE
            assert state(lab) == empty, f"killed after write {at}"
            assert lab.destroy().outcomes == ()
        if ended:
            break
    assert at > 7


def killed(lab, run, cut: Cut) -> bool:
    """Run until `cut`; whether it came to its end all the same, having made too few calls."""
    lab.azure.faults.append(cut)
    try:
        return run().exit is Exit.DONE
    except FtctlError as error:
        if error.exit is not Exit.ERROR:
            raise
        return False
    finally:
        lab.azure.faults.clear()


# --- processes


def project(folder, pace: float) -> Azure:
    """A folder with a small stack, and a way to look at (and wind) its local Azure."""
    for name, word in (("train", "printer"), ("valid", "screen")):
        text = "".join(json.dumps(row) + "\n" for row in examples(10, word))
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (folder / "stack.yaml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    return Azure(folder / "azure", settings=Settings(pace=pace))


def start(folder) -> subprocess.Popen:
    command = [sys.executable, "-m", "ftctl", "apply", "stack.yaml", "--auto-approve"]
    paths = os.pathsep.join(filter(None, sys.path))
    environment = os.environ | {"FTCTL_LOCAL_DIR": str(folder / "azure"), "PYTHONPATH": paths, "COLUMNS": "100"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def until_trained_on(azure: Azure, process: subprocess.Popen) -> None:
    """Wait until Azure has a job."""
    for _ in range(1000):
        if azure.store.all("job"):
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError("no job was begun")


def finish(folder, azure: Azure) -> None:
    """Let the training end, and apply again."""
    azure.clock.advance(3600)
    Azure(azure.folder, settings=Settings(pace=PACE)).close()
    process = start(folder)
    _, err = process.communicate(timeout=60)
    assert process.returncode == Exit.DONE, err
    assert len(azure.store.all("job")) == 1
    assert [one["name"] for one in azure.store.all("deployment")] == ["prod"]
    assert sum(one["purpose"] == "fine-tune" for one in azure.store.all("file")) == 2


def test_a_process_killed_while_it_trains_is_continued_by_the_next(tmp_path):
    azure = project(tmp_path, pace=60.0)
    process = start(tmp_path)
    until_trained_on(azure, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGKILL
    finish(tmp_path, azure)
    azure.close()


def test_a_process_interrupted_while_it_trains_says_what_goes_on_and_how_to_continue(tmp_path):
    azure = project(tmp_path, pace=60.0)
    process = start(tmp_path)
    until_trained_on(azure, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == Exit.INTERRUPTED
    assert "training is not cancelled" in err
    assert "job/tone" in out
    assert "ftctl apply stack.yaml" in out
    assert "Traceback" not in out + err
    finish(tmp_path, azure)
    azure.close()
