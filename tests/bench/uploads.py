"""Uploads of 150 MB, in one request and in parts, to a local Azure in a process of its own: rate and memory.

Run it by hand: `python -m tests.bench.uploads [MEGABYTES]`. It judges nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ftctl.clients.uploads import Sizes, Source, Way, upload
from ftctl.core.clock import SystemClock
from ftctl.request import Request
from ftctl.workflow import connect, load

SPEC = {
    "apiVersion": "ftctl/v1",
    "stack": "bench",
    "azure": {
        "subscription": "${AZURE_SUBSCRIPTION_ID}",
        "resourceGroup": {"name": "rg-bench", "create": True, "location": "swedencentral"},
        "cloud": "local",
    },
    "resources": {"main": {"name": "bench", "location": "swedencentral"}},
    "roleAssignments": {
        "engineers": {"role": "Cognitive Services OpenAI Contributor", "principal": {"group": "ml-engineers"}}
    },
}
WAYS = {"one request": Sizes(whole=1 << 30), "parts of 64 MB": Sizes()}


def rows(path: Path, size: int) -> Source:
    """A chat file of about `size` bytes."""
    line = b'{"messages":[{"role":"user","content":"%08d"},{"role":"assistant","content":"' + b"word " * 180 + b'"}]}\n'
    hasher, written = hashlib.sha256(), 0
    with path.open("wb") as file:
        for number in range(size // len(line % 0)):
            data = line % number
            hasher.update(data)
            written += file.write(data)
    return Source(path, path.name, hasher.hexdigest(), written)


def main() -> None:
    size = int(sys.argv[1] if len(sys.argv) > 1 else 150) * 1_000_000
    with tempfile.TemporaryDirectory(prefix="ftctl-bench-") as name:
        folder = Path(name)
        os.environ["FTCTL_LOCAL_DIR"] = str(folder / "azure")
        ftctl = [sys.executable, "-m", "ftctl"]
        subprocess.run([*ftctl, "local", "up", "--detach"], check=True, capture_output=True)
        try:
            env = subprocess.run([*ftctl, "local", "env", "-o", "json"], check=True, capture_output=True, text=True)
            os.environ["AZURE_SUBSCRIPTION_ID"] = json.loads(env.stdout)["AZURE_SUBSCRIPTION_ID"]
            (folder / "stack.yaml").write_text(json.dumps(SPEC))
            subprocess.run(
                [*ftctl, "apply", str(folder / "stack.yaml"), "--auto-approve"], check=True, capture_output=True
            )
            measure(folder, rows(folder / "train.jsonl", size))
        finally:
            subprocess.run([*ftctl, "local", "down"], check=True, capture_output=True)


def measure(folder: Path, source: Source) -> None:
    (stack,) = load(Request((folder / "stack.yaml",)))
    clock = SystemClock()
    with connect([stack], clock=clock, folder=folder / "azure") as clouds:
        (clients,) = clouds.values()
        (account,) = clients.arm.list_accounts(stack.home.subscription)
        data = clients.data(account["properties"]["endpoint"])
        data.list_files()
        for way, sizes in WAYS.items():
            began = time.perf_counter()
            made = upload(source, "train.jsonl", Way(data, clock, 1.0, lambda: None, sizes=sizes))
            seconds = time.perf_counter() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            rate = source.size / seconds / 1e6
            print(f"{way:16}{source.size / 1e6:8.0f} MB{rate:8.0f} MB/s{peak:8.0f} MiB at most  {made['id']}")


main()
