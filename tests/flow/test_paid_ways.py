"""Every way in which one recipe could be paid for twice: how many jobs were made, live on, and are billed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, BrokenBarrierError
from types import SimpleNamespace

import pytest

from ftctl.clients import Clients, sdk
from ftctl.core.clock import ManualClock
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.events import Stage
from ftctl.core.model import Address
from ftctl.embedded import Server, announce
from ftctl.local import account_body
from ftctl.local import jobs as local_jobs
from ftctl.local.azure import Azure, Fault, Settings
from ftctl.local.wire import Reply

from .conftest import Lab
from .ending import cancel_by_hand, paid, patiently, status

CREATE, LIST, CANCEL = "jobs.create", "jobs.list_all", "jobs.cancel"


def told(lab) -> dict[str, int]:
    """Jobs that were made, those of them that were not cancelled, and those that are billed."""
    jobs = lab.stored("job")
    alive = [job for job in jobs if status(lab, job) != "cancelled"]
    return {"made": len(jobs), "live": len(alive), "paid": paid(lab)}


def live(lab) -> str:
    (job,) = [job for job in lab.stored("job") if status(lab, job) != "cancelled"]
    return job["id"]


def oldest(lab) -> str:
    return min(lab.stored("job"), key=lambda job: (job["created_at"], job["id"]))["id"]


def happens(lab, route: str, fault: Fault, *, times: int = 1) -> list[Fault]:
    """Let `fault` happen to the next calls of a route; what is left of it."""
    left = [fault] * times
    lab.azure.faults.append(lambda _request, asked: left.pop() if left and asked.name == route else None)
    return left


ONE = {"made": 1, "live": 1, "paid": 1}
ONE_OF_TWO = ONE | {"made": 2}


# --- the answer does not come in time


@pytest.fixture
def impatient(monkeypatch):
    """Creations are waited for only a moment."""
    monkeypatch.setattr(sdk, "READ_SECONDS", 0.25)


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_comes_too_late_is_as_good_as_lost(lab):
    happens(lab, CREATE, Fault("slow", seconds=0.6, after=True))
    assert lab.apply().exit is Exit.DONE
    assert told(lab) == ONE


@pytest.mark.usefixtures("impatient")
def test_work_that_is_done_long_after_the_time_out_is_found_by_the_next_apply(lab):
    happens(lab, CREATE, Fault("slow", seconds=0.8))
    report = lab.apply()
    assert [one.problem.code for one in report.outcomes if one.problem] == ["FT3208"]
    until(lambda: lab.stored("job"))
    assert patiently(lab) == 1
    assert told(lab) == ONE


@pytest.mark.usefixtures("impatient")
def test_work_that_is_done_after_somebody_applied_again_is_cancelled_by_that_run(lab):
    """The first creation arrives while the second run has made its own job, and looks after it."""
    left = happens(lab, CREATE, Fault("slow", seconds=1.2))
    assert lab.apply().exit is not Exit.DONE
    assert left == lab.stored("job") == []
    slow_down(lab)
    met = []

    def arrive(event):
        if event.address.kind == "job" and event.stage is Stage.PROGRESS and not met:
            met.append(event)
            until(lambda: len(lab.stored("job")) == 2)

    assert lab.apply(emit=arrive).exit is Exit.DONE
    assert told(lab) == ONE_OF_TWO
    assert live(lab) == oldest(lab)


def until(true, *, seconds: float = 10.0) -> None:
    ends = time.perf_counter() + seconds
    while not true():
        assert time.perf_counter() < ends, "it never came about"
        time.sleep(0.01)


def slow_down(lab) -> None:
    """As slow as Azure, nearly: a job stays in its queue for several looks."""
    lab.azure.settings = replace(lab.azure.settings, pace=10)


class Senseless(Fault):
    """The work is done, and the answer is JSON but no job."""

    def work(self, request, handler):
        handler(request)
        return Reply(200, {"object": "fine_tuning.job"})


def test_an_answer_without_a_job_is_as_good_as_none(lab):
    left = happens(lab, CREATE, Senseless(after=True))
    assert lab.apply().exit is Exit.DONE
    assert left == []
    assert told(lab) == ONE


# --- the service


@pytest.mark.parametrize("fault", ["twice", "twice and late", "late"])
def test_a_service_that_carries_out_one_creation_twice_trains_once(lab, fault):
    slow_down(lab)
    if fault != "late":
        happens(lab, CREATE, Fault("twice", after=True))
    if fault != "twice":
        happens(lab, LIST, Fault("late", after=True, seconds=20), times=10**6)
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 1
    assert told(lab) == (ONE if fault == "late" else ONE_OF_TWO)
    assert live(lab) == oldest(lab)


def test_what_the_service_answered_counts_although_no_list_has_it_yet(lab, other):
    """Somebody else's job is in the list, and older; ours is not in it. Ours is cancelled by the id of the answer."""
    slow_down(lab)
    lab.apply(wait=0)
    ours = []

    def ask(_request, route):
        if route.name == CREATE and not ours:
            ours.append(True)
            lab.azure.faults.remove(ask)
            assert other.apply(wait=0).exit is Exit.PENDING
            lab.clock.advance(1)
            happens(lab, LIST, Fault("late", after=True, seconds=0.5), times=1)

    lab.azure.faults.append(ask)
    for _ in range(100):
        if ours:
            break
        lab.apply(wait=15.0)
    assert told(lab) == {"made": 2, "live": 1, "paid": 0}
    assert live(lab) == oldest(lab)


# --- clocks


class Skewed:
    """Another clock, hours off."""

    def __init__(self, clock, hours: float) -> None:
        self.clock, self.hours = clock, hours

    def now(self):
        return self.clock.now() + timedelta(hours=self.hours)

    def sleep(self, seconds):
        self.clock.sleep(seconds)

    def receive(self, inbox, seconds, *, busy):
        return self.clock.receive(inbox, seconds, busy=busy)


class SkewedLab(Lab):
    hours = 0.0

    def clients(self) -> Clients:
        return Clients(self.cloud, Skewed(self.clock, self.hours), self.trace)


@pytest.fixture
def other(lab, tmp_path):
    """A second applier of the same files, in a checkout of its own."""
    folder = tmp_path / "other"
    folder.mkdir()
    return SkewedLab(folder, lab.azure, SimpleNamespace(url=lab.cloud.arm, ca_file=lab.cloud.verify), lab.clock)


def both(*labs) -> list:
    with ThreadPoolExecutor(len(labs)) as pool:
        return [report.exit for report in pool.map(lambda one: one.apply(), labs)]


def meet(lab) -> None:
    """Both creations begin before either is carried out."""
    barrier = Barrier(2, timeout=3)

    def ask(_request, route):
        if route.name == CREATE and not barrier.broken:
            with suppress(BrokenBarrierError):
                barrier.wait()

    lab.azure.faults.append(ask)


@pytest.mark.parametrize("hours", [-7, 7])
def test_a_clock_that_is_hours_off_decides_nothing(lab, other, hours):
    other.hours = hours
    ready_but_for_the_job(lab)
    meet(lab)
    assert both(lab, other) == [Exit.DONE, Exit.DONE]
    assert told(lab) == ONE_OF_TWO
    assert live(lab) == oldest(lab)  # made in one second: the ids tell them apart, to both alike


@pytest.mark.parametrize("seed", range(3))
def test_services_whose_clocks_differ_give_an_order_all_the_same(lab, other, seed):
    """Jobs are dated in the past and the future, by dice."""
    ready_but_for_the_job(lab)
    dice = random.Random(seed)
    real = lab.azure.timestamp
    lab.azure.timestamp = lambda: real() + dice.choice([-7200, -1, 0, 1, 7200])
    meet(lab)
    assert both(lab, other) == [Exit.DONE, Exit.DONE]
    assert told(lab) == ONE_OF_TWO
    assert live(lab) == oldest(lab)


def ready_but_for_the_job(lab) -> None:
    """All but the job is there, so that two appliers meet at it."""
    without = {name: lab.spec.pop(name) for name in ("jobs", "deployments")}
    assert lab.apply().exit is Exit.DONE
    lab.spec |= without
    slow_down(lab)


# --- many others


@pytest.fixture
def crowded(lab, monkeypatch):
    """500 jobs of others, the newest as the oldest; each page of a list brings one more while it is read."""
    monkeypatch.setattr(local_jobs, "JOBS_LIMIT", 10_000)
    monkeypatch.setitem(account_body._CAPABILITIES, "MaxFineTuneCount", "10000")  # what the account says of itself
    lab.apply()
    (job,) = lab.stored("job")
    count = iter(range(10_000))

    def add() -> None:
        twin = job | {"id": f"ftjob-{next(count):032x}", "suffix": "others-0123-0123456789ab"}
        lab.azure.store.put("job", twin["id"], twin, parent=job["_account"])

    for _ in range(500):
        add()
    lab.azure.faults.append(lambda _request, route: add() if route.name == LIST else None)
    return lab


def own(lab) -> list[dict]:
    return [job for job in lab.stored("job") if not job["suffix"].startswith("others")]


def test_among_five_hundred_jobs_the_one_of_the_recipe_is_found(crowded):
    pages = sum(call.route == LIST for call in crowded.azure.calls)
    assert crowded.plan().empty
    assert sum(call.route == LIST for call in crowded.azure.calls) - pages >= 6
    crowded.spec["jobs"]["tone"]["seed"] = 106
    happens(crowded, CREATE, Fault("lose", after=True))
    assert crowded.apply().exit is Exit.DONE
    assert len(own(crowded)) == 2
    assert crowded.plan().empty


def test_a_list_that_breaks_off_begins_nothing(crowded):
    """What cannot be read to its end may hide the job: nothing is created on it."""
    crowded.spec["jobs"]["tone"]["seed"] = 106
    pages = []

    def ask(request, route):
        if route.name == LIST and request.query.get("after"):
            pages.append(route)
            return Fault(status=400, code="invalidPayload")
        return None

    crowded.azure.faults.append(ask)
    with pytest.raises(FtctlError):
        crowded.apply()
    assert pages
    assert len(own(crowded)) == 1


# --- by hand


def test_a_job_cancelled_in_the_portal_while_it_is_waited_for_never_makes_two_that_are_paid(lab):
    slow_down(lab)
    cancelled = []

    def interfere(event):
        if event.address.kind == "job" and event.stage is Stage.PROGRESS and not cancelled:
            cancelled.append(event)
            cancel_by_hand(lab)

    assert lab.apply(emit=interfere).exit is not Exit.DONE
    assert told(lab) == {"made": 1, "live": 0, "paid": 0}
    for options in ({}, {"retry": [Address("job", "tone")]}, {}):
        with suppress(FtctlError):
            lab.apply(**options)
        assert told(lab)["live"] <= 1
    assert told(lab)["paid"] <= 1
    assert told(lab)["made"] <= 2


# --- a process that is killed


@contextmanager
def served_from_here(folder):
    """A local Azure of this process, for an apply of another: so that it can be killed at a certain call."""
    azure = Azure(folder / "azure", clock=ManualClock(), settings=Settings(pace=100_000))
    with azure.serve() as served:
        announce(azure.folder, Server(served.url, os.getpid()))
        lab = Lab(folder, azure, served, azure.clock)
        ready_but_for_the_job(lab)
        lab.stack()
        yield lab
    azure.close()


def applying(folder) -> subprocess.Popen:
    command = [sys.executable, "-m", "ftctl", "apply", "stack.yaml", "--auto-approve"]
    paths = os.pathsep.join(filter(None, sys.path))
    environment = os.environ | {"FTCTL_LOCAL_DIR": str(folder / "azure"), "PYTHONPATH": paths}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@pytest.mark.parametrize(
    ("route", "after", "made"),
    [(CREATE, False, 1), (CREATE, True, 1), (CANCEL, True, 2)],
    ids=["before the creation", "after the creation", "after a twin is cancelled"],
)
def test_a_process_killed_at_the_call_that_costs_is_continued_and_nothing_is_paid_twice(tmp_path, route, after, made):
    with served_from_here(tmp_path) as lab, applying(tmp_path) as process:
        if route == CANCEL:
            happens(lab, CREATE, Fault("twice", after=True))
        met = []

        def kill(_request, asked):
            if asked.name != route or met:
                return None
            met.append(asked.name)
            process.kill()
            until(lambda: process.poll() is not None)
            return Fault("lose", after=after)

        lab.azure.faults.append(kill)
        try:
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
        assert process.returncode == -signal.SIGKILL, said.decode()
        assert patiently(lab) == 1
        assert told(lab) == ONE | {"made": made}
