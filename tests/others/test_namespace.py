"""Programs without any endpoint setting, where Azure's own names lead to the local Azure.

That is in a network of their own that has loopback alone, with an /etc/hosts that nobody else sees.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lab import OPENAI_CONTRIBUTOR, ROOT, bare_environment, missing

from ftctl.local import identity

pytestmark = pytest.mark.others
LAB = Path(__file__).with_name("namespace_lab.py")
NAME = "acc-by-name"
HOSTS = f"""127.0.0.1 localhost
127.0.0.1 management.azure.com login.microsoftonline.com graph.microsoft.com
127.0.0.1 {NAME}.openai.azure.com {NAME}.cognitiveservices.azure.com
"""
# All that runs in it ends with it. Who is not root becomes root of the namespace alone.
UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", *(["-r"] if os.getuid() else [])]
PROGRAM = """
set -eu
ip link set lo up
mount --bind "$1" /etc/hosts; shift
"$PYTHON" -m ftctl local up --detach --by-name --port 443 --pace 100000 >&2
exec "$PYTHON" "$@"
"""


@pytest.fixture
def network(tmp_path):
    """Run Python there, with what a pipeline gives its programs: an app's secret, and whom to trust."""
    if subprocess.run([*UNSHARE, "true"], capture_output=True, timeout=10, check=False).returncode:
        missing("this machine lets nobody make a network namespace")
    folder, hosts = tmp_path / "azure", tmp_path / "hosts"
    folder.mkdir(mode=0o700)
    hosts.write_text(HOSTS, encoding="ascii")
    app = identity.FTCTL_LOCAL.client_id
    environment = bare_environment() | {
        "PYTHON": sys.executable,
        "FTCTL_LOCAL_DIR": str(folder),
        "SSL_CERT_FILE": str(folder / "ca.pem"),
        "REQUESTS_CA_BUNDLE": str(folder / "ca.pem"),
        "AZURE_TENANT_ID": identity.TENANT_ID,
        "AZURE_CLIENT_ID": app,
        "AZURE_CLIENT_SECRET": identity.Secrets.ensure(folder).client_secrets[app],
    }

    def run(*arguments):
        return subprocess.run(
            [*UNSHARE, "sh", "-c", PROGRAM, "sh", hosts, *arguments],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_lab_needs_no_endpoint(network):
    done = network(LAB, "rg-by-name", NAME, identity.SUBSCRIPTION_ID, OPENAI_CONTRIBUTOR)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["endpoint"] == f"https://{NAME}.cognitiveservices.azure.com/"
    assert found["location"].startswith(f"https://{NAME}.cognitiveservices.azure.com/openai/files/file-")
    assert found["status"] == "succeeded"
    assert found["answers"] == ["3 plus 3 is 6."] * 3
