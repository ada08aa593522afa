"""Killed at any moment, the local Azure opens again: what was answered is there, and what is there is whole."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import requests

from ftctl.local.azure import Azure
from ftctl.local.server import Served
from tests.local.conftest import GROUP, Caller
from tests.local.plane import chats, jsonl

ROUNDS = 10
SERVER = (
    "import pathlib, sys, time\n"
    "from ftctl.local.azure import Azure\n"
    "with Azure(pathlib.Path(sys.argv[1])).serve() as served:\n"
    "    print(served.url, flush=True)\n"
    "    time.sleep(60)\n"
)
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/acc"
MODEL = {"format": "OpenAI", "name": "gpt-4o-mini", "version": "2024-07-18"}
DEPLOYMENT = {"sku": {"name": "GlobalStandard", "capacity": 1}, "properties": {"model": MODEL}}


class Writer(threading.Thread):
    """Writes as fast as it can until nobody answers, and remembers what was promised."""

    def __init__(self, azure, served, write):
        super().__init__(daemon=True)
        self.azure, self.served, self.write = azure, served, write
        self.promised = []

    def run(self):
        with requests.Session() as session:
            arm = Caller(self.azure, self.served, session)
            for number in range(10_000):
                try:
                    self.promised.append(self.write(arm, number))
                except requests.RequestException:
                    return


def control(round_):
    """Groups, deployments that come and go, and tags of the account that all of them change."""

    def write(arm, number):
        name = f"{GROUP}-{round_}-{number}"
        assert arm.put(name, {"location": "westus"}).status_code == 201
        chat = f"{ACCOUNT}/deployments/d{number % 3}"
        assert arm.put(chat, DEPLOYMENT).status_code in (200, 201)
        assert arm.call("PATCH", ACCOUNT, {"tags": {"at": str(number)}}).status_code == 200
        if number % 3 == 2:
            assert arm.delete(chat).status_code == 200
        return name

    return write


def upload(key, content):
    """Files, each with all of its bytes."""

    def write(arm, number):
        response = arm.session.post(
            f"{arm.served.url}/cognitiveservices/acc-sub/openai/v1/files",
            headers={"api-key": key},
            data={"purpose": "fine-tune"},
            files={"file": (f"{number}.jsonl", content)},
            verify=arm.served.ca_file,
            timeout=10,
        )
        if response.status_code == 200 and number % 2:
            arm.session.delete(
                f"{response.url}/{response.json()['id']}", headers={"api-key": key}, verify=arm.served.ca_file
            )
            return None
        return response.json()["id"] if response.status_code == 200 else None

    return write


def started(folder):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder)], stdout=subprocess.PIPE, text=True, env=environment
    )
    return process, Served(process.stdout.readline().strip(), folder / "ca.pem")


def check(azure, promised, content):
    """Everything reads, belongs to something, and has what it says."""
    store = azure.store
    assert store._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kinds = [kind for (kind,) in store._db.execute("SELECT DISTINCT kind FROM thing")]
    docs = {kind: store.all(kind) for kind in kinds}
    accounts = {one["id"].lower() for one in docs["account"]}
    assert {one["_group"] for one in docs["account"]} <= {one["id"] for one in docs["group"]}
    assert {one["_account"].lower() for one in docs.get("deployment", [])} <= accounts
    assert {one["account"].lower() for one in docs["subdomain"]} <= accounts
    groups, files = promised
    assert set(groups) <= {one["id"] for one in docs["group"]}
    known = {one["id"] for one in docs.get("file", [])}
    assert set(filter(None, files)) <= known
    with azure.serve() as served, requests.Session() as session:
        arm = Caller(azure, served, session)
        key = {"api-key": arm.call("POST", f"{ACCOUNT}/listKeys").json()["key1"]}
        for id_ in known:
            whole = session.get(
                f"{served.url}/cognitiveservices/acc-sub/openai/v1/files/{id_}/content",
                headers=key,
                verify=served.ca_file,
            )
            assert (whole.status_code, whole.content) == (200, content)


def test_a_kill_at_any_moment_leaves_a_state_that_opens_and_is_whole(tmp_path):
    dice, content = random.Random(7), jsonl(chats(200))
    azure = Azure(tmp_path)
    with azure.serve() as served, requests.Session() as session:
        arm = Caller(azure, served, session)
        arm.put(GROUP, {"location": "swedencentral"})
        body = {"location": "swedencentral", "kind": "OpenAI", "sku": {"name": "S0"}}
        arm.put(ACCOUNT, body | {"properties": {"customSubDomainName": "acc-sub"}})
        azure.clock.advance(60)
        key = arm.call("POST", f"{ACCOUNT}/listKeys").json()["key1"]
    groups, files = [], []
    for round_ in range(ROUNDS):
        process, served = started(tmp_path)
        writers = [Writer(azure, served, write) for write in (control(round_), upload(key, content))]
        with process:
            for writer in writers:
                writer.start()
            time.sleep(dice.uniform(0.1, 0.4))
            process.kill()
        for writer in writers:
            writer.join(timeout=20)
            assert not writer.is_alive()
        groups += writers[0].promised
        files += writers[1].promised
    assert len(groups) > ROUNDS  # it was killed in the middle of something
    assert any(files)
    again = Azure(tmp_path)
    check(again, (groups, files), content)
    again.close()
    azure.close()
