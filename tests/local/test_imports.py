"""Import of files from a URL: what comes of it, and whose files may be had."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from ftctl.local import files, imports
from ftctl.local.azure import Settings
from tests.local import plane
from tests.local.plane import DATED, chats, jsonl, upload

ROWS = jsonl(chats(12))


class _Source(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012  one server a test

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.asked.append(self.path)
        name = self.path.partition("?")[0]
        content = b"nothing" if name == "/bad" else ROWS
        length = len(content) + 10 * (name == "/short")
        self.send_response({"/gone": 404, "/moved": 302}.get(name, 200))
        self.send_header("Content-Length", str(length))
        self.send_header("Location", "http://example.org/")
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def source():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Source)
    _Source.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def data():
    with source() as url:
        yield url


@pytest.fixture
def post(arm, account, served):
    headers = {"api-key": plane.key(arm, account)}

    def call(url, route="/openai", **changes):
        body = {"purpose": "fine-tune", "filename": "far.jsonl", "content_url": url} | changes
        target = f"{served.url}/cognitiveservices/acc-sub{route}/files/import?api-version={DATED}"
        return requests.post(target, json=body, headers=headers, verify=served.ca_file, timeout=20)

    return call


@pytest.fixture
def client(arm, account):
    with plane.v1(arm, account) as client:
        yield client


def test_imported_file_is_pending_without_size_then_processed(post, client, data, clock, served, azure):
    made = post(f"{data}/rows.jsonl?sig=secret")
    assert made.status_code == 201
    body = made.json()
    assert body.keys() == {"id", "created_at", "filename", "object", "purpose", "status"}
    assert (body["status"], body["filename"], body["purpose"]) == ("pending", "far.jsonl", "fine-tune")
    assert made.headers["Location"].startswith(f"{served.url}/cognitiveservices/acc-sub/openai/files/{body['id']}?")
    assert _Source.asked == ["/rows.jsonl?sig=secret"]
    assert "bytes" not in client.files.retrieve(body["id"]).model_dump(exclude_unset=True)
    clock.advance(1)
    found = client.files.retrieve(body["id"])
    assert (found.status, found.bytes) == ("processed", len(ROWS))
    assert client.files.content(body["id"]).read() == ROWS
    assert "secret" not in str(azure.store.all("file"))


@pytest.mark.parametrize(
    ("path", "told"),
    [("/gone", "answered 404"), ("/moved", "answered 302"), ("/short", "ended early")],
)
def test_what_cannot_be_had_ends_in_error(post, client, data, clock, path, told):
    made = post(data + path)
    assert (made.status_code, made.json()["status"]) == (201, "pending")
    clock.advance(1)
    found = client.files.retrieve(made.json()["id"])
    assert found.status == "error"
    assert found.model_extra["error"]["code"] == "fileImportFailed"
    assert told in found.status_details
    assert data not in found.status_details


def test_nobody_there_too_large_and_too_slow(post, client, data, clock, monkeypatch):
    with source() as closed:
        pass
    made = [post(f"{closed}/x").json()["id"]]
    monkeypatch.setattr(files, "FILE_LIMIT", 100)
    made.append(post(f"{data}/x").json()["id"])
    monkeypatch.setattr(files, "FILE_LIMIT", 10_000)
    monkeypatch.setattr(imports, "FETCH_SECONDS", -1)
    made.append(post(f"{data}/x").json()["id"])
    clock.advance(1)
    told = [client.files.retrieve(one).status_details for one in made]
    assert [
        next(word for word in ("ConnectionRefused", "more than", "longer than") if word in one) for one in told
    ] == [
        "ConnectionRefused",
        "more than",
        "longer than",
    ]


def test_bad_rows_are_found_out(post, client, clock, data):
    made = post(f"{data}/bad").json()
    clock.advance(1)
    assert client.files.retrieve(made["id"]).model_extra["error"]["code"] == "jsonlValidationFailed"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "http://169.254.169.254/metadata",
        "http://127.0.0.1.example.org/x",
        "http://localhost.example.org/x",
        "http://127.0.0.1@example.org/x",
        "http://2130706433/x",
        "http://0.0.0.0/x",
        "http://[::ffff:10.0.0.1]/x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://127.0.0.1:99999/x",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/x\r\nHost: y",
        "http://[::1/x",
        "//127.0.0.1/x",
        "",
        5,
    ],
)
def test_other_hosts_and_no_urls_are_refused_at_once(post, client, url):
    answer = post(url)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalidPayload")
    assert client.files.list().data == []


def test_a_host_that_is_allowed_by_name(post, azure):
    azure.settings = Settings(import_hosts=("Data.Invalid",))
    made = post("https://data.invalid/x?sig=secret")
    assert made.status_code == 201  # tried, and not reached from here
    assert post("https://other.invalid/x").status_code == 400


def test_a_file_of_the_local_azure_itself(post, client, clock, served):
    first = upload(client, ROWS)
    clock.advance(1)
    made = post(f"{served.url}/cognitiveservices/acc-sub/openai/v1/files/{first.id}/content")
    clock.advance(1)
    assert "answered 401" in client.files.retrieve(made.json()["id"]).status_details  # over TLS, and not signed in


def test_v1_has_no_import_and_unknown_fields_are_refused(post, data):
    assert post(data, route="/openai/v1").status_code in (400, 404, 405)
    assert post(data, colour="red").json()["error"]["param"] == "colour"
    assert post(data, purpose="vision").json()["error"]["param"] == "purpose"
