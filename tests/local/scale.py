"""Much of everything, for tests and the benchmark: ten thousand jobs, a hundred thousand events, large data."""

from __future__ import annotations

import io
import json
import time
from array import array
from math import nan
from random import Random

from ftctl.local import files, jobstate, measures
from ftctl.local.wire import Request
from tests.local.plane import MODEL

ROOT = "/cognitiveservices/acc-sub/openai/v1"
STEPS = 1_000_000  # of which every tenth has an event


class Asked:
    """Calls straight at the local Azure, and the longest time that one of them took to compute."""

    def __init__(self, azure, key):
        self.azure, self.key, self.longest = azure, key, 0.0

    def get(self, path, **query):
        texts = {name: str(value) for name, value in query.items()}
        headers = {"api-key": self.key}
        request = Request(self.azure, "GET", ROOT + path, texts, headers, io.BytesIO(), 0, "https://localhost")
        begun = time.thread_time()
        reply = self.azure.handle(request)
        found = json.dumps(reply.body)
        self.longest = max(self.longest, time.thread_time() - begun)
        assert reply.status == 200, found
        return reply.body

    def pages(self, path, limit):
        after = {}
        while True:
            page = self.get(path, limit=limit, **after)
            yield page["data"]
            if not page["has_more"]:
                return
            after = {"after": page["data"][-1]["id"]}


def ended(azure, account, number, steps=4):
    """A job that has succeeded, as the store keeps it."""
    id_ = f"ftjob-{number:032x}"
    chosen = {"n_epochs": 1, "batch_size": 1, "learning_rate_multiplier": 1.0}
    now = azure.moment()
    job = {"id": id_, "created_at": int(now), "model": MODEL, "object": "fine_tuning.job", "seed": 1}
    job |= {"training_file": "file-gone", "_account": account.lower(), "_created": now - 1e6, "_placed": now - 1e6}
    job |= {"_unit": 1 / 360, "_root": MODEL, "_result": f"{MODEL}.ft-{number:032x}", "_steps": steps}
    job |= {"_asked": chosen, "_chosen": chosen, "_own_rate": 1.0, "finished_at": int(now)}
    job |= {"_method": {"kind": "supervised", "sent": False, "parts": {}}, "trained_tokens": 5}
    results = jobstate.results_id(job)
    file = {"id": results, "bytes": 5, "created_at": 1, "filename": "results.csv", "object": "file"}
    azure.store.put("file", results, file | {"purpose": files.RESULTS, "_account": account.lower()}, parent=account)
    azure.store.put("job", id_, job | {"result_files": [results]}, parent=account)
    return id_


def long_job(azure, account):
    """A job whose events are a hundred thousand."""
    job = ended(azure, account, 7, STEPS)
    folder = jobstate.job_folder(azure, job)
    folder.mkdir(parents=True)
    (folder / measures.ROWS).write_bytes((array("d", [1, 0.5, 0.5, nan, nan, nan, nan]) * STEPS).tobytes())
    (folder / measures.FIT).write_bytes(measures.summary([measures.Row(1, 1.0, 1.0)], 5))
    return job


def write_examples(path, count):
    """Chat data whose words differ from example to example."""
    random = Random(1)
    words = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(2, 9))) for _ in range(5_000)]
    with path.open("wb") as file:
        for _ in range(count):
            asked, said = (" ".join(random.choices(words, k=number)) for number in (12, 4))
            row = {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
            file.write(json.dumps(row).encode() + b"\n")
