"""Files of the data plane, as the OpenAI SDK and plain HTTP see them."""

from __future__ import annotations

import re

import pytest
import requests

from ftctl.local import files
from tests.local import plane
from tests.local.plane import DATED, chats, jsonl, refusal, upload

FILES = "/cognitiveservices/acc-sub/openai/v1/files"


@pytest.fixture
def client(arm, account):
    with plane.v1(arm, account) as client:
        yield client


@pytest.fixture
def older(arm, account):
    with plane.dated(arm, account) as client:
        yield client


@pytest.fixture
def raw(arm, account, served):
    """Plain HTTP with a key."""
    key = plane.key(arm, account)

    def call(method, path, **options):
        headers = {"api-key": key} | options.pop("headers", {})
        return requests.request(
            method, served.url + path, headers=headers, verify=served.ca_file, timeout=10, **options
        )

    return call


def test_file_is_pending_then_processed_and_keeps_its_bytes(client, clock):
    rows = chats(12)
    made = upload(client, rows, "ferries.jsonl")
    assert re.fullmatch(r"file-[0-9a-f]{32}", made.id)
    assert (made.status, made.filename, made.purpose, made.bytes) == (
        "pending",
        "ferries.jsonl",
        "fine-tune",
        len(jsonl(rows)),
    )
    assert made.model_extra == {}
    clock.advance(1)
    assert client.files.retrieve(made.id).status == "processed"
    assert client.files.content(made.id).read() == jsonl(rows)


def test_dated_upload_is_201_with_location_and_v1_is_200(raw, served):
    def post(path):
        return raw("POST", path, files={"file": ("a.jsonl", jsonl(chats(1)))}, data={"purpose": "fine-tune"})

    old = post(f"/cognitiveservices/acc-sub/openai/files?api-version={DATED}")
    assert old.status_code == 201
    assert old.headers["Location"].startswith(served.url)
    assert raw("GET", old.headers["Location"].removeprefix(served.url)).json()["id"] == old.json()["id"]
    assert "status_details" not in old.json()
    assert post(FILES).status_code == 200


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "No valid json line found in file."),
        (b"\n \n", "No valid json line found in file."),
        (b'{"messages": [}\n', "Line 1: it is no valid JSON"),
        (jsonl(chats(2)) + b'["no object"]\n', "Line 3: a JSON object is expected"),
        (jsonl(chats(1)) + b"\n" + b'{"prompt": "a", "completion": "b"}', "Line 3: the key 'messages' is missing"),
        (jsonl(chats(1)) + b'{"messages": "\xff\xfe"}\n', "Line 2: it is no valid JSON in UTF-8"),
        (b"[" * 100_000, "Line 1: it is no valid JSON"),
    ],
)
def test_bad_jsonl_ends_in_error_naming_the_line(client, clock, content, told):
    made = upload(client, content)
    assert made.status == "pending"
    clock.advance(1)
    found = client.files.retrieve(made.id)
    assert found.status == "error"
    assert found.model_extra["error"]["code"] == "jsonlValidationFailed"
    assert found.status_details.startswith("Validation of jsonl file failed: ")
    assert told in found.status_details


def test_byte_order_mark_and_missing_last_newline_are_fine(client, clock):
    made = upload(client, b"\xef\xbb\xbf" + jsonl(chats(3)).rstrip())
    clock.advance(1)
    assert client.files.retrieve(made.id).status == "processed"


def test_v1_list_pages_newest_first_and_dated_lists_all(client, older):
    ids = [upload(client, chats(1)).id for _ in range(5)]
    assert [file.id for file in client.files.list(limit=2)] == ids[::-1]  # the SDK pages by itself
    page = client.files.list(limit=2, order="asc")
    assert [file.id for file in page.data] == ids[:2]
    assert (page.has_more, page.model_extra["first_id"], page.model_extra["last_id"]) == (True, ids[0], ids[1])
    assert [file.id for file in older.files.list()] == ids
    assert client.files.list(purpose="batch").data == []
    assert refusal(lambda: client.files.list(after="file-none"))[:2] == (400, "invalidPayload")


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=99999999999999999999", "limit=²", "order=up"])
def test_bad_paging_is_refused(raw, query):
    answer = raw("GET", f"{FILES}?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalidPayload")


def test_deletion_answers_by_version_and_the_file_is_gone(client, older, arm, account):
    made = [upload(client, chats(1)).id for _ in range(3)]
    assert client.files.delete(made[0]).deleted
    assert older.files.delete(made[1]).deleted
    with plane.dated(arm, account, "2024-03-01-preview") as oldest:
        assert oldest.files.with_raw_response.delete(made[2]).http_response.status_code == 204
    assert client.files.list().data == []
    assert refusal(lambda: client.files.retrieve(made[0]))[:2] == (404, "notFound")
    assert refusal(lambda: client.files.content(made[0]))[:2] == (404, "notFound")


def test_the_file_limit_of_an_account(client, monkeypatch):
    monkeypatch.setattr(files, "FILES_LIMIT", 2)
    upload(client, chats(1))
    upload(client, chats(1))
    status, code, told = refusal(lambda: upload(client, chats(1)))
    assert (status, code) == (400, "quotaExceeded")
    assert "maximum of 2 files" in told


def test_too_large_a_file_is_refused_and_leaves_nothing_behind(client, azure, monkeypatch):
    monkeypatch.setattr(files, "FILE_LIMIT", 1000)
    assert refusal(lambda: upload(client, chats(50)))[:2] == (413, "fileTooLarge")
    assert list((azure.blobs / "files").iterdir()) == []


def test_large_file_goes_to_disk_and_comes_back_whole(client, clock):
    row = jsonl(chats(1))
    content = row * (8_000_000 // len(row))
    made = upload(client, content)
    clock.advance(1)
    assert client.files.retrieve(made.id).status == "processed"
    assert client.files.content(made.id).read() == content


def test_expiry(client, clock):
    made = client.files.create(
        file=("a.jsonl", jsonl(chats(1))),
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 1_209_600},
    )
    assert made.expires_at == made.created_at + 1_209_600
    clock.advance(1_209_601)
    assert refusal(lambda: client.files.retrieve(made.id))[0] == 404


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "purpose"),
        ({"purpose": "fine-tune-results"}, "purpose"),
        ({"purpose": "fine-tune", "colour": "red"}, "colour"),
        ({"purpose": "fine-tune", "expires_after[seconds]": "5"}, "expires_after"),
        (
            {"purpose": "fine-tune", "expires_after[anchor]": "created_at", "expires_after[seconds]": "9" * 30},
            "expires_after",
        ),
    ],
)
def test_bad_fields_are_refused(raw, azure, fields, name):
    answer = raw("POST", FILES, files={"file": ("a.jsonl", b"{}")}, data=fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == name
    assert list((azure.blobs / "files").iterdir()) == []


@pytest.mark.parametrize(
    ("media", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"--x--", 415),
        ("multipart/form-data; boundary=x", b"", 400),
        ("multipart/form-data; boundary=x", b"nonsense", 400),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine', 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n--x--',
            400,
        ),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--", 400),
        (f"multipart/form-data; boundary={'y' * 400}", b"--", 400),
    ],
)
def test_malformed_uploads_are_refused(raw, azure, media, body, status):
    answer = raw("POST", FILES, data=body, headers={"Content-Type": media})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]
    assert list((azure.blobs / "files").glob("*")) == []
