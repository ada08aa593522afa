"""Data in Azure Storage, as Microsoft's own emulator serves it: imported by its signed address, proved by its hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
import yaml
from lab import OTHERS, LocalAzure, bare_environment, examples, installed

pytestmark = pytest.mark.others

VERSION = "2022-11-02"  # of the storage service, whose signatures are made as below
CONTAINER, BLOB = "tuning", "train.jsonl"
ROWS = examples(5_000)
_STARTED = "successfully listens"


@dataclass(frozen=True)
class Storage:
    """A storage account of the emulator's."""

    url: str
    account: str
    key: str

    def put(self, content: bytes) -> None:
        """Keep `content` as the blob, with a signature that may write."""
        sas = self._account_sas()
        requests.put(f"{self.url}/{CONTAINER}?restype=container&{sas}", timeout=10)  # 409 where it is there already
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": VERSION}
        put = requests.put(f"{self.url}/{CONTAINER}/{BLOB}?{sas}", data=content, headers=headers, timeout=30)
        put.raise_for_status()

    def read_sas(self, lifetime: timedelta = timedelta(hours=1)) -> str:
        """A service signature that may read the one blob."""
        expiry = _stamp(datetime.now(UTC) + lifetime)
        resource = f"/blob/{self.account}/{CONTAINER}/{BLOB}"
        fields = ["r", "", expiry, resource, "", "", "", VERSION, "b", "", "", "", "", "", "", ""]
        return urlencode({"sv": VERSION, "sr": "b", "sp": "r", "se": expiry, "sig": self._sign(fields)})

    def _account_sas(self) -> str:
        expiry = _stamp(datetime.now(UTC) + timedelta(hours=1))
        fields = [self.account, "rwc", "b", "sco", "", expiry, "", "", VERSION, "", ""]
        return urlencode({"sv": VERSION, "ss": "b", "srt": "sco", "sp": "rwc", "se": expiry, "sig": self._sign(fields)})

    def _sign(self, fields: list[str]) -> str:
        digest = hmac.new(base64.b64decode(self.key), "\n".join(fields).encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """Azurite's blob service on a free port, with an account and a key of its own."""
    program = installed(OTHERS / "azurite" / "installed").parent / "node_modules" / ".bin" / "azurite-blob"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("azurite")
    key = base64.b64encode(secrets.token_bytes(64)).decode()
    log = (folder / "out.txt").open("w")
    command = [
        program,
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        "--location",
        str(folder),
        "--disableTelemetry",
    ]
    process = subprocess.Popen(command, env=os.environ | {"AZURITE_ACCOUNTS": f"lab:{key}"}, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 30
        while _STARTED not in (folder / "out.txt").read_text():
            assert process.poll() is None, (folder / "out.txt").read_text()
            assert time.monotonic() < until, "it does not start"
            time.sleep(0.1)
        yield Storage(f"http://127.0.0.1:{port}/lab", "lab", key)
    finally:
        process.terminate()
        process.wait(10)
        log.close()


@dataclass
class Stack:
    """A stack whose one dataset is the blob."""

    folder: Path
    azure: LocalAzure
    spec: dict
    said: str = ""

    def ftctl(self, *arguments: str, sas: str) -> int:
        """Run a command; what it said, its trace included, is kept."""
        (self.folder / "stack.yaml").write_text(yaml.safe_dump(self.spec))
        trace = self.folder / "trace.txt"
        done = subprocess.run(
            [sys.executable, "-m", "ftctl", *arguments, "stack.yaml", "--trace", str(trace)],
            env=bare_environment() | {"FTCTL_LOCAL_DIR": str(self.azure.folder), "NO_COLOR": "1", "FT_SAS": sas},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.said = done.stdout + done.stderr + trace.read_text()
        signature = sas.partition("sig=")[2]
        assert signature[:20] not in self.said
        return done.returncode


@pytest.fixture
def stack(tmp_path, azure, storage):
    name = f"blob-{secrets.token_hex(4)}"
    storage.put(ROWS)
    spec = {
        "apiVersion": "ftctl/v1",
        "stack": name,
        "azure": {
            "subscription": azure.environment["AZURE_SUBSCRIPTION_ID"],
            "resourceGroup": {"name": f"rg-{name}", "create": True, "location": "swedencentral"},
            "cloud": "local",
        },
        "resources": {"main": {"name": name, "location": "swedencentral"}},
        "roleAssignments": {
            "engineers": {"role": "Cognitive Services OpenAI Contributor", "principal": {"group": "ml-engineers"}}
        },
        "datasets": {
            "archive": {
                "url": f"{storage.url}/{CONTAINER}/{BLOB}?${{FT_SAS}}",
                "sha256": hashlib.sha256(ROWS).hexdigest(),
            }
        },
    }
    return Stack(tmp_path, azure, spec)


def test_a_blob_is_imported_by_its_signed_address(stack, storage):
    assert stack.ftctl("apply", "--auto-approve", sas=storage.read_sas()) == 0, stack.said
    assert "dataset/archive" in stack.said
    assert stack.ftctl("plan", "--detailed-exitcode", sas=storage.read_sas()) == 0, stack.said


def test_a_signature_that_has_expired_is_told_and_a_new_one_goes_on(stack, storage):
    expired = storage.read_sas(timedelta(hours=-1))
    assert stack.ftctl("apply", "--auto-approve", sas=expired) != 0
    assert "FT2214" in stack.said
    assert "403" in stack.said
    assert stack.ftctl("apply", "--auto-approve", sas=storage.read_sas()) == 0, stack.said


def test_a_blob_that_was_replaced_is_not_kept(stack, storage):
    storage.put(ROWS.replace(b"What is 7 plus 7?", b"What is 7 plus 8?"))
    assert stack.ftctl("apply", "--auto-approve", sas=storage.read_sas()) != 0
    assert "FT2211" in stack.said
    assert "deleted again" in stack.said
    storage.put(ROWS)
    assert stack.ftctl("apply", "--auto-approve", sas=storage.read_sas()) == 0, stack.said
