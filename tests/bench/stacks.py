"""Many stacks, and a large one, as whole processes: `python -m tests.bench.stacks [STACKS]`; 0 for the large one alone.

1,000 stacks of five things over 10 accounts are validated and planned, before anything of theirs is there and when all
but a few are as declared; then one stack of 100 files, 500 jobs and 200 deployments with 50 ms added to each call.
Prints wall time, peak memory and calls; it judges nothing and fails nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ftctl import workflow
from ftctl.core.changes import Plan
from ftctl.core.clock import SystemClock
from ftctl.core.model import Home, Wanted
from ftctl.embedded import Server, announce, withdraw
from ftctl.kinds import kinds, marks
from ftctl.local.azure import Azure, Settings
from ftctl.request import Request
from ftctl.spec.stack import Stack
from tests.local import scale

ROOT = Path(__file__).parents[2]
ACCOUNTS, CONTENTS, CHANGED = 10, 80, 20
MODEL = "gpt-4.1-mini-2025-04-14"
SUBSCRIPTION = "00000000-0000-4000-8000-00000000f7c1"
GROUP = "rg-many"
AZURE = f"azure: {{subscription: {SUBSCRIPTION}, resourceGroup: {GROUP}, cloud: local}}\n"
MEASURED = (  # a small parent: what a process took before it became another program would count as well
    "import resource, subprocess, sys, time; began = time.perf_counter()\n"
    "code = subprocess.call([sys.executable, '-m', 'ftctl', *sys.argv[1:]])\n"
    "took, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)\n"
    "print(); print(code, round(took, 2), round(used.ru_utime + used.ru_stime, 2), used.ru_maxrss // 1024)\n"
)
ENGINEERS = "00000000-0000-4000-8000-000000009001"


# --- what is declared


def write_many(folder: Path, count: int) -> None:
    """The first stacks own an account each, and all others refer to one of these."""
    data = folder / "data"
    data.mkdir(parents=True)
    for number in range(CONTENTS):
        (data / f"{number:03}.jsonl").write_text("".join(_example(number, line) for line in range(60)))
    for number in range(count):
        (folder / f"stack-{number:04}.yaml").write_text(_stack(number))


def _example(number: int, line: int) -> str:
    said = [("system", "You are kind."), ("user", f"Where is order {number}-{line}?"), ("assistant", f"At {line}.")]
    return json.dumps({"messages": [{"role": role, "content": text} for role, text in said]}) + "\n"


def _stack(number: int, capacity: int = 10) -> str:
    account, owner = number % ACCOUNTS, number < ACCOUNTS
    data = number // ACCOUNTS % CONTENTS
    group = f"{{name: {GROUP}, create: true, location: swedencentral}}" if not number else GROUP
    return (
        f"apiVersion: ftctl/v1\nstack: stack-{number:04}\n{AZURE.replace(GROUP, group)}"
        f"resources:\n  main: {{name: aoai-many-{account}, location: swedencentral, "
        f"manage: {'full' if owner else 'reference'}}}\n"
        f"roleAssignments:\n  team:\n    role: Cognitive Services OpenAI {'Contributor' if owner else 'User'}\n"
        f"    principal: {{id: {ENGINEERS if owner else uuid.UUID(int=number)}, type: Group}}\n"
        f"datasets:\n  train: {{path: data/{data:03}.jsonl}}\n"
        f"jobs:\n  tone: {{model: {MODEL}, training: train, seed: {number}, hyperparameters: {{n_epochs: 2}}}}\n"
        f"deployments:\n  tone-{number:04}: {{model: {{job: tone}}, capacity: {capacity}}}\n"
    )


def write_large(folder: Path) -> None:
    """100 files, 500 jobs and 200 deployments."""
    (folder / "data").mkdir(parents=True)
    for number in range(100):
        (folder / "data" / f"{number:03}.jsonl").write_text("".join(_example(number, line) for line in range(60)))
    lines = ["apiVersion: ftctl/v1", "stack: large", AZURE.replace(GROUP, "rg-large").rstrip()]
    lines[-1] = lines[-1].replace("rg-large", "{name: rg-large, create: true, location: swedencentral}")
    lines += ["resources:", "  main: {name: aoai-large, location: swedencentral}", "roleAssignments:"]
    lines += ["  team:", "    role: Cognitive Services OpenAI Contributor"]
    lines += [f"    principal: {{id: {ENGINEERS}, type: Group}}", "datasets:"]
    lines += [f"  d{number}: {{path: data/{number:03}.jsonl}}" for number in range(100)]
    lines += ["jobs:"]
    lines += [f"  j{number}: {{model: {MODEL}, training: d{number % 100}, seed: {number}}}" for number in range(500)]
    lines += ["deployments:"]
    lines += [f"  s{number}: {{model: {{job: j{number}}}, capacity: 1}}" for number in range(200)]
    (folder / "large.yaml").write_text("\n".join(lines) + "\n")


# --- what is there


def seed(azure: Azure, plans: Iterable[tuple[Stack, Plan]]) -> None:
    """Put into the local Azure what the stacks declare, as if it had been applied a while ago."""
    with azure.store.transaction():
        for stack, plan in plans:
            account = next(change.live.id for change in plan.changes if change.kind == "account" and change.live)
            files: dict[str, str] = {}
            trained: dict[str, str] = {}
            for resource in stack.resources:
                wanted = kinds()[resource.address.kind].wanted(resource, plan.world)
                match resource.address.kind:
                    case "dataset":
                        files[wanted.fields["sha256"]] = _seed_file(azure, account, wanted)
                    case "job":
                        trained[str(resource.address)] = _seed_job(azure, account, wanted, files)
                    case "deployment":
                        model = trained[str(wanted.fields["model"].source)]
                        _seed_deployment(azure, account, wanted, model, plan.home)
                    case "roleAssignment":
                        _seed_role(azure, wanted)


def _seed_file(azure: Azure, account: str, wanted: Wanted) -> str:
    """One file for each content: the first stack's."""
    fields = wanted.fields
    id_ = f"file-{uuid.uuid5(uuid.NAMESPACE_URL, account + fields['sha256']).hex}"
    if azure.store.get("file", id_):
        return id_
    doc = {"id": id_, "created_at": int(azure.moment()) - 7200, "filename": wanted.name, "object": "file"}
    doc |= {"purpose": "fine-tune", "_account": account.lower(), "_ready_at": 0.0, "bytes": fields["bytes"]}
    doc |= {"_format": "chat", "_examples": 60, "_problem": "", "_unfit": {}}
    azure.store.put("file", id_, doc, parent=account)
    return id_


def _seed_job(azure: Azure, account: str, wanted: Wanted, files: dict[str, str]) -> str:
    number, fields = azure.store.count("job") + 1, wanted.fields
    id_ = scale.ended(azure, account, number)
    job = azure.store.get("job", id_)
    assert job
    model = f"{MODEL}.ft-{number:032x}-{wanted.name}"
    asked = {"n_epochs": 2, "batch_size": -1, "learning_rate_multiplier": -1}
    job |= {"suffix": wanted.name, "training_file": files[fields["training"]], "trainingType": "globalStandard"}
    job |= {"seed": fields["seed"], "_result": model, "fine_tuned_model": model, "_asked": asked}
    job |= {"_method": {"kind": "supervised", "sent": True, "parts": {}}, "finished_at": job["created_at"] + 3600}
    azure.store.put("job", id_, job, parent=account)
    return model


def _seed_deployment(azure: Azure, account: str, wanted: Wanted, model: str, home: Home) -> None:
    made, fields = azure.moment() - 60, wanted.fields
    id_ = f"{account}/deployments/{wanted.name}"
    doc = {"id": id_, "name": wanted.name, "_account": account, "_during": "Creating", "_until": made, "_made": made}
    doc |= {"properties": {"model": {"format": "OpenAI", "name": model, "version": "1"}}, "_tuned": True}
    doc |= {"sku": {"name": fields["sku"], "capacity": fields["capacity"]}, "_base": MODEL, "_requests": 1}
    doc |= {
        "_usage": "OpenAI.GlobalStandard.gpt4.1-mini-finetune",
        "_region": "swedencentral",
        "_window": 60,
        "_etag": str(uuid.uuid4()),
    }
    azure.store.put(
        "deployment", id_, doc | {"tags": marks.tags(home, wanted.settings["label"], wanted)}, parent=account
    )


def _seed_role(azure: Azure, wanted: Wanted) -> None:
    fields, name = wanted.fields, str(uuid.uuid5(uuid.NAMESPACE_URL, wanted.key))
    id_ = f"{fields['scope']}/providers/Microsoft.Authorization/roleAssignments/{name}"
    role = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{fields['role']}"
    properties = {"roleDefinitionId": role, "principalId": fields["principal"], "principalType": "Group"}
    properties |= {"scope": fields["scope"], "description": wanted.settings["description"]}
    properties |= {"createdOn": "2026-01-01T00:00:00.0000000Z", "updatedOn": "2026-01-01T00:00:00.0000000Z"}
    doc = {"id": id_, "name": name, "type": "Microsoft.Authorization/roleAssignments", "properties": properties}
    azure.store.put("role_assignment", id_, doc | {"_made": 0.0}, parent=fields["scope"])


def planned(path: Path) -> list[tuple[Stack, Plan]]:
    """All stacks with their plans, made here."""
    stacks, clock = workflow.load(Request((path,))), SystemClock()
    with workflow.connect(stacks, clock=clock) as clouds:
        return [(one, workflow.plan(one, clouds[workflow.cloud_key(one)], clock=clock)) for one in stacks]


# --- measuring


class Used(NamedTuple):
    """Seconds by the clock and of the processor, peak megabytes, and the last line of what was said."""

    seconds: float
    busy: float
    megabytes: int
    said: str


def run(*words: object, trace: Path | None = None) -> Used:
    """What a whole process took."""
    command = [sys.executable, "-c", MEASURED, *map(str, words), *(["--trace", str(trace)] if trace else [])]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, text=True)
    *lines, last = [line for line in done.stdout.splitlines() if line.strip()]
    code, seconds, busy, megabytes = last.split()
    said = f"exit {code}: {lines[-1].strip() if lines else ''}"
    return Used(float(seconds), float(busy), int(megabytes), said)


def told(what: str, used: Used, goal: str) -> None:
    figures = f"{used.seconds:6.1f} s, {used.busy:5.1f} s of it busy, {used.megabytes:4} MB"
    print(f"{what:44}{figures}  (goal: {goal}; load {os.getloadavg()[0]:.1f})\n    {used.said[:100]}")


def calls_of(trace: Path) -> int:
    """How many calls a trace tells of, and which were made more than once."""
    lines = [line.split() for line in trace.read_text().splitlines()]
    for (method, url), number in Counter((line[1], line[2].partition("?")[0]) for line in lines).most_common(4):
        print(f"    {number:5} {method} {'/'.join(url.split('/')[-3:])}")
    return len(lines)


def many(azure: Azure, folder: Path, count: int) -> None:
    specs = folder / "many"
    write_many(specs, count)
    told(f"validate, {count:,} stacks, nothing cached", run("validate", specs), "20 s")
    told(f"validate, {count:,} stacks, again", run("validate", specs), "20 s")
    for number in range(ACCOUNTS):  # the accounts and who may use them; the rest is put there afterwards
        owner = specs / f"stack-{number:04}.yaml"
        owner.write_text(_stack(number).partition("datasets:")[0])
        run("apply", owner, "--auto-approve")
        owner.write_text(_stack(number))
    trace = folder / "trace"
    told(f"plan, {count:,} stacks, all but the accounts new", run("plan", specs, trace=trace), "60 s, 500 MB")
    print(f"    {calls_of(trace):,} calls")
    seed(azure, planned(specs))
    for number in range(count - CHANGED, count):
        (specs / f"stack-{number:04}.yaml").write_text(_stack(number, capacity=20))
    told(f"plan, {count:,} stacks, {CHANGED} have changed", run("plan", specs, trace=trace), "60 s, 500 MB")
    print(f"    {calls_of(trace):,} calls")


def large(azure: Azure, folder: Path) -> None:
    specs = folder / "large"
    write_large(specs)
    text = (specs / "large.yaml").read_text()
    (specs / "large.yaml").write_text(text.partition("datasets:")[0])
    run("apply", specs, "--auto-approve")
    (specs / "large.yaml").write_text(text)
    seed(azure, planned(specs))
    run("plan", specs)  # the checks of the data are kept
    run("local", "faults", "add", "slow", "--seconds", "0.05")
    trace = folder / "trace"
    told("plan, 200/500/100, 50 ms more a call", run("plan", specs, trace=trace), "2.5 s, 25 calls")
    print(f"    {calls_of(trace):,} calls")
    run("local", "faults", "clear")


def main(count: int = 1000) -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its byte code
    with tempfile.TemporaryDirectory(prefix="ftctl-bench-") as name:
        folder = Path(name)
        os.environ |= {"FTCTL_LOCAL_DIR": str(folder / "azure"), "FTCTL_CACHE_DIR": str(folder / "cache")}
        (folder / "azure").mkdir()
        azure = Azure(folder / "azure", settings=Settings(pace=100_000, idle_removal=False))
        with azure.serve() as served:
            announce(folder / "azure", Server(served.url, os.getpid()))
            large(azure, folder)
            if count:
                many(azure, folder, count)
        withdraw(folder / "azure", os.getpid())
        azure.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
