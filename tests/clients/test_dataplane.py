"""The data plane, byte by byte, against a scripted server."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
import requests

from ftctl.clients.dataplane import DataPlane
from ftctl.clients.errors import AzureError
from ftctl.clients.http import failure

JOBS = "/acc/openai/v1/fine_tuning/jobs"
ODD_JOB = {"id": "ftjob-1", "status": "pending", "hyperparameters": {"n_epochs": -1}, "trainingType": "globalStandard"}


@pytest.fixture
def data(parts, fake):
    cloud, http, credentials, retry = parts
    with closing(DataPlane(f"{fake.url}/acc", cloud, http, credentials, retry)) as data:
        yield data


def test_a_read_signs_in_and_gives_azures_own_json(data, fake):
    fake.script[f"GET {JOBS}/ftjob-1"] = [(200, ODD_JOB)]
    assert data.get_job("ftjob-1") == ODD_JOB
    assert fake.seen[0].headers["authorization"] == "Bearer token-for-data"
    assert fake.seen[0].query == {}


def test_a_list_is_read_to_its_end(data, fake):
    pages = [
        {"data": [{"id": "c"}, {"id": "b"}], "has_more": True},
        {"data": [{"id": "a"}], "has_more": False},
    ]
    fake.script[f"GET {JOBS}"] = [(200, page) for page in pages]
    assert [job["id"] for job in data.list_jobs()] == ["c", "b", "a"]
    assert [seen.query for seen in fake.seen] == [{"limit": ["100"]}, {"limit": ["100"], "after": ["b"]}]


def test_a_list_that_repeats_itself_ends(data, fake):
    fake.script["GET /acc/openai/v1/files"] = [(200, {"data": [{"id": "a"}], "has_more": True})]
    assert data.list_files() == [{"id": "a"}, {"id": "a"}]


def test_what_is_not_there_is_none(data, fake):
    fake.script["GET /acc/openai/v1/files/file-1"] = [(404, {"error": {"code": "notFound", "message": "gone"}})]
    assert data.get_file("file-1") is None


def test_a_wrong_endpoint_is_no_missing_file(data, fake):
    fake.script["GET /acc/openai/v1/files/file-1"] = [
        (404, {"error": {"code": "404", "message": "Resource not found"}})
    ]
    with pytest.raises(AzureError) as caught:
        data.get_file("file-1")
    assert caught.value.code == "FT2208"


def test_an_id_is_one_segment(data, fake):
    with pytest.raises(AzureError):
        data.get_file("../models?x=1")
    assert fake.seen[0].path == "/acc/openai/v1/files/..%2Fmodels%3Fx%3D1"


def test_events_come_by_page_and_since(data, fake):
    path = f"GET {JOBS}/ftjob-1/events"
    fake.script[path] = [
        (200, {"data": [{"id": "e4"}, {"id": "e3"}], "has_more": True}),
        (200, {"data": [{"id": "e2"}, {"id": "e1"}], "has_more": True}),
    ]
    assert [event["id"] for event in data.events_since("ftjob-1", "e1")] == ["e2", "e3", "e4"]
    assert len(fake.seen) == 2
    assert data.job_events("ftjob-1", after="e3", limit=2) == [{"id": "e2"}, {"id": "e1"}]
    assert fake.seen[-1].query == {"limit": ["2"], "after": ["e3"]}


def test_content_comes_in_pieces(data, fake):
    fake.script["GET /acc/openai/v1/files/file-1/content"] = [(200, b"x" * 200_000)]
    sizes = [len(piece) for piece in data.file_content("file-1")]
    assert sum(sizes) == 200_000
    assert len(sizes) > 1


def test_a_job_is_deleted_on_the_dated_route(data, fake):
    fake.script["DELETE /acc/openai/fine_tuning/jobs/ftjob-1"] = [(204, None)]
    data.delete_job("ftjob-1")
    assert fake.seen[0].query == {"api-version": ["2025-04-01-preview"]}


@pytest.mark.parametrize(("status", "deleted"), [(200, True), (204, True), (404, False), (405, False)])
def test_a_model_is_deleted_where_that_is_offered(data, fake, status, deleted):
    fake.script["DELETE /acc/openai/v1/models/m.ft-1:ckpt-step-9"] = [(status, None)]
    assert data.delete_model("m.ft-1:ckpt-step-9") is deleted


def test_a_deployed_model_is_not_deleted(data, fake):
    fake.script["DELETE /acc/openai/v1/models/m"] = [(409, {"error": {"code": "conflict", "message": "deployed"}})]
    with pytest.raises(AzureError) as caught:
        data.delete_model("m")
    assert caught.value.code == "FT2119"


def test_deleting_what_is_gone_is_fine(data, fake):
    fake.script["DELETE /acc/openai/v1/files/file-1"] = [(404, {"error": {"code": "notFound", "message": "gone"}})]
    data.delete_file("file-1")


def test_a_broken_read_is_made_again(data, fake):
    fake.script[f"GET {JOBS}/j"] = ["hang up", (500, None), (429, None, {"retry-after": "2"}), (200, ODD_JOB)]
    assert data.get_job("j") == ODD_JOB
    assert len(fake.seen) == 4


def test_a_job_is_created_with_the_body_as_given(data, fake):
    fake.script[f"POST {JOBS}"] = [(201, ODD_JOB)]
    body = {
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": "file-1",
        "trainingType": "globalStandard",
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
        "suffix": "tone-1234-0123456789ab",
        "seed": 105,
        "unheardOf": {"a": None},
    }
    assert data.create_job(body) == ODD_JOB
    assert json.loads(fake.seen[0].body) == body
    assert fake.seen[0].headers["authorization"] == "Bearer token-for-data"


@pytest.mark.parametrize("outcome", ["hang up", (500, None), (503, None, {"retry-after": "1"}), (408, None)])
def test_a_creation_that_may_have_happened_is_asked_for_once(data, fake, outcome):
    fake.script[f"POST {JOBS}"] = [outcome, (201, ODD_JOB)]
    with pytest.raises(AzureError) as caught:
        data.create_job({"model": "m", "training_file": "f"})
    assert caught.value.ambiguous
    assert len(fake.seen) == 1


def test_a_throttled_creation_is_made_again(data, fake):
    fake.script[f"POST {JOBS}"] = [(429, None, {"retry-after": "1"}), (201, ODD_JOB)]
    assert data.create_job({"model": "m", "training_file": "f"}) == ODD_JOB


def test_openais_own_environment_does_not_reach_azure(data, fake, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "S3cret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/")
    fake.script[f"POST {JOBS}"] = [(201, ODD_JOB)]
    data.create_job({"model": "m", "training_file": "f"})
    assert "S3cret" not in str(fake.seen[0].headers)


CHAT = "POST /acc/openai/v1/chat/completions"
ASK = [{"role": "user", "content": "Hi"}]


def test_chat_gives_the_whole_answer(data, fake):
    answer = {"choices": [{"message": {"content": "Hello"}, "content_filter_results": {"hate": {"filtered": False}}}]}
    fake.script[CHAT] = [(200, answer)]
    assert data.chat("tone-prod", ASK, 16) == answer
    assert json.loads(fake.seen[0].body) == {"model": "tone-prod", "messages": ASK, "max_tokens": 16}


def test_chat_with_a_model_that_calls_its_limit_otherwise(data, fake):
    message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    fake.script[CHAT] = [(400, {"error": {"code": "unsupported_parameter", "message": message}}), (200, {"id": "x"})]
    assert data.chat("o4", ASK, 16) == {"id": "x"}
    assert json.loads(fake.seen[1].body)["max_completion_tokens"] == 16


def test_chat_as_it_is_written(data, fake):
    chunks = [{"choices": []}, *({"choices": [{"index": 0, "delta": {"content": text}}]} for text in ("Hel", "lo"))]
    stream = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    fake.script[CHAT] = [(200, stream.encode(), {"content-type": "text/event-stream"})]
    assert list(data.chat_stream("tone-prod", ASK, 16)) == ["Hel", "lo"]


def test_a_deployment_that_does_not_answer_yet(data, fake):
    body = {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}
    fake.script[CHAT] = [(404, body, {"apim-request-id": "abc"})]
    with pytest.raises(AzureError) as caught:
        data.chat("new", ASK, 16)
    assert (caught.value.code, caught.value.problem.correlation) == ("FT2200", "abc")


@pytest.mark.parametrize("answer", [(200, b"<html>sign in</html>"), (200, b"[]")])
def test_an_answer_that_is_no_object(data, fake, answer):
    fake.script[f"GET {JOBS}/j"] = [answer]
    fake.script[CHAT] = [answer]
    for call in (lambda: data.get_job("j"), lambda: data.chat("d", ASK, 1)):
        with pytest.raises(AzureError) as caught:
            call()
        assert caught.value.code == "FT2024"


@pytest.mark.parametrize(
    ("text", "code", "ambiguous"),
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate", "FT2021", False),
        ("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol", "FT2023", True),
    ],
)
def test_a_connection_cut_inside_tls_is_no_matter_of_trust(text, code, ambiguous):
    error = failure(requests.exceptions.SSLError(text), method="PUT", url="https://arm.example/x")
    assert (error.code, error.ambiguous) == (code, ambiguous)


def test_nobody_at_the_endpoint(parts):
    cloud, http, credentials, retry = parts
    with closing(DataPlane("http://127.0.0.1:9/", cloud, http, credentials, retry)) as data:
        for call in (data.list_files, lambda: data.create_job({"model": "m", "training_file": "f"})):
            with pytest.raises(AzureError) as caught:
                call()
            assert caught.value.code == "FT2020"
            assert not caught.value.ambiguous
            assert "127.0.0.1" in caught.value.problem.what
