"""Ten thousand jobs and a hundred thousand events page by page, and the plug pulled while jobs come and go."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from random import Random

import pytest

from ftctl.local import files, jobstate, training
from ftctl.local.azure import Azure
from tests.local import plane
from tests.local.plane import HOUR, chats, jsonl
from tests.local.scale import STEPS, Asked, ended, long_job


@pytest.fixture
def asked(azure, arm, account):
    return Asked(azure, plane.key(arm, account))


def test_ten_thousand_jobs_are_listed_page_by_page(asked, azure, account):
    with azure.store.transaction():
        for number in range(10_000):
            ended(azure, account, number)
    seen = [job["id"] for page in asked.pages("/fine_tuning/jobs", 250) for job in page]
    assert seen == [f"ftjob-{number:032x}" for number in reversed(range(10_000))]
    for number in range(0, 10_000, 1000):
        job = asked.get(f"/fine_tuning/jobs/ftjob-{number:032x}")
        assert asked.get(f"/files/{job['result_files'][0]}")["bytes"] == 5


def test_a_hundred_thousand_events_are_listed_page_by_page(asked, azure, account):
    job = long_job(azure, account)
    seen = set()
    for page in asked.pages(f"/fine_tuning/jobs/{job}/events", 1000):
        seen |= {event["id"] for event in page}
    assert len(seen) == 9 + 1 + STEPS // 10 + 4  # without a validation file
    assert page[-1]["message"] == "Job enqueued. Waiting for jobs ahead to complete."


WORK = """
import io, sys, uuid
from pathlib import Path
from contextlib import suppress
from ftctl.local import files, jobs, jobstate, uploads, wire
from ftctl.local.azure import Azure
from ftctl.local.wire import Request
azure = Azure(Path(sys.argv[1]))
rows = Path(sys.argv[2]).read_bytes()
account = {"id": "/acc", "location": "swedencentral", "properties": {}}

def call(handler, path, body=b"", media="application/json", **names):
    headers = {"content-type": media}
    request = wire.Request(azure, "POST", "/openai/v1" + path, {}, headers, io.BytesIO(body), len(body), "https://x")
    request.account, request.names = account, names
    return handler(request).body

def form(name, fields):
    head = b'--b\\r\\nContent-Disposition: form-data; name="%s"'
    parts = [head % name + b"\\r\\n\\r\\n" + value + b"\\r\\n" for name, value in fields]
    return b"".join([*parts, head % name, b'; filename="a.jsonl"\\r\\n\\r\\n', rows, b"\\r\\n--b--\\r\\n"])

import json
print("ready", flush=True)
while True:
    file = call(files.upload, "/files", form(b"file", [(b"purpose", b"fine-tune")]), "multipart/form-data; boundary=b")
    azure.clock.advance(1)
    order = {"model": "gpt-4.1-mini-2025-04-14", "training_file": file["id"], "trainingType": "standard", "seed": 1}
    job = call(jobs.create, "/fine_tuning/jobs", json.dumps(order).encode())
    began = {"bytes": len(rows), "filename": "b", "purpose": "fine-tune", "mime_type": "x"}
    up = call(uploads.begin, "/uploads", json.dumps(began).encode())
    part = call(uploads.add_part, "/p", form(b"data", []), "multipart/form-data; boundary=b", upload=up["id"])
    call(uploads.complete, "/c", json.dumps({"part_ids": [part["id"]]}).encode(), upload=up["id"])
    azure.clock.advance(8)
    with suppress(wire.Refusal):  # it may be waiting behind those of a process that was killed
        call(jobs.pause, "/pause", job=job["id"])
        azure.clock.advance(1)
        call(jobs.resume, "/resume", job=job["id"])
    azure.clock.advance(10)
    jobstate.settle(azure, "/acc")
    for doc in azure.store.all("file", "/acc"):
        files._remove(azure, doc)
"""


def test_killed_at_any_moment_its_state_opens_again_and_agrees_with_itself(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_bytes(jsonl(chats(12)))
    folder, chance = tmp_path / "azure", Random(3)
    ends = 0
    for _ in range(12):
        with subprocess.Popen([sys.executable, "-c", WORK, str(folder), str(rows)], stdout=subprocess.PIPE) as child:
            assert child.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.0, 0.4))
            child.kill()
        assert child.returncode == -signal.SIGKILL
        azure = Azure(folder)
        azure.clock.advance(10 * HOUR)
        jobstate.settle(azure, "/acc")
        for file in azure.store.all("file", "/acc"):
            if "_job" in file:  # its content is reckoned
                continue
            assert files.blob(azure, file).stat().st_size == file["bytes"]
        for job in azure.store.all("job", "/acc"):
            shown = jobstate.present(azure, job)
            assert shown["status"] in ("succeeded", "paused", "failed"), shown
            ends += shown["status"] == "succeeded"
            if shown["status"] != "succeeded":
                azure.store.delete("open_job", job["id"])
        for model in azure.store.all("model", "/acc"):
            path = training.model_path(jobstate.job_folder(azure, model["_folder"]), model["_step"])
            assert training.read_model(path).model.memory
        for part in azure.store.all("part"):
            assert (azure.blobs / "uploads" / part["upload_id"] / part["id"]).stat().st_size == part["_bytes"]
        azure.close()
    assert ends > 5
