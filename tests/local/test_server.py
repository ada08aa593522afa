from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from ftctl.core.clock import ManualClock
from ftctl.local import identity
from ftctl.local.azure import BANNER, Azure, Fault, Settings
from ftctl.local.server import Served
from ftctl.local.wire import Refusal
from tests.local.conftest import GROUP, SUBSCRIPTION, Caller, code


def connected(served) -> ssl.SSLSocket:
    host, port = served.url.removeprefix("https://").split(":")
    plain = socket.create_connection((host, int(port)), timeout=5)
    return ssl.create_default_context(cafile=served.ca_file).wrap_socket(plain, server_hostname=host)


def raw(served, payload: bytes) -> bytes:
    """What the server answers to bytes that no client library would send."""
    with connected(served) as secure:
        secure.sendall(payload)
        answer = b""
        while piece := secure.recv(65536):
            answer += piece
        return answer


def test_every_reply_says_what_it_is(arm):
    assert arm.get("/subscriptions").headers["Server"] == BANNER
    assert arm.get("/nothing").headers["Server"] == BANNER


def test_a_connection_is_kept_after_an_unread_body_and_after_an_error(arm):
    sizes = [arm.call("POST", "/nowhere", {"x": "y" * size}).status_code for size in (10, 100_000, 10)]
    assert sizes == [404] * 3
    pools = arm.session.get_adapter(arm.served.url).poolmanager.pools
    assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118  it has no iterator


def test_a_large_upload_that_is_refused_at_its_headers_gets_its_answer(arm, account):
    response = arm.session.post(
        f"{arm.served.url}/cognitiveservices/acc-sub/openai/v1/files",
        data=iter([bytes(1 << 20)] * 20),
        headers={"api-key": "wrong", "Content-Type": "multipart/form-data; boundary=x"},
        verify=arm.served.ca_file,
    )
    assert code(response) == (401, "401")
    whole = arm.session.post(response.url, data=bytes(20 << 20), headers={"api-key": "x"}, verify=arm.served.ca_file)
    assert code(whole) == (401, "401")


@pytest.mark.parametrize(
    "payload",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1e3\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /x HTTP/9.9\r\nHost: h\r\n\r\n",
        b"GET /x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 300 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        b"PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"GET /\xff\x00 HTTP/1.1\r\nHost: h\r\nX: \xff\x00\r\nConnection: close\r\n\r\n",
        b"GET //..%2f..%2fetc/passwd HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"GET /subscriptions?%zz=%%%&api-version=%00 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 200-nothing\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    ],
)
def test_malformed_requests_get_a_client_error_with_a_body(served, payload):
    head, _, body = raw(served, payload).partition(b"\r\n\r\n")
    assert head.split(b" ")[1].startswith(b"4")
    assert b'"error"' in body


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"GET",
        b"GET / HTTP/1.1\r\nHost: h\r\nX-Half",
        b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{",
        b"PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort",
        b"POST /cognitiveservices/x/openai/v1/files HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n--x",
        b"\x16\x03\x01" + bytes(500),
    ],
)
def test_callers_that_hang_up_early_do_no_harm(arm, azure, payload):
    secure = connected(arm.served)
    secure.sendall(payload)
    secure.close()
    host, port = arm.served.url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as plain:  # not even TLS
        plain.sendall(payload)
    assert arm.get("/subscriptions").status_code == 200
    assert 500 not in {call.status for call in azure.calls}


def test_half_a_body_changes_nothing(arm):
    whole = b'{"location": "westus", "tags": {"a": "b"}}'
    head = f"PUT {GROUP}?api-version=2021-04-01 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {arm.token()}\r\n"
    for sent, length in ((b'{"location": "westus"}', 500), (whole[:10], len(whole))):
        secure = connected(arm.served)
        secure.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode() + sent)
        secure.shutdown(socket.SHUT_WR)
        secure.close()
    assert arm.get(GROUP).status_code == 404


@pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
@pytest.mark.parametrize(("host", "reached"), [(None, False), ("0.0.0.0", True)])
def test_it_listens_on_one_address_alone_unless_told_otherwise(azure, host, reached):
    with azure.serve(**({"host": host} if host else {})) as served:
        assert served.url.startswith("https://127.0.0.1:")
        other = ("127.0.0.2", int(served.url.rpartition(":")[2]))
        try:
            socket.create_connection(other, timeout=2).close()
        except ConnectionRefusedError:
            assert not reached
        else:
            assert reached


def test_a_chunked_body_is_read_like_any_other(arm):
    def pieces():
        yield b'{"location": '
        yield b'"swedencentral"}'

    response = arm.session.put(
        f"{arm.served.url}{GROUP}?api-version=2021-04-01",
        data=pieces(),
        headers={"Authorization": f"Bearer {arm.token()}"},
        verify=arm.served.ca_file,
    )
    assert response.status_code == 201


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"a":' * 100_000, b"\xff\xfe", b'{"location": 5}'])
def test_bodies_that_are_no_object_are_refused(arm, body):
    response = arm.session.put(
        f"{arm.served.url}{GROUP}?api-version=2021-04-01",
        data=body,
        headers={"Authorization": f"Bearer {arm.token()}"},
        verify=arm.served.ca_file,
    )
    assert code(response) == (400, "InvalidRequestContent")


def test_a_lone_surrogate_is_kept_not_crashed_on(arm, group):
    response = arm.put(group, {"location": "swedencentral", "tags": {"x": "\ud800"}})
    assert response.status_code == 200
    assert response.json()["tags"] == {"x": "\ud800"}


def test_arm_takes_an_api_version_and_knows_one_subscription(arm):
    assert code(arm.call("GET", "/subscriptions", audience="https://management.core.windows.net/")) == (
        400,
        "MissingApiVersionParameter",
    )
    assert code(arm.get("/subscriptions", **{"api-version": "latest"})) == (400, "InvalidApiVersionParameter")
    other = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups"
    assert code(arm.get(other)) == (404, "SubscriptionNotFound")


def test_a_method_that_a_path_has_not_is_405(arm):
    assert code(arm.call("POST", "/subscriptions", {})) == (405, "MethodNotAllowed")


def test_a_bug_in_a_handler_is_a_plain_500(arm, monkeypatch, capfd):
    monkeypatch.setattr(identity, "memberships", lambda *_: 1 / 0)
    response = arm.get("/subscriptions")
    assert code(response) == (500, "InternalServerError")
    assert "ZeroDivision" not in response.text + capfd.readouterr().err


def test_calls_are_counted_by_route(arm, azure):
    arm.get("/subscriptions")
    arm.get(GROUP)
    assert [(call.route, call.status) for call in azure.calls] == [
        ("arm_groups.subscriptions", 200),
        ("arm_groups.get_group", 404),
    ]


@pytest.mark.parametrize("kind", ["lose", "cut", "reset"])
def test_a_broken_reply_after_the_work_leaves_the_work_done(arm, azure, kind):
    broken = [Fault(kind, after=True)]
    azure.faults.append(lambda request, _: broken.pop() if request.method == "PUT" and broken else None)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        arm.put(GROUP, {"location": "swedencentral"})
    assert arm.get(GROUP).status_code == 200


def test_a_fault_before_the_work_leaves_nothing(arm, azure):
    refused = [Fault(status=429, code="TooManyRequests", message="Slow down.", headers={"Retry-After": "7"})]
    azure.faults.append(lambda *_: refused.pop() if refused else None)
    response = arm.put(GROUP, {"location": "swedencentral"})
    assert code(response) == (429, "TooManyRequests")
    assert response.headers["Retry-After"] == "7"
    assert arm.get(GROUP).status_code == 404


def test_a_silent_client_keeps_nobody_waiting(arm, served):
    host, port = served.url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port))):
        assert arm.get("/subscriptions").status_code == 200


def test_two_processes_on_one_folder_see_the_same(tmp_path):
    clock = ManualClock()
    one, other = Azure(tmp_path, clock=clock), Azure(tmp_path, clock=clock)
    try:
        assert one.secrets.signing_key == other.secrets.signing_key
        with one.serve() as first, other.serve() as second, requests.Session() as session:
            assert first.ca_file == second.ca_file
            Caller(one, first, session).put(GROUP, {"location": "swedencentral"})
            assert Caller(other, second, session).get(GROUP).status_code == 200
    finally:
        one.close()
        other.close()


def test_first_starts_at_once_agree_on_secrets_and_certificates(tmp_path):
    made, gate = [], threading.Barrier(4)

    def start():
        gate.wait()
        azure = Azure(tmp_path, clock=ManualClock())
        with azure.serve() as served:
            made.append((azure.secrets.signing_key, served.ca_file.read_bytes()))
        azure.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1


def test_private_files_are_private(tmp_path):
    azure = Azure(tmp_path, clock=ManualClock())
    with azure.serve():
        pass
    azure.close()
    private = [tmp_path / "secrets.json", tmp_path / "tls" / "server.pem", tmp_path / "tls" / "ca-key.pem"]
    assert [file.stat().st_mode & 0o777 for file in private] == [0o600] * 3
    assert not list(tmp_path.glob(".*"))


def test_settings_and_the_clock_outlive_the_process(tmp_path):
    first = Azure(tmp_path, settings=Settings(pace=1000, retirements="enforce"))
    before = first.clock.now()
    first.clock.advance(86_400)
    first.close()
    second = Azure(tmp_path)
    assert second.settings == Settings(pace=1000, retirements="enforce")
    assert 86_400 <= (second.clock.now() - before).total_seconds() < 86_460
    second.close()


def test_a_refusal_rolls_back_what_was_written(azure):
    def write():
        with azure.store.transaction():
            azure.store.put("group", "x", {})
            raise Refusal(400, "No", "no")

    with pytest.raises(Refusal):
        write()
    assert azure.store.get("group", "x") is None


def test_a_listed_subscription_is_the_callers(arm):
    assert arm.get("/subscriptions").json()["value"][0]["id"] == SUBSCRIPTION
    assert arm.as_(identity.LIN).get("/subscriptions").json()["value"] == []


def test_a_kill_between_two_requests_loses_nothing(tmp_path):
    script = (
        "import pathlib, sys, time\n"
        "from ftctl.local.azure import Azure\n"
        "with Azure(pathlib.Path(sys.argv[1])).serve() as served:\n"
        "    print(served.url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            served = Served(process.stdout.readline().strip(), tmp_path / "ca.pem")
            azure = Azure(tmp_path)
            with requests.Session() as session:
                made = Caller(azure, served, session).put(GROUP, {"location": "swedencentral"})
                assert made.status_code == 201
        finally:
            process.kill()
    with azure.serve() as again, requests.Session() as session:
        assert Caller(azure, again, session).get(GROUP).json() == made.json()
    azure.close()
