"""Two appliers create at the same moment, again and again: one job of the recipe lives on, and it is the older one."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

import msgspec
import pytest

from ftctl.core.model import Address, Health
from ftctl.kinds.job import KIND
from ftctl.local.azure import Fault

from .ending import paid, status

ROUNDS = 200
TROUBLE = {
    "no trouble": {},
    "a reply is lost": {"jobs.create": Fault("lose", after=True)},
    "500 after the work": {"jobs.create": Fault(after=True)},
    "the service makes two": {"jobs.create": Fault("twice", after=True)},
    "lists are late": {"jobs.list_all": Fault("late", after=True, seconds=20)},
}


class Weather:
    """A fault hook: every call takes a moment, by dice; and one of a round (late lists: all) goes wrong."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.trouble: dict[str, Fault] = {}
        self._lock = Lock()

    def __call__(self, _request, route):
        with self._lock:
            moment = self.dice.uniform(0, 0.002)
            fault = self.trouble.get(route.name)
            if fault and fault.kind != "late":
                del self.trouble[route.name]
        time.sleep(moment)
        return fault


class Applier:
    """What the engine does with a job: create, then look again and again."""

    def __init__(self, clients, home) -> None:
        self.clients, self.home = clients, home

    def create(self, wanted, head_start: float) -> None:
        time.sleep(head_start)
        self.wanted = wanted
        self.live = KIND.create(self.clients, wanted, self.home, lambda _words: None)

    def look(self) -> None:
        self.live = KIND.refresh(self.clients, self.live, self.home, lambda _words: None)
        if self.live.health is Health.PENDING:
            KIND.tend(self.clients, self.live, self.home)
        else:
            self.live = KIND.instead(self.clients, self.wanted, self.home)


@pytest.fixture
def settled(lab):
    """All but a job is there, and Azure is as slow as it is."""
    lab.apply()
    forget_jobs(lab)
    lab.azure.settings = replace(lab.azure.settings, pace=1)
    return lab


def forget_jobs(lab) -> None:
    for job in lab.stored("job"):
        lab.azure.store.delete("job", job["id"])
        lab.azure.store.delete("open_job", job["id"])


def test_of_two_appliers_at_once_the_older_job_stays(settled):
    lab, weather = settled, Weather(5)
    plan, stack = lab.plan(), lab.stack()
    resource, home = stack.resource(Address("job", "tone")), stack.home
    lab.azure.faults.append(weather)
    met = 0
    with lab.clients() as one, lab.clients() as other, ThreadPoolExecutor(2) as pool:
        both = (Applier(one, home), Applier(other, home))
        for number in range(ROUNDS):
            name = list(TROUBLE)[number % len(TROUBLE)]
            weather.trouble = dict(TROUBLE[name])
            spec = msgspec.structs.replace(resource.spec, seed=number)
            wanted = KIND.wanted(replace(resource, spec=spec), plan.world)
            done = [pool.submit(who.create, wanted, weather.dice.uniform(0, 0.01)) for who in both]
            [each.result() for each in done]
            for _ in range(3 if name == "lists are late" else 1):
                lab.clock.advance(15)
                [each.result() for each in [pool.submit(who.look) for who in both]]
            jobs = lab.stored("job")
            alive = [job["id"] for job in jobs if status(lab, job) != "cancelled"]
            oldest = min(jobs, key=lambda job: (job["created_at"], job["id"]))["id"]
            assert alive == [oldest], f"round {number}, {name}"
            assert [who.live.id for who in both] == [oldest] * 2, f"round {number}, {name}"
            assert paid(lab) == 0  # all of it was settled before anything was trained
            met += len(jobs) > 1 and name not in {"the service makes two", "lists are late"}
            forget_jobs(lab)
    assert met > ROUNDS / 20  # else the two came one after the other, and nothing was shown
