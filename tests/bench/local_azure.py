"""The local Azure as a server: small reads, a large upload, start-up. Run as `python -m tests.bench.local_azure`.

Each figure is of a server process of its own, over TLS, with clients in another process; it judges nothing.
"""

from __future__ import annotations

import http.client
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ftctl.local import identity
from ftctl.local.azure import Azure, Settings

ROOT = Path(__file__).parents[2]
GROUP = f"/subscriptions/{identity.SUBSCRIPTION_ID}/resourceGroups/rg"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/acc"
SERVER = (
    "import pathlib, sys, time\n"
    "from ftctl.local.azure import Azure\n"
    "with Azure(pathlib.Path(sys.argv[1])).serve() as served:\n"
    "    print(served.url, flush=True)\n"
    "    time.sleep(600)\n"
)
SECONDS, CONNECTIONS, ROUNDS = 2.0, 2, 5
UPLOAD = 200_000_000


class Server:
    """A server process on a folder, with what it uses of memory."""

    def __init__(self, folder: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", SERVER, str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline().rpartition(":")[2])
        self.context = ssl.create_default_context(cafile=str(folder / "ca.pem"))

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=60)

    def memory(self, name: str) -> float:
        """Megabytes by the kernel's count (VmRSS now, VmHWM at the most)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        line = next(line for line in status.splitlines() if line.startswith(name))
        return int(line.split()[1]) / 1000

    def busy(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class Raw:
    """A kept-alive connection that sends the same bytes again and again: a client that costs next to nothing."""

    def __init__(self, server: Server, path: str, headers: dict[str, str]) -> None:
        import socket  # noqa: PLC0415  only here

        plain = socket.create_connection(("127.0.0.1", server.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.secure = server.context.wrap_socket(plain, server_hostname="127.0.0.1")
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "User-Agent: bench", "Accept: */*"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self.length = len(self._first())

    def _first(self) -> bytes:
        self.secure.sendall(self.request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.secure.recv(65536)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0], head
        size = int(
            next(line.split(b":")[1] for line in head.splitlines() if line.lower().startswith(b"content-length"))
        )
        while len(body) < size:
            body += self.secure.recv(65536)
        return head + b"\r\n\r\n" + body

    def ask(self) -> None:
        self.secure.sendall(self.request)

    def take(self) -> None:
        left = self.length
        while left > 0:
            left -= len(self.secure.recv(left))


def reads(server: Server, path: str, headers: dict[str, str]) -> tuple[float, float]:
    """Reads a second over all connections, and microseconds of the server's processor time for each.

    One thread has a request under way on every connection all the time: a thread for each would wait for the others at
    Python's lock, and measure that. Answers have one length, as stamps and ids in them do. The second figure counts on
    machines that do other things.
    """
    raws = [Raw(server, path, headers) for _ in range(CONNECTIONS)]
    before, count, end = server.busy(), 0, time.perf_counter() + SECONDS
    for raw in raws:
        raw.ask()
    while time.perf_counter() < end:
        for raw in raws:
            raw.take()
            raw.ask()
        count += CONNECTIONS
    return count / SECONDS, (server.busy() - before) / count * 1e6


def upload(server: Server, key: str) -> tuple[float, float]:
    """Seconds for a large file, and by how many megabytes the server grew at the most."""
    row = b'{"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "Yes."}]}\n' % (
        b"word " * 180
    )
    content = row * (UPLOAD // len(row))
    edge = b"--b\r\nContent-Disposition: form-data; name="
    head = edge + b'"purpose"\r\n\r\nfine-tune\r\n' + edge + b'"file"; filename="big.jsonl"\r\n\r\n'
    body = head + content + b"\r\n--b--\r\n"
    before = server.memory("VmRSS")
    connection = server.connect()
    began = time.perf_counter()
    headers = {"api-key": key, "Content-Type": "multipart/form-data; boundary=b"}
    connection.request("POST", "/cognitiveservices/acc-sub/openai/v1/files", body, headers)
    response = connection.getresponse()
    answer = response.read()
    took = time.perf_counter() - began
    assert response.status == 200, answer
    connection.close()
    return took, server.memory("VmHWM") - before


def start_up(folder: Path) -> float:
    """Seconds from nothing to the first answer."""
    began = time.perf_counter()
    server = Server(folder)
    connection = server.connect()
    connection.request("GET", "/metadata/endpoints")
    connection.getresponse().read()
    took = time.perf_counter() - began
    connection.close()
    server.stop()
    return took


def prepared(folder: Path) -> tuple[str, dict[str, dict[str, str]]]:
    """A folder with an account and a deployment; its key, and the reads to time."""
    import requests  # noqa: PLC0415  only to prepare

    from tests.local.conftest import Caller  # noqa: PLC0415  it brings pytest along

    azure = Azure(folder, settings=Settings(pace=100_000))
    with azure.serve() as served, requests.Session() as session:
        arm = Caller(azure, served, session)
        arm.put(GROUP, {"location": "swedencentral"})
        body = {"location": "swedencentral", "kind": "OpenAI", "sku": {"name": "S0"}}
        arm.put(ACCOUNT, body | {"properties": {"customSubDomainName": "acc-sub"}})
        azure.clock.advance(60)
        model = {"format": "OpenAI", "name": "gpt-4o-mini", "version": "2024-07-18"}
        deployment = {"sku": {"name": "GlobalStandard", "capacity": 1}, "properties": {"model": model}}
        assert arm.put(f"{ACCOUNT}/deployments/chat", deployment).status_code == 201
        key = arm.call("POST", f"{ACCOUNT}/listKeys").json()["key1"]
        token = {"Authorization": f"Bearer {arm.token()}"}
        files = {"file": ("t.jsonl", b'{"messages": []}\n')}
        uploaded = session.post(
            f"{served.url}/cognitiveservices/acc-sub/openai/v1/files",
            headers={"api-key": key},
            data={"purpose": "fine-tune"},
            files=files,
            verify=served.ca_file,
        ).json()["id"]
    azure.close()
    version = "?api-version=2025-06-01"
    return key, {
        f"{GROUP}{version}": token,
        f"{ACCOUNT}/deployments/chat{version}": token,
        f"{ACCOUNT}{version}": token,
        f"/cognitiveservices/acc-sub/openai/v1/files/{uploaded}": {"api-key": key},
        "/cognitiveservices/acc-sub/openai/v1/models/gpt-4o-mini-2024-07-18": {"api-key": key},
    }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ftctl-bench-") as name:
        folder = Path(name)
        first = start_up(folder)
        again = statistics.median(start_up(folder) for _ in range(ROUNDS))
        print(f"start-up to first answer: {first:.2f} s with a new folder, {again:.2f} s after (goal: under 0.4 s)")
        key, paths = prepared(folder)
        server = Server(folder)
        print(f"small reads a second over TLS, {CONNECTIONS} kept-alive connections (goal: 4,000):")
        for path, headers in paths.items():
            figures = [reads(server, path, headers) for _ in range(ROUNDS)]
            rate, cost = (statistics.median(column) for column in zip(*figures, strict=True))
            print(f"{rate:8.0f}  {cost:4.0f} us of processor time each  {path.partition('?')[0][-58:]}")
        took, grew = upload(server, key)
        print(f"{UPLOAD / 1e6:.0f} MB upload: {took:.2f} s, {grew:.0f} MB more memory (goal: under 3 s and 100 MB)")
        server.stop()


if __name__ == "__main__":
    main()
