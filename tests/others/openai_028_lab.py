"""The lab as the first guides for Azure had it, with openai 0.28: run as a program by test_openai_028.py.

Its environment names the account; `python openai_028_lab.py FOLDER train` ends with the job's creation, and
`python openai_028_lab.py FOLDER use JOB` goes on once that has succeeded. Each prints what it found as JSON.
"""

import json
import os
import sys
import time
from pathlib import Path

import openai
import requests

openai.api_type = "azure"
openai.api_key = os.environ["AZURE_OPENAI_API_KEY"]
openai.api_base = os.environ["AZURE_OPENAI_ENDPOINT"]
openai.api_version = "2023-12-01-preview"
FILES = ("training_set.jsonl", "validation_set.jsonl")


def upload(folder: Path, name: str) -> str:
    sent = openai.File.create(file=(folder / name).open("rb"), purpose="fine-tune", user_provided_filename=name)
    while openai.File.retrieve(sent["id"])["status"] != "processed":
        time.sleep(0.05)
    return sent["id"]


def train(folder: Path) -> dict:
    training, validation = (upload(folder, name) for name in FILES)
    job = openai.FineTuningJob.create(
        training_file=training, validation_file=validation, model="gpt-4.1-mini-2025-04-14"
    )
    listed = openai.FineTuningJob.list(limit=5)
    return {
        "files": {one["id"]: one["filename"] for one in openai.File.list()["data"]},
        "asked": [training, validation],
        "job": job["id"],
        "status": job["status"],
        "jobs": [one["id"] for one in listed["data"]],
    }


def use(job_id: str) -> dict:
    job = openai.FineTuningJob.retrieve(job_id)
    # This version leaves `/openai` and the api-version out of the events' address; said by hand it has them.
    azure = {"api_base": f"{openai.api_base}/openai", "api-version": openai.api_version}
    events = openai.FineTuningJob.list_events(id=job_id, limit=100, **azure)
    deployed = requests.put(
        os.environ["DEPLOYMENT_URL"],
        params={"api-version": "2023-05-01"},
        headers={"Authorization": f"Bearer {os.environ['TOKEN']}", "Content-Type": "application/json"},
        data=json.dumps(
            {
                "sku": {"name": "standard", "capacity": 1},
                "properties": {"model": {"format": "OpenAI", "name": job["fine_tuned_model"], "version": "1"}},
            }
        ),
        timeout=10,
    )
    result = {
        "status": job["status"],
        "model": job["fine_tuned_model"],
        "events": [one["message"] for one in events["data"]],
        "results": openai.File.download(job["result_files"][0]).decode(),
        "deployed": [deployed.status_code, deployed.json()["properties"]["provisioningState"]],
    }
    time.sleep(0.3)  # a deployment is made in moments, at the pace of the test's Azure
    messages = [{"role": "user", "content": "What is 3 plus 3?"}]
    answer = openai.ChatCompletion.create(engine="sums", messages=messages, temperature=0)
    pieces = openai.ChatCompletion.create(engine="sums", messages=messages, temperature=0, stream=True)
    deltas = [one["choices"][0]["delta"] for one in pieces if one["choices"]]
    result |= {
        "answer": answer["choices"][0]["message"]["content"],
        "streamed": "".join(one.get("content", "") for one in deltas),
    }
    openai.File.delete(job["training_file"])
    result["files"] = [one["id"] for one in openai.File.list()["data"]]
    result["training_file"] = job["training_file"]
    try:
        openai.FineTuningJob.retrieve("ftjob-" + "0" * 32)
    except openai.error.InvalidRequestError as error:
        result["missing"] = [error.http_status, error.code]
    return result


if __name__ == "__main__":
    sys.stdout.write(json.dumps(train(Path(sys.argv[1])) if sys.argv[2] == "train" else use(sys.argv[3])))
