"""curl with the commands of Microsoft's guide to fine-tuning by REST, word for word but for names and ids.

One thing is not as the guide prints it: it lists events and checkpoints, and deploys, with POST. The service's own
specifications have GET and PUT there, and so has what is written here.
"""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from lab import examples

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")

DATED = {
    "files": "openai/files",
    "jobs": "openai/fine_tuning/jobs",
    "models": "openai/models",
    "version": "?api-version=2024-10-21",
}
V1 = {"files": "openai/v1/files", "jobs": "openai/v1/fine_tuning/jobs", "models": "openai/v1/models", "version": ""}
KEY = '-H "api-key: $AZURE_OPENAI_API_KEY"'
JSON = '-H "Content-Type: application/json"'

UPLOAD = f"""curl -X POST $AZURE_OPENAI_ENDPOINT/{{files}}{{version}} \\
  -H "Content-Type: multipart/form-data" \\
  {KEY} \\
  -F "purpose=fine-tune" \\
  -F "file=@{{name}};type=application/json"
"""
TRAIN = f"""curl -X POST $AZURE_OPENAI_ENDPOINT/{{jobs}}{{version}} \\
  {JSON} \\
  {KEY} \\
  -d '{{{{
    "model": "gpt-4.1-2025-04-14",
    "training_file": "{{training}}",
    "validation_file": "{{validation}}",
    "seed": 105
}}}}'
"""
TRAIN_GLOBALLY = f"""curl -X POST $AZURE_OPENAI_ENDPOINT/openai/fine_tuning/jobs?api-version=2025-04-01-preview \\
  {JSON} \\
  {KEY} \\
  -d '{{{{
    "model": "gpt-4.1-2025-04-14",
    "training_file": "{{training}}",
    "validation_file": "{{validation}}",
    "seed": 105,
    "trainingType": "globalstandard"
}}}}'
"""
JOB = f"""curl -X GET $AZURE_OPENAI_ENDPOINT/{{jobs}}/{{job}}{{version}} \\
  {KEY}
"""
EVENTS = f"""curl -X GET $AZURE_OPENAI_ENDPOINT/{{jobs}}/{{job}}/events{{version}} \\
  {JSON} \\
  {KEY}
"""
CHECKPOINTS = EVENTS.replace("/events", "/checkpoints")
FILES = f"""curl -X GET $AZURE_OPENAI_ENDPOINT/{{files}}{{version}} \\
  {KEY}
"""
RESULTS = f"""curl -X GET "$AZURE_OPENAI_ENDPOINT/{{files}}/{{result}}/content{{version}}" \\
    {KEY} > results.csv
"""
DEPLOYMENT = '"$ARM{account}/deployments/{deployment}?api-version=2024-10-21"'
DEPLOY = f"""curl -X PUT {DEPLOYMENT} \\
  -H "Authorization: Bearer $TOKEN" \\
  {JSON} \\
  -d '{{{{
    "sku": {{{{"name": "standard", "capacity": 1}}}},
    "properties": {{{{
        "model": {{{{
            "format": "OpenAI",
            "name": "{{model}}",
            "version": "1"
        }}}}
    }}}}
}}}}'
"""
UNDEPLOY = f'curl -X DELETE {DEPLOYMENT} -H "Authorization: Bearer $TOKEN"'
MESSAGES = """"messages": [
    {{"role": "system", "content": "You answer in one short sentence."}},
    {{"role": "user", "content": "What is 3 plus 3?"}}
  ]"""
CHAT = f"""curl $AZURE_OPENAI_ENDPOINT/openai/deployments/{{deployment}}/chat/completions?api-version=2024-10-21 \\
  {JSON} \\
  {KEY} \\
  -d '{{{{{MESSAGES}, "temperature": 0}}}}'
"""
CHAT_V1 = f"""curl $AZURE_OPENAI_ENDPOINT/openai/v1/chat/completions \\
  {JSON} \\
  {KEY} \\
  -d '{{{{"model": "{{deployment}}", {MESSAGES}, "temperature": 0}}}}'
"""
DELETE_FILE = f"curl -X DELETE $AZURE_OPENAI_ENDPOINT/{{files}}/{{training}}{{version}} {KEY}"
DELETE_MODEL = f"curl -X DELETE $AZURE_OPENAI_ENDPOINT/{{models}}/{{model}}{{version}} {KEY}"


class Shell:
    """A shell of a user who has done what the guide asks for: an endpoint, a key, a token and two files."""

    def __init__(self, account, folder):
        self.folder = folder
        self.values = {"account": account.id}
        # What curl says beside the guide's own words: nothing but errors, and a failure where the service refuses.
        (folder / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n", encoding="ascii")
        self.environment = account.azure.process_environment(
            CURL_HOME=str(folder),
            AZURE_OPENAI_ENDPOINT=account.endpoint,
            AZURE_OPENAI_API_KEY=account.key,
            ARM=account.azure.url,
            TOKEN=account.arm.token,
        )
        for name, number in (("training_set.jsonl", 20), ("validation_set.jsonl", 10)):
            (folder / name).write_bytes(examples(number))

    def run(self, command, **values):
        done = subprocess.run(
            ["bash", "-c", command.format(**self.values, **values)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout

    def ask(self, command, **values):
        code, said = self.run(command, **values)
        assert code == 0, said
        return json.loads(said) if said else None


@pytest.fixture(params=[DATED, V1], ids=["dated", "v1"])
def shell(request, account, tmp_path):
    shell = Shell(account, tmp_path)
    shell.values |= request.param
    return shell


def upload(shell):
    names = ("training_set.jsonl", "validation_set.jsonl")
    shell.values |= {
        what: shell.ask(UPLOAD, name=name)["id"] for what, name in zip(("training", "validation"), names, strict=True)
    }
    assert {shell.values["training"], shell.values["validation"]} <= {one["id"] for one in shell.ask(FILES)["data"]}


def test_the_guide(shell, azure):
    upload(shell)
    azure.advance("1h")
    begun = shell.ask(TRAIN)
    assert (begun["status"], begun["seed"]) == ("pending", 105)
    shell.values["job"] = begun["id"]

    azure.advance("24h")
    job = shell.ask(JOB)
    assert job["status"] == "succeeded"
    shell.values |= {"model": job["fine_tuned_model"], "result": job["result_files"][0]}
    assert any(one["message"] == "Job succeeded." for one in shell.ask(EVENTS)["data"])
    assert shell.ask(CHECKPOINTS)["data"][0]["fine_tuned_model_checkpoint"] == job["fine_tuned_model"]
    assert shell.ask(RESULTS) is None
    assert (shell.folder / "results.csv").read_text("utf-8").startswith("step,train_loss,")

    shell.values["deployment"] = "sums"
    assert shell.ask(DEPLOY)["properties"]["model"]["name"] == job["fine_tuned_model"]
    azure.advance("1h")
    answer = shell.ask(CHAT if shell.values["version"] else CHAT_V1)
    assert answer["choices"][0]["message"]["content"] == "3 plus 3 is 6."

    code, refused = shell.run(DELETE_MODEL)
    assert (code, json.loads(refused)["error"]["code"]) == (22, "conflict")  # 22: the service said no
    shell.ask(UNDEPLOY)
    azure.advance("1h")
    shell.ask(DELETE_MODEL)
    shell.ask(DELETE_FILE)
    assert shell.values["training"] not in {one["id"] for one in shell.ask(FILES)["data"]}


def test_global_training_by_the_preview_version(shell, azure):
    upload(shell)
    azure.advance("1h")
    assert shell.ask(TRAIN_GLOBALLY)["trainingType"] == "globalStandard"


def test_without_a_key_curl_gets_the_services_refusal(shell):
    shell.environment["AZURE_OPENAI_API_KEY"] = ""
    code, refused = shell.run(FILES)
    assert (code, json.loads(refused)["error"]["code"]) == (22, "401")
