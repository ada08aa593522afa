"""Many connections and one thread that waits for them: slow ones hold nobody up, order is kept, ends are noticed."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from contextlib import ExitStack
from time import perf_counter, sleep

import pytest

from ftctl.local import http1, identity, loop
from tests.local.conftest import ARM, GROUP

PATH = "/subscriptions?api-version=2022-12-01"
BIG = 32 << 20  # more than the system takes for a client that does not read


class Wire:
    """One TLS connection that says what it is told to, byte by byte where that is asked."""

    def __init__(self, served, azure):
        host, port = served.url.removeprefix("https://").split(":")
        plain = socket.create_connection((host, int(port)), timeout=10)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.secure = ssl.create_default_context(cafile=served.ca_file).wrap_socket(plain, server_hostname=host)
        self.token = identity.issue_token(azure.secrets.signing_key, identity.FTCTL_LOCAL, ARM)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.secure.close()

    def request(self, path=PATH, method="GET", body=b"", **headers):
        lines = [f"{method} {path} HTTP/1.1", "Host: h", f"Authorization: Bearer {self.token}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}"] if body else []
        return "\r\n".join([*lines, "", ""]).encode() + body

    def send(self, data):
        self.secure.sendall(data)

    def answer(self):
        """Status and body of the next answer; what follows it is kept."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        size = int(lengths[0].partition(b":")[2]) if lengths else 0
        while len(self.rest) < size:
            self._more()
        body, self.rest = self.rest[:size], self.rest[size:]
        return int(head.split(b" ")[1]), body

    def _more(self):
        piece = self.secure.recv(65536)
        assert piece, "the server has hung up"
        self.rest += piece

    def ask(self, *args, **more):
        self.send(self.request(*args, **more))
        return self.answer()

    def ended(self):
        """Whether the server hangs up now, or has done so."""
        try:
            return not self.secure.recv(1)
        except ConnectionError:
            return True


@pytest.fixture
def wires(azure, served):
    """As many connections as one asks for."""
    with ExitStack() as stack:
        yield lambda count: [stack.enter_context(Wire(served, azure)) for _ in range(count)]


def eventually(check):
    """For what another thread does soon."""
    end = perf_counter() + 10
    while not check():
        assert perf_counter() < end
        sleep(0.01)


@pytest.mark.parametrize("body", [b"", b'{"location": "swedencentral"}'])
def test_requests_that_take_long_keep_nobody_waiting(azure, wires, body):
    gate, entered = threading.Event(), threading.Semaphore(0)

    def wait(request, _):
        if "slow" in request.path:
            entered.release()
            assert gate.wait(30)

    azure.faults.append(wait)
    *slow, quick = wires(6)
    path = GROUP.replace("rg-test", "slow") + "?api-version=2021-04-01"
    for wire in slow:
        wire.send(wire.request(path, "PUT" if body else "GET", body))
    for _ in slow:
        assert entered.acquire(timeout=10)
    assert [quick.ask()[0] for _ in range(3)] == [200] * 3
    gate.set()
    assert {wire.answer()[0] for wire in slow} <= {200, 201, 404}
    assert [wire.ask()[0] for wire in slow] == [200] * 5  # they are waited for again


def test_a_client_that_does_not_read_its_answer_keeps_nobody_waiting(arm, azure, account, wires):
    key = arm.call("POST", f"{account}/listKeys").json()["key1"]
    uploaded = arm.session.post(
        f"{arm.served.url}/cognitiveservices/acc-sub/openai/v1/files",
        headers={"api-key": key},
        data={"purpose": "fine-tune"},
        files={"file": ("t.jsonl", b"{}\n")},
        verify=arm.served.ca_file,
    ).json()["id"]
    with (azure.blobs / "files" / uploaded).open("wb") as file:
        file.truncate(BIG)
    deaf, quick = wires(2)
    deaf.send(deaf.request(f"/cognitiveservices/acc-sub/openai/v1/files/{uploaded}/content", api_key=key))
    eventually(lambda: any(call.route == "files.content" for call in azure.calls))
    assert [quick.ask()[0] for _ in range(3)] == [200] * 3
    size = 0
    while size < BIG:
        size += len(deaf.secure.recv(1 << 20))


def test_a_head_may_come_byte_by_byte(wires):
    slow, quick = wires(2)
    for place, byte in enumerate(slow.request()):
        slow.send(bytes([byte]))
        if place % 50 == 0:
            assert quick.ask()[0] == 200
    assert slow.answer()[0] == 200


def test_requests_sent_together_are_answered_in_order(wires):
    [wire] = wires(1)
    group = f"{GROUP}?api-version=2021-04-01"
    made = wire.request(group, "PUT", b'{"location": "westus"}')
    chunked = (
        wire.request(group, "PATCH", Transfer_Encoding="chunked")
        + b'5\r\n{"tag\r\n11;x=y\r\ns": {"a": "b c"}}\r\n0\r\n\r\n'
    )
    wire.send(wire.request(group) + made + wire.request(group, "HEAD") + chunked + b"\r\n" + wire.request(group))
    answers = [wire.answer() for _ in range(5)]
    assert [status for status, _ in answers] == [404, 201, 204, 200, 200]
    assert json.loads(answers[4][1])["tags"] == {"a": "b c"}


def test_a_body_that_comes_in_pieces_is_waited_for(wires):
    slow, quick = wires(2)
    whole = slow.request(f"{GROUP}?api-version=2021-04-01", "PUT", b'{"location": "westus"}', Expect="100-continue")
    head, _, body = whole.partition(b"\r\n\r\n")
    slow.send(head + b"\r\n\r\n")
    assert slow.answer()[0] == 100
    for byte in body:
        slow.send(bytes([byte]))
        assert quick.ask()[0] == 200
    assert slow.answer()[0] == 201


def test_idle_connections_cost_no_threads(wires):
    threads = threading.active_count()
    idle = wires(60)
    eventually(lambda: threading.active_count() <= threads)
    assert [wire.ask()[0] for wire in idle] == [200] * 60
    eventually(lambda: threading.active_count() <= threads)


def test_a_silent_connection_is_ended_and_others_are_not(wires, monkeypatch):
    [silent] = wires(1)
    assert silent.ask()[0] == 200
    monkeypatch.setattr(loop, "IDLE", 0.05)
    assert silent.ended()
    monkeypatch.setattr(loop, "IDLE", 75)
    assert wires(1)[0].ask()[0] == 200


def test_a_bug_in_writing_an_answer_ends_that_connection_alone(wires, monkeypatch):
    [one, other] = wires(2)
    with monkeypatch.context() as broken:
        broken.setattr(http1, "head_of", lambda *_, **__: 1 / 0)
        one.send(one.request())
        assert one.ended()
    assert other.ask()[0] == 200


def test_the_end_of_the_server_ends_connections_and_threads(azure):
    threads = threading.active_count()
    with azure.serve() as served:
        wires = [Wire(served, azure) for _ in range(3)]
        assert wires[0].ask()[0] == 200
    assert all(wire.ended() for wire in wires)
    eventually(lambda: threading.active_count() <= threads)
    for wire in wires:
        wire.secure.close()
