"""The local Azure with much in it: pages of long lists, and a large training (`python -m tests.bench.local_scale`).

Prints processor time, which other work on the machine does not change much; it judges nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from ftctl.local.azure import Azure, Settings
from tests.local import plane, scale
from tests.local.conftest import GROUP, Caller

ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/acc"
EXAMPLES = 50_000
TRAINING = (
    "import resource, sys; from pathlib import Path; from ftctl.local import training as t\n"
    "n = int(sys.argv[2])\n"
    "fit = t.fitted(t.Recipe(Path(sys.argv[1]), t.automatic_epochs(n), t.automatic_batch(n), 1.0, 1))\n"
    "used = resource.getrusage(resource.RUSAGE_SELF)\n"
    "print(len(fit.rows), used.ru_maxrss // 1024, round(used.ru_utime + used.ru_stime, 1))\n"
)


def lists(folder: Path) -> None:
    import requests  # noqa: PLC0415  only to prepare

    azure = Azure(folder, settings=Settings(pace=100_000))
    with azure.serve() as served, requests.Session() as session:
        arm = Caller(azure, served, session)
        arm.put(GROUP, {"location": "swedencentral"})
        body = {"location": "swedencentral", "kind": "OpenAI", "sku": {"name": "S0"}}
        arm.put(ACCOUNT, body | {"properties": {"customSubDomainName": "acc-sub"}})
        azure.clock.advance(60)
        asked = scale.Asked(azure, plane.key(arm, ACCOUNT))
    with azure.store.transaction():
        for number in range(10_000):
            scale.ended(azure, ACCOUNT, number + 10)
        job = scale.long_job(azure, ACCOUNT)
    for what, path, limit in (
        ("10,001 jobs", "/fine_tuning/jobs", 100),
        ("100,014 events", f"/fine_tuning/jobs/{job}/events", 100),
    ):
        asked.longest = 0.0
        pages = sum(1 for _ in asked.pages(path, limit))
        print(f"{what}, {pages} pages of {limit}: the longest call {asked.longest * 1000:.0f} ms (goal: under 100 ms)")


def training(folder: Path) -> None:
    data = folder / "training.jsonl"
    scale.write_examples(data, EXAMPLES)
    command = [sys.executable, "-c", TRAINING, str(folder), str(EXAMPLES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    steps, megabytes, seconds = done.stdout.split()
    print(f"training on {EXAMPLES:,} examples, {steps} steps: {seconds} s, {megabytes} MB (goal: seconds, 500 MB)")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ftctl-bench-") as name:
        lists(Path(name) / "azure")
        training(Path(name))


if __name__ == "__main__":
    main()
