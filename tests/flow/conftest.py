"""The whole flow against a local Azure in this process, with a clock that jumps instead of passing."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ftctl import workflow
from ftctl.catalog.clouds import CLOUDS, Identity
from ftctl.clients import Clients, Trace
from ftctl.core.clock import ManualClock
from ftctl.core.errors import FtctlError
from ftctl.core.model import Mode
from ftctl.engine.execute import Stop
from ftctl.local import identity
from ftctl.local.azure import Azure, Settings
from ftctl.request import Request

SPEC = {
    "apiVersion": "ftctl/v1",
    "stack": "tone",
    "azure": {
        "subscription": identity.SUBSCRIPTION_ID,
        "resourceGroup": {"name": "rg-tone", "create": True, "location": "swedencentral"},
        "cloud": "local",
    },
    "resources": {"main": {"name": "aoai-tone", "location": "swedencentral", "onSoftDeleted": "restore"}},
    "roleAssignments": {
        "engineers": {"role": "Cognitive Services OpenAI Contributor", "principal": {"group": "ml-engineers"}},
        "quota": {
            "role": "Cognitive Services Usages Reader",
            "scope": "subscription",
            "principal": {"servicePrincipal": "ci-pipeline"},
        },
    },
    "datasets": {"train": {"path": "train.jsonl"}, "valid": {"path": "valid.jsonl"}},
    "jobs": {
        "tone": {
            "model": "gpt-4.1-mini-2025-04-14",
            "training": "train",
            "validation": "valid",
            "seed": 105,
            "hyperparameters": {"n_epochs": 2},
        }
    },
    "deployments": {"prod": {"model": {"job": "tone"}, "capacity": 50}},
}


def example(question: str, answer: str = "Certainly. Please restart it, then tell me what you see.") -> dict:
    return {
        "messages": [
            {"role": "system", "content": "You are a helpful desk."},
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


def examples(count: int = 12, word: str = "printer") -> list[dict]:
    return [example(f"My {word} number {n} does not start. What now?") for n in range(count)]


class Lab:
    """One local Azure, one spec in a folder, and the workflow's verbs on them."""

    def __init__(self, folder: Path, azure: Azure, served, clock: ManualClock) -> None:
        self.folder, self.azure, self.clock = folder, azure, clock
        self.spec = deepcopy(SPEC)
        self.trace = Trace()
        who = identity.FTCTL_LOCAL
        self.cloud = replace(
            CLOUDS["public"],
            name="local",
            arm=served.url,
            authority=served.url,
            graph=served.url,
            verify=str(served.ca_file),
            identity=Identity(identity.TENANT_ID, who.client_id, azure.secrets.client_secrets[who.client_id]),
            poll_seconds=15.0,
            known_authority=False,
        )
        self.events: list = []
        self.data("train", examples())
        self.data("valid", examples(10, "screen"))

    def data(self, name: str, rows: list[dict]) -> None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.folder / f"{name}.jsonl").write_text(text, encoding="utf-8")

    def stack(self):
        (self.folder / "stack.yaml").write_text(yaml.safe_dump(self.spec, sort_keys=False), encoding="utf-8")
        (stack,) = workflow.load(Request((self.folder / "stack.yaml",)))
        return stack

    def clients(self) -> Clients:
        return Clients(self.cloud, self.clock, self.trace)

    def plan(self, mode=Mode.NORMAL, **options):
        with self.clients() as clients:
            return workflow.plan(self.stack(), clients, clock=self.clock, mode=mode, **options)

    def apply(self, mode=Mode.NORMAL, *, stop=None, wait=None, trainings=True, emit=None, **options):
        stack, emit = self.stack(), emit or self.events.append
        stop = Stop() if stop is None else stop
        with self.clients() as clients:
            made = workflow.plan(stack, clients, clock=self.clock, mode=mode, **options)
            waits = {"wait": wait, "trainings": trainings}
            return workflow.apply(made, stack, clients, clock=self.clock, emit=emit, stop=stop, **waits)

    def destroy(self):
        return self.apply(Mode.DESTROY)

    # --- what the local Azure has, asked past the clients

    def stored(self, kind: str) -> list[dict]:
        return self.azure.store.all(kind)

    def jobs(self) -> list[dict]:
        return [call for call in self.azure.calls if call.method == "POST" and call.path.endswith("/fine_tuning/jobs")]

    def writes(self) -> list[str]:
        """Calls that change something, sign-in apart."""
        return [
            f"{call.method} {call.path}"
            for call in self.azure.calls
            if call.method not in {"GET", "HEAD"} and call.plane != "entra"
        ]

    def served_model(self, name: str = "prod") -> str:
        (body,) = [body for body in self.stored("deployment") if body["name"] == name]
        return body["properties"]["model"]["name"]


def actions(plan) -> dict[str, str]:
    """What a plan would do, no-ops left out."""
    return {str(change.address): str(change.action) for change in plan.pending}


def refused(call) -> list[str]:
    """The codes that a call was refused with."""
    with pytest.raises(FtctlError) as caught:
        call()
    return [problem.code for problem in caught.value.problems]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def lab(tmp_path, clock):
    azure = Azure(None, clock=clock, settings=Settings(pace=60))
    with azure.serve() as served:
        yield Lab(tmp_path, azure, served, clock)
    azure.close()
